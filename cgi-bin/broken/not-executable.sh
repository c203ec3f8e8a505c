#!/bin/sh
# Mistake: the file is not executable
# shows: without the x bit it is no program to the system: 403, and never its source; chmod +x mends it
# §: RFC 3875 §3.2
# try: curl -i localhost:8000/cgi-bin/broken/not-executable.sh
echo 'Content-Type: text/plain'
echo
echo 'You never see this.'
