#!/usr/bin/env python3
# Hello from Python
# shows: the same answer, but an interpreter must start first: compare the times in the log
# §: RFC 3875 §6.2.1
# try: curl -i localhost:8000/cgi-bin/hello.py
import os

print("Content-Type: text/plain; charset=utf-8")
print()
print(f"Hello from Python, process {os.getpid()}.")
