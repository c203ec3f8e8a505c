#!/bin/sh
# Let another script answer: the local redirect
# shows: Location with a path only; the server runs that script at once and the browser never knows
# §: RFC 3875 §6.2.2
# try: curl -i localhost:8000/cgi-bin/local-redirect.sh
echo 'Location: /cgi-bin/env.sh?sent-by=local-redirect.sh'
echo
