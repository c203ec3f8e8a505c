#!/usr/bin/env python3
# A form in Python: GET, POST and file upload
# shows: fields come in QUERY_STRING or on stdin, in one of two encodings; Python's removed cgi module is not needed
# §: RFC 3875 §4.1.7, §4.2
# try: curl -F name=Ada -F file=@README.md localhost:8000/cgi-bin/form.py
import html, os, sys
from email import message_from_string
from urllib.parse import parse_qsl

sys.stdout.reconfigure(encoding="utf-8", errors="replace")
length, kind = int(os.environ.get("CONTENT_LENGTH") or 0), os.environ.get("CONTENT_TYPE", "")
if length > 8 * 2**20:
    print("Status: 413 Content Too Large\nContent-Type: text/plain\n\n8 MiB are enough for an exercise.")
    sys.exit()
body = sys.stdin.buffer.read(length)
fields, files = parse_qsl(os.environ.get("QUERY_STRING", ""), keep_blank_values=True), []
if kind.startswith("application/x-www-form-urlencoded"):
    fields += parse_qsl(body.decode("ascii", "replace"), keep_blank_values=True)
elif kind.startswith("multipart/form-data"):  # parts with headers of their own: an e-mail with attachments has this shape
    utf8 = lambda text: text.encode("latin-1", "replace").decode("utf-8", "replace")
    for part in message_from_string(f"Content-Type: {kind}\r\n\r\n" + body.decode("latin-1")).walk():
        name, file = part.get_param("name", header="content-disposition"), part.get_filename()
        if part.is_multipart() or not isinstance(name, str):
            continue
        if file is None:
            fields.append((utf8(name), utf8(part.get_payload())))
        else:
            files.append((utf8(name), f"{utf8(file)}: {len(part.get_payload())} bytes, {part.get_content_type()}"))

row = lambda pair: '<tr><th scope="row">{}</th><td>{}</td></tr>'.format(*map(html.escape, pair))
print(f"""Content-Type: text/html; charset=utf-8

<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<link rel="stylesheet" href="/style.css"><title>Form</title><main class="plain">
<h1>What came in</h1>
<p>{html.escape(os.environ.get("REQUEST_METHOD", "GET"))}, {length} bytes on stdin</p>
<table>{"".join(map(row, fields + files)) or "<tr><td>nothing yet</td></tr>"}</table>
<form method="post" enctype="multipart/form-data">
<p><label>Name <input name="name" maxlength="80"></label></p>
<p><label>A file <input type="file" name="file"></label></p>
<p><button>Send</button></p>
</form></main>""")
