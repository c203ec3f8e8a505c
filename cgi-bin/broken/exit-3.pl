#!/usr/bin/env perl
# Mistake: dying before the first word
# shows: why it died is on stderr, in the log of the server: 502
# §: RFC 3875 §3.4, §6.2
# try: curl -i localhost:8000/cgi-bin/broken/exit-3.pl
use strict;
use warnings;

$! = 3;
die "exit-3.pl: cannot open orders.txt\n";
