#!/usr/bin/pyhton3
# Mistake: an interpreter that does not exist
# shows: one slip in the first line; "No such file" is said of the interpreter, not of the script: 500
# §: execve(2), RFC 3875 §3.4
# try: curl -i localhost:8000/cgi-bin/broken/missing-interpreter.py
print("Content-Type: text/plain\n\nYou never see this.")
