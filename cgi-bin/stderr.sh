#!/bin/sh
# Talk to the operator
# shows: stdout goes to the browser, stderr to the terminal of whoever runs the server
# §: RFC 3875 §4.2, §6.1
# try: curl localhost:8000/cgi-bin/stderr.sh
echo 'stderr.sh: somebody asked for me' >&2
echo 'Content-Type: text/plain'
echo
echo 'I have said something where you cannot hear it.'
echo 'stderr.sh: and I have answered' >&2
