#!/usr/bin/env perl
# A counter for everyone, in a file
# shows: processes that share a file must take turns: lock, read, write, unlock
# §: RFC 3875 §9.7
# try: /cgi-bin/visits.pl
use strict;
use warnings;
use Fcntl qw(:flock :DEFAULT);
use FindBin;

# Kept beside the script directory, where no URL leads; EXERCISE_DATA names another place.
my $data = $ENV{EXERCISE_DATA} // "$FindBin::RealBin/../data";
mkdir $data, 0700;
sysopen my $file, "$data/visits", O_RDWR | O_CREAT, 0600 or die "$data/visits: $!\n";
flock $file, LOCK_EX or die "lock: $!\n";    # others wait here; the kernel unlocks when we end, however we end
my $visits = (<$file> // 0) + 1;
seek $file, 0, 0;
print {$file} "$visits\n";
close $file or die "write: $!\n";            # only now is it written: a full disk is told here

print "Content-Type: text/plain\nCache-Control: no-store\n\nVisit number $visits.\n";
