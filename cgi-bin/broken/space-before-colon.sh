#!/bin/sh
# Mistake: a space before the colon
# shows: some readers would take "Content-Type " for another name than others do; so nobody may: 502
# §: RFC 3875 §6.3, RFC 9112 §5.1
# try: curl -i localhost:8000/cgi-bin/broken/space-before-colon.sh
echo 'Content-Type : text/plain'
echo
echo 'Hello'
