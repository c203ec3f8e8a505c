#!/bin/sh
# Mistake: cutting the body into chunks yourself
# shows: how bytes travel is between server and client; a script that says Transfer-Encoding is refused: 502
# §: RFC 3875 §6.3.4
# try: curl -i localhost:8000/cgi-bin/broken/transfer-encoding.sh
printf 'Content-Type: text/plain\nTransfer-Encoding: chunked\n\n'
printf '5\r\nHello\r\n0\r\n\r\n'
