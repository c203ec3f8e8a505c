#!/usr/bin/env python3
# Mistake: counting characters instead of bytes
# shows: six characters are eighteen bytes in UTF-8: the answer ends after two of them, and the server notes it
# §: RFC 3875 §6.3.4
# try: curl -i localhost:8000/cgi-bin/broken/counts-characters.py
import sys

text = "你好，世界。"
sys.stdout.buffer.write(f"Content-Type: text/plain; charset=utf-8\nContent-Length: {len(text)}\n\n{text}".encode("utf-8"))
