#!/bin/sh
# The adder: two numbers from the query
# shows: QUERY_STRING is what stands behind the "?", untouched; never calculate with it before you have looked at it
# §: RFC 3875 §4.1.7
# try: curl -i 'localhost:8000/cgi-bin/adder.sh?15000&213'

# $((…)) would run a command hidden in a[$(…)], and read 010 as octal: only numbers of one to nine digits pass.
numbers=$(printf %s "${QUERY_STRING-}" | sed -n 's/^0*\([0-9]\{1,9\}\)&0*\([0-9]\{1,9\}\)$/\1 + \2/p')
if [ -z "$numbers" ]; then
  echo 'Status: 400 Bad Request'
  numbers='Ask for two numbers, like adder.sh?15000&213'
else
  numbers="$numbers = $(($numbers))"
fi
echo 'Content-Type: text/plain'
echo
echo "$numbers"
