#!/bin/sh
# The environment, as the script finds it
# shows: every variable the server sets; what you send as X-Color arrives as HTTP_X_COLOR (PWD is the shell's own)
# §: RFC 3875 §4.1
# try: curl -H 'X-Color: blue' 'localhost:8000/cgi-bin/env.sh/extra/path?a=1'
echo 'Content-Type: text/plain; charset=utf-8'
echo 'X-Content-Type-Options: nosniff'
echo
env | sort
