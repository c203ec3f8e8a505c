#!/usr/bin/env perl
# Hello from Perl
# shows: the language that most CGI scripts were written in; it starts quickly
# §: RFC 3875 §6.2.1
# try: curl -i localhost:8000/cgi-bin/hello.pl
use strict;
use warnings;

print "Content-Type: text/plain; charset=utf-8\n\n";
print "Hello from Perl, process $$.\n";
