#!/usr/bin/env perl
# A small wiki: one script, many pages
# shows: what follows the script's name in the URL is PATH_INFO; SCRIPT_NAME in front of it makes links that hold
# §: RFC 3875 §4.1.5, §4.1.13
# try: /cgi-bin/wiki.pl/Process
use strict;
use warnings;

my %page = (
    Start       => 'A server got a request for me. It made an [Environment], started a [Process], and now reads what I print.',
    Environment => 'NAME=value, some thirty times. That is all I know about you. The part of the URL after my name is one of them.',
    Process     => 'I live for one request. When you follow a link, another one like me is born. See [Start].',
);
my %escape = ('&' => '&amp;', '<' => '&lt;', '>' => '&gt;', '"' => '&quot;');
sub html { my $text = shift; $text =~ s/([&<>"])/$escape{$1}/g; return $text }

my ($name) = ($ENV{PATH_INFO} // '') =~ m{^/(.*)}s;
$name = 'Start' if !defined $name || $name eq '';
my $base = html($ENV{SCRIPT_NAME} // '');
my $text = $page{$name};
print "Status: 404 Not Found\n" if !defined $text;
$text = 'Nobody has written this page. Back to [Start].' if !defined $text;
$text =~ s{\[(\w+)\]}{<a href="$base/$1">$1</a>}g;

print "Content-Type: text/html; charset=utf-8\n\n";
print '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
  '<link rel="stylesheet" href="/style.css"><title>', html($name), '</title><main class="plain">',
  '<h1>', html($name), "</h1><p>$text</p></main>\n";
