#!/bin/sh
# Mistake: Windows line ends
# shows: the first line ends in ^M, so the system looks for a program named "sh^M": 500
# §: execve(2), RFC 3875 §3.4
# try: curl -i localhost:8000/cgi-bin/broken/crlf-shebang.sh
echo 'Content-Type: text/plain'
echo
echo 'You never see this.'
