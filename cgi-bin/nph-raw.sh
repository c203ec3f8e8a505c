#!/bin/sh
# The script speaks HTTP itself
# shows: a name that begins with nph- means: send what I print as it is, status line and all
# §: RFC 3875 §5
# try: curl -i localhost:8000/cgi-bin/nph-raw.sh
printf 'HTTP/1.1 200 Fine\r\n'
printf 'Content-Type: text/plain\r\n'
printf 'Connection: close\r\n' # no length is given, so the end of the connection is the end of the body
printf '\r\n'
printf 'No one has looked at these bytes but you and me.\n'
