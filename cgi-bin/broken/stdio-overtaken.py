#!/usr/bin/env python3
# Mistake: a child overtakes its parent
# shows: print() waits in a buffer while the child's output goes straight out: the body comes first, 502
# §: RFC 3875 §6.2
# try: curl -i localhost:8000/cgi-bin/broken/stdio-overtaken.py
import os

print("Content-Type: text/plain\n")  # mended by flush=True
os.system("echo Today is; date")
