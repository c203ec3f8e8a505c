#!/usr/bin/env python3
# The same program over CGI, FastCGI, SCGI and uwsgi
# shows: what a program is told is the same on every wire; only how it is spelt differs, and how long the program lives
# §: RFC 3875 §4.1; FastCGI §3.3, §3.4, §5; SCGI §3, §4
# try: /wires.html lays them side by side; /cgi-bin/wires.py/extra/path?a=1 is CGI alone
import json, os, socketserver, struct, sys

answered = 0

def answer(wire, told, body):
    """What a CGI script prints. It is the same on every wire."""
    global answered
    answered += 1
    variables = {os.fsdecode(name): os.fsdecode(value) for name, value in told}
    page = {"wire": wire, "process": os.getpid(), "answered": answered, "body": len(body), "variables": variables}
    return b"Content-Type: application/json\nCache-Control: no-store\n\n" + json.dumps(page, indent=1).encode()

# CGI: the variables are the environment, the body is stdin, and the process ends.
def cgi():
    body = sys.stdin.buffer.read(int(os.environ.get("CONTENT_LENGTH") or 0))
    sys.stdout.buffer.write(answer("CGI", os.environ.items(), body))

# SCGI §4: "70:CONTENT_LENGTH" NUL "27" NUL … "," and then the body. CONTENT_LENGTH is always there.
def scgi(stream):
    length = b""
    while not length.endswith(b":"):
        length += exactly(stream, 1)
    parts = exactly(stream, int(length[:-1])).split(b"\0")
    exactly(stream, 1)  # the comma
    told = dict(zip(parts[0::2], parts[1::2]))
    stream.write(answer("SCGI", told.items(), exactly(stream, int(told[b"CONTENT_LENGTH"]))))

# uwsgi: a byte, a length of two bytes, a byte; then lengths of two bytes before each name and each value. Little-endian.
def uwsgi(stream):
    modifier1, length, modifier2 = struct.unpack("<BHB", exactly(stream, 4))
    block, parts = exactly(stream, length), []
    while block:
        (length,) = struct.unpack("<H", block[:2])
        parts.append(block[2 : 2 + length])
        block = block[2 + length :]
    told = dict(zip(parts[0::2], parts[1::2]))
    stream.write(answer("uwsgi", told.items(), exactly(stream, int(told.get(b"CONTENT_LENGTH") or 0))))

# FastCGI §3.3: records. Each has a type, the number of its request, and content; an empty one ends a stream.
BEGIN_REQUEST, ABORT_REQUEST, END_REQUEST, PARAMS, STDIN, STDOUT, GET_VALUES, GET_VALUES_RESULT = 1, 2, 3, 4, 5, 6, 9, 10

def fastcgi(stream):
    while True:
        version, kind, request, length, padding = struct.unpack(">BBHHBx", exactly(stream, 8))
        content = exactly(stream, length + padding)[:length]
        if kind == GET_VALUES:
            stream.write(record(GET_VALUES_RESULT, 0, b""))  # §4.1: nothing to say of how many requests are taken at once
        elif kind == BEGIN_REQUEST:
            keep, params, body = content[2] & 1, b"", b""  # §5.1: after the answer the connection may be kept
        elif kind == PARAMS:
            params += content
        elif kind == STDIN and content:
            body += content
        elif kind == STDIN:
            page = answer("FastCGI", pairs(params), body)
            for start in range(0, len(page), 65535):
                stream.write(record(STDOUT, request, page[start : start + 65535]))
            stream.write(record(STDOUT, request, b"") + record(END_REQUEST, request, bytes(8)))
            if not keep:
                return
        elif kind == ABORT_REQUEST:
            return
        stream.flush()

def record(kind, request, content):
    return struct.pack(">BBHHBx", 1, kind, request, len(content), 0) + content

def pairs(params):
    while params:  # §3.4: both lengths, the name, the value. A length of 128 and more takes four bytes, the first bit set.
        lengths = []
        for _ in range(2):
            size = 4 if params[0] & 0x80 else 1
            lengths.append(int.from_bytes(params[:size], "big") & 0x7FFFFFFF)
            params = params[size:]
        name, value = lengths
        yield params[:name], params[name : name + value]
        params = params[name + value :]

def exactly(stream, length):
    piece = stream.read(length)
    if len(piece) < length:
        sys.exit()  # the other side has gone: this thread ends, and with it the connection
    return piece

if "GATEWAY_INTERFACE" in os.environ:  # first: arguments may come from the URL (RFC 3875 §4.4), and nobody out there starts servers
    cgi()
elif len(sys.argv) == 3 and sys.argv[1] in ("fastcgi", "scgi", "uwsgi"):
    speak, (host, port) = globals()[sys.argv[1]], sys.argv[2].rsplit(":", 1)

    def talk(connection, client, server):
        with connection.makefile("rwb") as stream:
            speak(stream)

    socketserver.ThreadingTCPServer.allow_reuse_address = socketserver.ThreadingTCPServer.daemon_threads = True
    with socketserver.ThreadingTCPServer((host, int(port)), talk) as server:
        print(f"process {os.getpid()} speaks {sys.argv[1]} at {host}:{server.server_address[1]}", flush=True)
        server.serve_forever()
else:
    sys.exit("usage: wires.py fastcgi|scgi|uwsgi 127.0.0.1:PORT")
