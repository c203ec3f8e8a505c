#!/bin/sh
# Mistake: no empty line after the headers
# shows: without it the server cannot tell where the headers end: 502
# §: RFC 3875 §6.2
# try: curl -i localhost:8000/cgi-bin/broken/no-blank-line.sh
echo 'Content-Type: text/plain'
echo 'Hello, world'
