#!/bin/sh
# Mistake: the page without the headers
# shows: a file can begin with its first word, an answer cannot: 502
# §: RFC 3875 §6.2
# try: curl -i localhost:8000/cgi-bin/broken/no-headers.sh
echo '<h1>Hello</h1>'
