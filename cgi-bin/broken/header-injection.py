#!/usr/bin/env python3
# Mistake: input printed into a header
# shows: %0a in the input begins a new header line: a stranger sets your visitors' cookies, and no server can tell
# §: RFC 3875 §6.3, RFC 9110 §5.5
# try: curl -i 'localhost:8000/cgi-bin/broken/header-injection.py?color=red%0aSet-Cookie:%20user=mallory'
import os, re
from urllib.parse import parse_qs

color = parse_qs(os.environ.get("QUERY_STRING", "")).get("color", ["blue"])[0]
color = re.sub(r"[^A-Za-z0-9 :=\r\n-]|\n\s*\n", "", color)[:60]  # only so that the exercise hurts nobody
print("Content-Type: text/plain")
print(f"X-Color: {color}")  # mended by refusing what is not a colour: re.fullmatch("[a-z]+", color)
print()
print("Look at the headers of this answer.")
