#!/bin/sh
# A clock that streams
# shows: each line travels as soon as it is printed; leave, and the server ends the process
# §: RFC 3875 §3.4, §6.4
# try: curl -N 'localhost:8000/cgi-bin/clock.sh?seconds=5'
seconds=$(printf %s "${QUERY_STRING-}" | sed -n 's/^seconds=\([0-9]\{1,2\}\)$/\1/p')
echo 'Content-Type: text/plain; charset=utf-8'
echo 'X-Content-Type-Options: nosniff' # a browser that does not guess the type shows the first line at once
echo
left=${seconds:-10}
while [ "$left" -gt 0 ]; do
  date '+%H:%M:%S'
  sleep 1
  left=$((left - 1))
done
echo 'That was all.'
