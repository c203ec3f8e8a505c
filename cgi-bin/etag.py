#!/usr/bin/env python3
# Nothing new since you last asked
# shows: an ETag names a version; a client that has it gets 304 and no body
# §: RFC 3875 §6.3.3, RFC 9110 §13.1.2
# try: curl -i -H 'If-None-Match: "one"' localhost:8000/cgi-bin/etag.py
import os

version = '"one"'
known = [tag.strip() for tag in os.environ.get("HTTP_IF_NONE_MATCH", "").split(",")]
if version in known or "*" in known:
    print(f"Status: 304 Not Modified\nETag: {version}\n")
else:
    print(f"Content-Type: text/plain\nETag: {version}\n\nVersion one of this page.")
