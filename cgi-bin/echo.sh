#!/bin/sh
# Your request body, byte by byte
# shows: a body comes on stdin, CONTENT_LENGTH bytes of it; the server closes stdin after the last one
# §: RFC 3875 §4.2
# try: curl -d 'name=Ada&town=%E5%8C%97%E4%BA%AC' localhost:8000/cgi-bin/echo.sh
echo 'Content-Type: text/plain; charset=utf-8'
echo
echo "method $REQUEST_METHOD, ${CONTENT_LENGTH:-no} bytes of type ${CONTENT_TYPE:-(none)}"
od -A d -t x1 -t c
