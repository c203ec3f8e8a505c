#!/bin/sh
# Leave work behind
# shows: while a child holds stdout, more of the answer may come: the server waits a little; give the child other streams
# §: RFC 3875 §3.4
# try: time curl 'localhost:8000/cgi-bin/background.sh?wrong'
echo 'Content-Type: text/plain'
echo
case ${QUERY_STRING-} in
  wrong) sleep 5 & ;; # it holds our stdout: some servers wait its five seconds, this one a quarter of a second
  *) sleep 5 </dev/null >/dev/null 2>&1 & ;;
esac
echo "Child $! goes on for five seconds; I am done."
