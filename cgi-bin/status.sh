#!/bin/sh
# Any status you like
# shows: Status is for the server, not a header field of the answer; without it the answer is 200 OK
# §: RFC 3875 §6.3.3
# try: curl -i 'localhost:8000/cgi-bin/status.sh?418'
code=$(printf %s "${QUERY_STRING-}" | sed -n 's/^\([2-5][0-9][0-9]\)$/\1/p')
case $code in
  404) echo 'Status: 404 Not Found' ;;
  418) echo "Status: 418 I'm a teapot" ;;
  ?*) echo "Status: $code" ;;
esac
echo 'Content-Type: text/plain'
echo
echo "Status ${code:-was not given, so it is 200}. Try ?204 ?404 ?418 ?503"
