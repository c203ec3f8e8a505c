#!/bin/sh
# Who are you?
# shows: the server checks the password, the script only hears the name. Needs cgi-serve --basic-auth FILE
# §: RFC 3875 §4.1.1, §4.1.11
# try: curl -u ada localhost:8000/cgi-bin/whoami.sh
echo 'Content-Type: text/plain; charset=utf-8'
echo 'X-Content-Type-Options: nosniff'
echo
if [ -n "${REMOTE_USER-}" ]; then
  echo "You are $REMOTE_USER, says $AUTH_TYPE authentication."
else
  echo 'Nobody asked you for a name.'
fi
