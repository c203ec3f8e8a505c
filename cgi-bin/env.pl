#!/usr/bin/env perl
# The environment, sorted by what it is about
# shows: the seventeen meta-variables, which of them are not set, and what comes beside them
# §: RFC 3875 §4.1.1 to §4.1.18
# try: /cgi-bin/env.pl/extra/path?a=1
use strict;
use warnings;

my @rfc = qw(AUTH_TYPE CONTENT_LENGTH CONTENT_TYPE GATEWAY_INTERFACE PATH_INFO PATH_TRANSLATED QUERY_STRING REMOTE_ADDR
  REMOTE_HOST REMOTE_IDENT REMOTE_USER REQUEST_METHOD SCRIPT_NAME SERVER_NAME SERVER_PORT SERVER_PROTOCOL SERVER_SOFTWARE);
my %section = map { $rfc[$_] => '§4.1.' . ($_ + 1) } 0 .. $#rfc;    # the RFC tells them in alphabetical order
my %escape = ('&' => '&amp;', '<' => '&lt;', '>' => '&gt;', '"' => '&quot;');
sub html { my $text = shift; $text =~ s/([&<>"])/$escape{$1}/g; return $text }

sub table {
    my ($title, @names) = @_;
    print "<h2>$title</h2>\n<table>\n";
    for my $name (@names) {
        my $value = !defined $ENV{$name} ? '<i>not set</i>' : $ENV{$name} eq '' ? '<i>empty</i>' : '<code>' . html($ENV{$name}) . '</code>';
        print '<tr><th scope="row">', html($name), "</th><td>$value</td><td>", $section{$name} // '', "</td></tr>\n";
    }
    print "</table>\n";
}

print "Content-Type: text/html; charset=utf-8\n\n";
print '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">';
print '<link rel="stylesheet" href="/style.css"><title>Environment</title><main class="plain"><h1>The environment</h1>';
table('The request', qw(REQUEST_METHOD QUERY_STRING CONTENT_TYPE CONTENT_LENGTH));
table('The script', qw(SCRIPT_NAME PATH_INFO PATH_TRANSLATED));
table('The server', grep { /^SERVER_|^GATEWAY/ } @rfc);
table('The client', grep { /^REMOTE_|^AUTH/ } @rfc);
table('Header fields (§4.1.18)', sort grep { /^HTTP_/ } keys %ENV);
table('Custom, not in the RFC', sort grep { !/^HTTP_/ && !$section{$_} } keys %ENV);
