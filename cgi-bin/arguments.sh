#!/bin/sh
# The oldest input: words on the command line
# shows: a query without "=" may come as arguments; it was the first search box. Needs cgi-serve --isindex
# §: RFC 3875 §4.4
# try: curl 'localhost:8000/cgi-bin/arguments.sh?red+green+blue'
echo 'Content-Type: text/plain; charset=utf-8'
echo 'X-Content-Type-Options: nosniff'
echo
echo "$# arguments, QUERY_STRING=$QUERY_STRING"
for word in "$@"; do printf '  %s\n' "$word"; done
