#!/usr/bin/env python3
# Answer while you still listen
# shows: both pipes are open at once: with cgi-serve --chunked stream the first line comes back before the second is sent
# §: RFC 3875 §4.2, §6.4
# try: (echo one; sleep 2; echo two) | curl -sN -X POST -T . localhost:8000/cgi-bin/shout.py
import sys

out = sys.stdout.buffer
out.write(b"Content-Type: text/plain; charset=utf-8\nX-Content-Type-Options: nosniff\n\n")
out.flush()
for line in sys.stdin.buffer:
    out.write(line.upper())
    out.flush()  # into a pipe, Python keeps 8 KiB back unless told
