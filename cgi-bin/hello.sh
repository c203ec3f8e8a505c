#!/bin/sh
# Hello from the shell: the smallest script
# shows: all that a script must do: print a header, an empty line, a body
# §: RFC 3875 §6.2.1
# try: curl -i localhost:8000/cgi-bin/hello.sh
echo 'Content-Type: text/plain; charset=utf-8'
echo
echo "Hello. I am process $$: started for your request, and gone when you read this."
