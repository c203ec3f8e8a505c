#!/bin/sh
# Mistake: a status that is none
# shows: Status begins with three digits; words alone are not one: 502
# §: RFC 3875 §6.3.3
# try: curl -i localhost:8000/cgi-bin/broken/bad-status.sh
echo 'Status: OK'
echo 'Content-Type: text/plain'
echo
echo 'Hello'
