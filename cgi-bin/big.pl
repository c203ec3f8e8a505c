#!/usr/bin/env perl
# A long answer
# shows: nothing is collected on the way: a slow reader slows the script down, and no memory fills
# §: RFC 3875 §6.4, §9.6
# try: curl --limit-rate 1M -o /dev/null 'localhost:8000/cgi-bin/big.pl?mib=16'
use strict;
use warnings;

my ($mib) = ($ENV{QUERY_STRING} // '') =~ /^mib=(\d{1,4})$/;
$mib = 1 unless defined $mib;
print "Content-Type: text/plain\n\n";
for my $line (1 .. $mib * 2**14) {    # 64 bytes a line, 16384 lines a MiB
    printf "%09d %s\n", $line, 'the quick brown fox jumps over the lazy dog at night.';
}
