#!/bin/sh
# Mistake: going round in a circle
# shows: a local redirect to itself; the server counts, and gives up: 502
# §: RFC 3875 §6.2.2
# try: curl -i localhost:8000/cgi-bin/broken/redirect-loop.sh
echo "Location: $SCRIPT_NAME"
echo
