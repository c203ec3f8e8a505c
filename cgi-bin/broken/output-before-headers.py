#!/usr/bin/env python3
# Mistake: a message before the headers
# shows: print() for debugging lands in front of the header block: 502; print to sys.stderr instead
# §: RFC 3875 §6.2, §6.3
# try: curl -i localhost:8000/cgi-bin/broken/output-before-headers.py
print("connecting to the database ...")
print("Content-Type: text/plain\n")
print("Hello")
