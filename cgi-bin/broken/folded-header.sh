#!/bin/sh
# Mistake: a header on two lines
# shows: mail may fold its header lines, CGI may not: 502
# §: RFC 3875 §6.3
# try: curl -i localhost:8000/cgi-bin/broken/folded-header.sh
echo 'Content-Type: text/plain;'
echo '  charset=utf-8'
echo
echo 'Hello'
