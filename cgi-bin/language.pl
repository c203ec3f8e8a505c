#!/usr/bin/env perl
# A greeting in your language
# shows: a header field of the request becomes HTTP_ and its name in capitals; say in Vary what the answer hangs on
# §: RFC 3875 §4.1.18
# try: curl -i -H 'Accept-Language: zh-CN, en;q=0.5' localhost:8000/cgi-bin/language.pl
use strict;
use warnings;

my %greeting = (en => 'Good day', zh => '你好', de => 'Guten Tag', fr => 'Bonjour', es => 'Buenos días', ja => 'こんにちは');
my %weight;
for my $wish (split /\s*,\s*/, $ENV{HTTP_ACCEPT_LANGUAGE} // '') {
    my ($language, $q) = $wish =~ /^([a-z]{2})\b[^;]*(?:;\s*q=([01](?:\.\d{0,3})?))?$/i or next;
    $language = lc $language;
    $q //= 1;
    $weight{$language} = $q if $greeting{$language} && $q > ($weight{$language} // 0);
}
my ($best) = sort { $weight{$b} <=> $weight{$a} || $a cmp $b } keys %weight;
$best //= 'en';
print "Content-Type: text/plain; charset=utf-8\nContent-Language: $best\nVary: Accept-Language\n\n$greeting{$best}!\n";
