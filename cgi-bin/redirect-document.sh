#!/bin/sh
# Go elsewhere, with a page to read meanwhile
# shows: Location, Status and a document together; the page is for those that do not follow
# §: RFC 3875 §6.2.4
# try: curl -i localhost:8000/cgi-bin/redirect-document.sh
there="${REQUEST_SCHEME:-http}://$SERVER_NAME:$SERVER_PORT/cgi-bin/hello.sh"
echo 'Status: 302 Found'
echo "Location: $there"
echo 'Content-Type: text/html; charset=utf-8'
echo
echo "<!doctype html><title>Moved</title><p>It is <a href=\"$there\">over there</a>."
