#!/bin/sh
# Mistake: waiting for ever
# shows: after --header-timeout (30 seconds) the server ends the script and answers itself: 504
# §: RFC 3875 §3.4
# try: curl -i localhost:8000/cgi-bin/broken/never-answers.sh
sleep 3600
