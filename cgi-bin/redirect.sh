#!/bin/sh
# Go elsewhere: the client redirect
# shows: Location with a whole URL; the server makes it 302, and the browser asks again
# §: RFC 3875 §6.2.3
# try: curl -iL localhost:8000/cgi-bin/redirect.sh
echo "Location: ${REQUEST_SCHEME:-http}://$SERVER_NAME:$SERVER_PORT/cgi-bin/hello.sh"
echo
