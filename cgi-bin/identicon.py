#!/usr/bin/env python3
# A picture, pixel by pixel
# shows: a body may be any bytes: here a PNG made with two small modules, a face for every word
# §: RFC 3875 §6.3.1, §6.4
# try: /cgi-bin/identicon.py?text=Ada
import hashlib, os, struct, sys, zlib
from urllib.parse import parse_qs

text = parse_qs(os.environ.get("QUERY_STRING", "")).get("text", ["hello"])[0]
digest = hashlib.sha256(text.encode("utf-8", "replace")).digest()
paper, ink = (244, 246, 244), tuple(40 + byte // 2 for byte in digest[:3])
size, cell = 9, 24  # 9 × 9 squares of 24 pixels; the outer ring stays empty

def filled(x, y):
    x = min(x, size - 1 - x)  # the left half again on the right: that makes a face
    return 0 < x and 0 < y < size - 1 and digest[3 + y * 3 % 29] >> x & 1

rows = b"".join(
    b"\0" + b"".join(bytes(ink if filled(x, y) else paper) * cell for x in range(size))
    for y in range(size) for _ in range(cell)
)
chunk = lambda kind, data: struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", size * cell, size * cell, 8, 2, 0, 0, 0))
png += chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")

sys.stdout.buffer.write(b"Content-Type: image/png\r\nContent-Length: %d\r\n\r\n" % len(png) + png)
