#!/usr/bin/env python3
# What am I? The process looks at itself
# shows: who started it, where it stands, what it holds open; nothing is left over from the server
# §: RFC 3875 §3.4, §7.2
# try: curl localhost:8000/cgi-bin/process.py
import os, resource, stat, sys

print("Content-Type: text/plain; charset=utf-8\nX-Content-Type-Options: nosniff\n")
print("process      ", os.getpid())
print("parent       ", os.getppid(), "(the server)")
print("process group", os.getpgrp(), "(its own: so the server can end it with all its children)")
print("arguments    ", [os.path.basename(sys.argv[0])] + sys.argv[1:])
print("directory    ", os.path.basename(os.getcwd()), "(the script's own, so relative names work)")
for number in range(20):
    try:
        mode = os.fstat(number).st_mode
    except OSError:
        continue
    what = [name for name in ("FIFO", "SOCK", "CHR", "REG") if getattr(stat, "S_IS" + name)(mode)]
    print("descriptor   ", number, {"FIFO": "pipe", "SOCK": "socket", "CHR": "device", "REG": "file"}[what[0]] if what else "?")
used = resource.getrusage(resource.RUSAGE_SELF)
print(f"used so far   {used.ru_utime + used.ru_stime:.3f} s of processor time, most of it to start Python")
