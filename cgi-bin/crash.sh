#!/bin/sh
# Fail, in three ways
# shows: the server tells an exit code from a signal, and a failed script from a failed server: 502, never 200
# §: RFC 3875 §3.4
# try: curl -i 'localhost:8000/cgi-bin/crash.sh?signal'
case ${QUERY_STRING-} in
  signal) echo 'crash.sh: I end myself as a bad pointer would' >&2; kill -SEGV $$ ;;
  after) printf 'Content-Type: text/plain\n\nThe answer is complete, and yet:\n'; echo 'crash.sh: exit 1 after it' >&2; exit 1 ;;
  *) echo 'crash.sh: disk not found, giving up' >&2; exit 3 ;;
esac
