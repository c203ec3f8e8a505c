#!/bin/sh
# Mistake: promising more than comes
# shows: the client was promised 1000 bytes; the server breaks the connection off rather than pretend
# §: RFC 3875 §6.3.4, RFC 9112 §8
# try: curl -i localhost:8000/cgi-bin/broken/short-content-length.sh
echo 'Content-Type: text/plain'
echo 'Content-Length: 1000'
echo
echo 'That is all I have.'
sleep 1
