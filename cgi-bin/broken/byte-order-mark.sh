#!/bin/sh
# Mistake: a byte order mark before the first line
# shows: three bytes no editor shows, EF BB BF, and "#!" is no longer at the start: 500
# §: execve(2), RFC 3875 §3.4
# try: curl -i localhost:8000/cgi-bin/broken/byte-order-mark.sh
echo 'Content-Type: text/plain'
echo
echo 'You never see this.'
