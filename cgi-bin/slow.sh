#!/bin/sh
# Think first, then answer
# shows: until the script prints, the browser waits: the log calls it wait; too long and the server answers 504 itself
# §: RFC 3875 §3.4
# try: curl -i 'localhost:8000/cgi-bin/slow.sh?seconds=3'
seconds=$(printf %s "${QUERY_STRING-}" | sed -n 's/^seconds=\([0-9]\{1,3\}\)$/\1/p')
sleep "${seconds:-3}"
echo 'Content-Type: text/plain'
echo
echo "I slept for ${seconds:-3} seconds. Nobody else had to wait: each request has its own process."
