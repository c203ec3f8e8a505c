#!/bin/sh
# Are you still there? Interim answers
# shows: a non-parsed script may send 1xx heads while it works, which no Status line can; HTTP/1.0 knows none
# §: RFC 3875 §5.2, RFC 9110 §15.2
# try: curl -iN localhost:8000/cgi-bin/nph-progress.sh
for step in 1 2 3; do
  [ "$SERVER_PROTOCOL" = HTTP/1.1 ] && printf 'HTTP/1.1 102 Processing\r\nX-Step: %s of 3\r\n\r\n' "$step"
  sleep 1
done
body='Done, after three steps.'
printf 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %s\r\nConnection: close\r\n\r\n' "${#body}"
printf '%s' "$body"
