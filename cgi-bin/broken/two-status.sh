#!/bin/sh
# Mistake: two answers to one question
# shows: Status may stand once: a library printed one, the script another: 502
# §: RFC 3875 §6.3
# try: curl -i localhost:8000/cgi-bin/broken/two-status.sh
echo 'Status: 200 OK'
echo 'Content-Type: text/plain'
echo 'Status: 404 Not Found'
echo
echo 'Which is it?'
