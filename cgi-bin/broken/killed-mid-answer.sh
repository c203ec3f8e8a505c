#!/bin/sh
# Mistake: dying in the middle of a sentence
# shows: the 200 is sent already; all the server can do is break off, so that nobody takes half for the whole
# §: RFC 3875 §3.4, RFC 9112 §8
# try: curl -i localhost:8000/cgi-bin/broken/killed-mid-answer.sh
echo 'Content-Type: text/plain'
echo
echo 'The secret of a long life is'
sleep 1
kill -KILL $$
