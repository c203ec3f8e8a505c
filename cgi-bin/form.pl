#!/usr/bin/env perl
# A form in Perl: GET, POST and file upload
# shows: both encodings taken apart by hand, as scripts did before libraries
# §: RFC 3875 §4.1.7, §4.2
# try: curl -d 'name=Ada+Lovelace&town=%E5%8C%97%E4%BA%AC' localhost:8000/cgi-bin/form.pl
use strict;
use warnings;

my %escape = ('&' => '&amp;', '<' => '&lt;', '>' => '&gt;', '"' => '&quot;');
sub html { my $text = shift; $text =~ s/([&<>"])/$escape{$1}/g; return $text }
sub plain { my $text = shift // ''; $text =~ tr/+/ /; $text =~ s/%([0-9A-Fa-f]{2})/chr hex $1/ge; return $text }
sub pairs { return map { [map { plain($_) } split /=/, $_, 2] } split /&/, shift }

my ($length, $kind, $body) = ($ENV{CONTENT_LENGTH} || 0, $ENV{CONTENT_TYPE} // '', '');
if ($length > 8 * 2**20) {
    print "Status: 413 Content Too Large\nContent-Type: text/plain\n\n8 MiB are enough for an exercise.\n";
    exit;
}
binmode STDIN;
while (length $body < $length) { read(STDIN, $body, $length - length $body, length $body) or last }

my @came = pairs($ENV{QUERY_STRING} // '');
if ($kind =~ m{^application/x-www-form-urlencoded}i) {
    push @came, pairs($body);
} elsif ($kind =~ m{^multipart/form-data;.*boundary="?([^";]+)"?}i) {
    for my $part (split /(?:^|\r\n)--\Q$1\E/, $body) {
        my ($head, $content) = split /\r\n\r\n/, $part, 2;
        next unless defined $content && $head =~ /\bname="([^"]*)"/;
        my $name = $1;
        $content = "$1: " . length($content) . ' bytes' if $head =~ /filename="([^"]*)"/;
        push @came, [$name, $content];
    }
}

print "Content-Type: text/html; charset=utf-8\n\n";
print '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
  '<link rel="stylesheet" href="/style.css"><title>Form</title><main class="plain"><h1>What came in</h1>',
  '<p>', html($ENV{REQUEST_METHOD} // 'GET'), ", $length bytes on stdin</p><table>";
print '<tr><th scope="row">', html($_->[0] // ''), '</th><td>', html($_->[1] // ''), "</td></tr>\n" for @came;
print '</table><p><a href="/form.html">To the form</a></p></main>', "\n";
