#!/usr/bin/env python3
"""The WSGI worker: it hears requests from a web server and calls a Python application, as PEP 3333 says.

WSGI is CGI as a function call. The variables are a dict, the body is a file, the head of the answer is given to
a function, and its body is returned: any iterable of bytes.

    def application(environ, start_response):
        start_response('200 OK', [('Content-Type', 'text/plain')])
        return [b'Hello ', environ['PATH_INFO'].encode('latin-1')]

This file is the other side of that call. A request goes through it from top to bottom:

    web server ──▶ 2 reception ──▶ 3 a wire ──▶ 4 environ ──▶ 5 the call: application(environ, start_response)
               ◀── records, or bytes ◀─ a wire ◀─ head and pieces ◀──┘   then close(), always

    1 start · 2 reception · 3 wires: FastCGI, SCGI, uwsgi, plain CGI · 4 environ · 5 the call · 6 finding the application
    7 the page of a failure · 8 what the server hears · 9 the zygote

    python3 wsgi.py --listen unix:/run/app.sock app:application     by hand, behind any web server
    spawn-fcgi -n -s /run/app.sock -- python3 wsgi.py app.py        the socket is handed over as descriptor 0
    exec python3 wsgi.py app.py                                     in a CGI script: one process, one request

Nothing but the standard library, Python 3.8 or later, any Unix.
Exit codes: 0 told to stop; 1 cannot listen; 2 wrong options; 3 the application cannot be loaded.
"""
import argparse
import collections
import difflib
import errno
import faulthandler
import gc
import importlib
import importlib.util
import inspect
import io
import json
import linecache
import os
import pkgutil
import re
import select
import signal
import socket
import stat
import struct
import sys
import threading
import time
import traceback
import warnings
from html import escape
from urllib.parse import unquote_to_bytes

VARIABLES_BYTES_MAX = 1024 * 1024  # All variables of one request. Most requests have 2 KiB of them.
VARIABLES_MAX = 1000
INPUT_AHEAD_BYTES = 64 * 1024      # Of a body that the application does not read: more waits in the kernel.
PIECE_BYTES = 64 * 1024            # Asked of the kernel at once.
BACKLOG = 1024
LAST_LOOK_MS = 50                  # Told to stop: a request that is on its way has so long to arrive.
LINGER_SECONDS = 2                 # For the rest of an upload that nobody read.


# --- 1 start ----------------------------------------------------------------------------------------------

def main():
    options = read_options()
    keep_standard_descriptors()
    listener = None if options.listen or options.preload else inherited_listener()
    as_cgi = not (options.listen or options.preload or listener)
    if as_cgi and 'GATEWAY_INTERFACE' not in os.environ:
        sys.exit('wsgi.py: nowhere to listen: descriptor 0 is no listening socket. Give --listen unix:/path or host:port')
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1, all_threads=True)  # Where is it stuck? `kill -USR1` prints every stack.
    report = Report(options.ready_fd)
    if options.lifeline_fd is not None and not options.preload:
        threading.Thread(target=die_with, args=(options.lifeline_fd,), daemon=True).start()
    if as_cgi:
        wire = CGI()  # First of all: from here on print() goes to stderr.

    application = load_or_explain(options, report)
    if as_cgi:
        sys.exit(wire.serve(application, options))
    if options.preload:
        listener = Zygote(report).live()  # Goes on in its children only.
        threading.Thread(target=die_with, args=(report.descriptor,), daemon=True).start()

    reception = Reception(options)

    def stop(_number, _frame):
        signal.signal(signal.SIGTERM, at_once)
        reception.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, at_once)
    # Only now: whoever finds the socket finds an application behind it, and a worker that can be told to stop.
    reception.open(listener or listen(options))
    report.tell('ready')
    report.tell_files()

    threads = [threading.Thread(target=work, args=(reception, application, options, report), daemon=True)
               for _ in range(options.threads if options.threads > 1 else 0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if not threads:
        work(reception, application, options, report)
    forget_socket_file()


def work(reception, application, options, report):
    """One thread: a request, then the next one."""
    while True:
        wire = reception.next_wire()
        if wire is None:
            return
        try:
            keep = converse(wire, application, options) and not reception.stopping
        except Exception:  # A mistake of ours must not cost the other connections.
            traceback.print_exc()
            keep = False
        if keep:
            reception.give_back(wire)
        else:
            wire.line.close(wire.unread)
        report.tell_files()  # Some are imported by the first request that needs them.


def converse(wire, application, options):
    """Requests on one connection, as long as they have come already. True: it may carry more."""
    try:
        while True:
            variables = wire.variables()
            if variables is None:
                return True
            keep = respond(application, make_environ(variables, wire, options), wire, options)
            if not (keep and wire.line.held):
                return keep
    except Gone:
        return False


def read_options():
    parser = argparse.ArgumentParser(
        prog='wsgi.py', description='Runs a WSGI application behind a web server. Without --listen, descriptor 0 is the '
        'listening socket, as spawn-fcgi hands it over; or this is a CGI script.')
    option = parser.add_argument
    option('target', metavar='TARGET', help='module:callable or path/file.py:callable; the callable is `application`, then '
           '`app`, when not given; `module:create()` is called once and makes it')
    option('--listen', metavar='ADDRESS', help='unix:/path or host:port')
    option('--protocol', choices=sorted(WIRES), default='fastcgi', help='default: fastcgi')
    option('--threads', type=positive, default=1, metavar='N', help='requests at once; default: 1')
    option('--processes', type=positive, metavar='N', help='how many like this one serve the application, for '
           'wsgi.multiprocess; default: 1 with --listen, else unknown')
    option('--chdir', metavar='DIR', help='work there; modules are found there')
    option('--prefix', default='', metavar='/PATH', help='SCRIPT_NAME, for a web server that does not tell it')
    option('--dev', action='store_true', help='a failure shows its traceback to the client, with the source')
    option('--socket-mode', type=lambda text: int(text, 8), default=0o660, metavar='MODE', help='of unix:/path; default: 660')
    option('--ready-fd', type=int, metavar='N', help='lines are written there: `ready` when requests are taken, and `file "PATH"` '
           'for each source file of the application')
    option('--lifeline-fd', type=int, metavar='N', help='end as soon as nobody holds the other end of this pipe')
    option('--preload', action='store_true', help='import the application once, then read from --ready-fd, a socket, when to '
           'fork a worker: `fork NUMBER "PATH"`')
    options = parser.parse_args()
    if options.preload and (options.listen or options.ready_fd is None):
        parser.error('--preload goes with --ready-fd, and without --listen')
    if options.prefix and not re.fullmatch(r'(/[^/]+)+', options.prefix):
        parser.error('--prefix is a path such as /app')
    if options.processes is None:
        options.processes = 1 if options.listen else 2
    if options.listen and not re.fullmatch('unix:.+|.+:[0-9]{1,5}', options.listen):
        parser.error('--listen is unix:/path or host:port, not %s' % options.listen)
    return options


def positive(text):
    if int(text) < 1:
        raise ValueError
    return int(text)


def keep_standard_descriptors():
    """FastCGI 2.2 lets a manager close 1 and 2: the next socket would get that number, and print() would write into it."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.dup2(os.open(os.devnull, os.O_RDWR), descriptor)
    sys.stderr = sys.stderr or open(2, 'w', buffering=1, errors='backslashreplace', closefd=False)
    sys.stdout = sys.stdout or sys.stderr
    for stream in (sys.stdout, sys.stderr):  # Before 3.9 stderr would wait, too, until its buffer is full.
        stream.reconfigure(line_buffering=True)


def inherited_listener():
    """FastCGI 2.2: descriptor 0 is a listening socket. It has no peer, and that is how it is told from CGI's stdin."""
    try:
        listener = socket.socket(fileno=os.dup(0))
        listener.getpeername()
    except OSError as error:
        if error.errno == errno.ENOTCONN:
            with open(os.devnull) as nothing:
                os.dup2(nothing.fileno(), 0)  # Programs that the application starts must not inherit the socket.
            return listener
    return None


def listen(options):
    """Or exit code 1, with a reason."""
    try:
        if options.listen.startswith('unix:'):
            path = os.path.abspath(options.listen[len('unix:'):])
            where = 'unix:' + path
            listener = bind_socket_file(path, options.socket_mode)
        else:
            host, _, port = options.listen.rpartition(':')
            listener = socket.socket(socket.AF_INET6 if ':' in host else socket.AF_INET, socket.SOCK_STREAM)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host.strip('[]'), int(port)))
            where = '%s:%d' % (host, listener.getsockname()[1])  # Port 0 is any that is free.
        listener.listen(BACKLOG)
    except (OSError, OverflowError) as error:
        say('cannot listen at %s: %s' % (options.listen, getattr(error, 'strerror', None) or error))
        sys.exit(1)
    say('%s speaks %s at %s' % (options.target, options.protocol, where))
    return listener


socket_file = None


def bind_socket_file(path, mode):
    """A file that a dead worker left behind is replaced; one that somebody listens at is not."""
    global socket_file
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
            raise OSError(errno.EADDRINUSE, 'somebody listens there')
        except ConnectionRefusedError:
            if not stat.S_ISSOCK(os.stat(path).st_mode):
                raise OSError(errno.EEXIST, 'that is a file, and no socket')
            os.unlink(path)
        except FileNotFoundError:
            pass
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    umask = os.umask(0o777 & ~mode)  # Never wider than it will be, not even for a moment.
    try:
        listener.bind(path)
    finally:
        os.umask(umask)
    found = os.stat(path)
    socket_file = path, found.st_dev, found.st_ino
    return listener


def forget_socket_file():
    """Unless another worker has put its own there since."""
    if socket_file:
        path, device, inode = socket_file
        try:
            found = os.stat(path)
            if (found.st_dev, found.st_ino) == (device, inode):
                os.unlink(path)
        except OSError:
            pass


def at_once(number, _frame):
    """A second SIGTERM, or SIGINT. Whoever waits for us shall see which."""
    forget_socket_file()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def die_with(descriptor):
    """The server holds the other end. However it dies, KILL included, the kernel closes that."""
    os.set_inheritable(descriptor, False)
    try:
        while os.read(descriptor, 1024):
            pass
    except OSError:
        pass  # It had not yet read all that it was told: then its end is a reset.
    forget_socket_file()
    os._exit(0)


def say(text):
    print('wsgi.py: ' + text, file=sys.stderr, flush=True)


# --- 2 reception ------------------------------------------------------------------------------------------

class Reception:
    """Where connections wait. One thread at a time waits here for all of them; a connection that has something to say
    goes with that thread, and comes back after its request. So a kept connection that is silent holds no thread."""

    def __init__(self, options):
        self.options = options
        self.turn = threading.Lock()
        self.waiting = {}  # descriptor → wire
        self.returned = collections.deque()
        self.bell, self.bell_button = os.pipe()
        self.poll = select.poll()
        self.poll.register(self.bell, select.POLLIN)
        self.stopping = False
        self.web_servers = os.environ.get('FCGI_WEB_SERVER_ADDRS', '').replace(',', ' ').split()

    def open(self, listener):
        self.listener = listener
        listener.setblocking(False)  # Others may listen at it, too, and be quicker.
        self.poll.register(listener, select.POLLIN)

    def next_wire(self):
        """One on which a request begins; None: it is time to end."""
        with self.turn:
            while True:
                while self.returned:
                    self.expect(self.returned.popleft())
                if self.stopping and self.listener:
                    while self.accept():  # They were let in before the word came.
                        pass
                    self.poll.unregister(self.listener)
                    self.listener.close()
                    self.listener = None
                ready = self.poll.poll(LAST_LOOK_MS if self.stopping else None)
                for descriptor, _ in ready:
                    if descriptor in self.waiting:
                        self.poll.unregister(descriptor)
                        return self.waiting.pop(descriptor)
                    if descriptor == self.bell:
                        os.read(self.bell, 4096)
                    else:
                        self.accept()
                if self.stopping and not ready:
                    return None

    def accept(self):
        try:
            connection, address = self.listener.accept()
        except BlockingIOError:
            return False
        except OSError as error:
            say('cannot accept: %s' % error.strerror)
            time.sleep(0.1)  # Too many descriptors: that passes, or it does not.
            return False
        connection.setblocking(True)
        if connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # FastCGI 3.2: whoever may connect may say who is logged in.
        if self.web_servers and (connection.family == socket.AF_UNIX or address[0] not in self.web_servers):
            connection.close()
        else:
            self.expect(WIRES[self.options.protocol](Line(connection), self.options))
        return True

    def expect(self, wire):
        descriptor = wire.line.socket.fileno()
        self.waiting[descriptor] = wire
        self.poll.register(descriptor, select.POLLIN)

    def give_back(self, wire):
        self.returned.append(wire)
        self.ring()

    def stop(self):
        """The requests that run are finished, those that have arrived are served, nothing new is let in."""
        self.stopping = True
        self.ring()

    def ring(self):
        """Wakes the thread that waits. Alone, it is awake."""
        if self.options.threads > 1 or self.stopping:
            os.write(self.bell_button, b'!')


class Gone(ConnectionAbortedError):
    """Nobody waits for the answer any more. An OSError, because that is what applications expect of a file."""


class Line:
    """A connection: bytes in, cut anywhere; bytes out."""

    def __init__(self, connection):
        self.socket = connection
        self.held = bytearray()
        self.gone = False
        self.writing = threading.Lock()  # A thread of the application may write to wsgi.errors meanwhile.

    def fill(self, wait=True):
        """More bytes are held; False: there are none yet."""
        try:
            piece = self.socket.recv(PIECE_BYTES, 0 if wait else socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            piece = b''
        if not piece:
            self.give_up('the web server has closed the connection')
        self.held += piece
        return True

    def take(self, count):
        while len(self.held) < count:
            self.fill()
        return cut(self.held, count)

    def send(self, data):
        try:
            with self.writing:
                self.socket.sendall(data)
        except OSError:
            self.give_up('the web server has closed the connection')

    def send_file(self, file, at, count, header=b''):
        """From file to socket within the kernel."""
        try:
            with self.writing:
                self.socket.sendall(header)
                copy_file(self.socket.fileno(), file, at, count)
        except OSError:
            self.give_up('the web server has closed the connection')

    def give_up(self, why):
        self.gone = True
        raise Gone(why) from None

    def close(self, unread):
        """What is closed with unread bytes in it is reset, and the end of the answer may be lost with them."""
        try:
            if unread:
                self.socket.shutdown(socket.SHUT_WR)
                self.socket.settimeout(LINGER_SECONDS)
                until = time.monotonic() + LINGER_SECONDS
                while self.socket.recv(PIECE_BYTES) and time.monotonic() < until:
                    pass
        except OSError:
            pass
        self.socket.close()


# --- 3 wires ----------------------------------------------------------------------------------------------
#
# Each can do this:
#
#   variables()      a dict; None when no request has begun       send(bytes), send_file()   some of the answer
#   has_body()       is there anything to receive?                finish(status)             it is whole; True: keep the connection
#   receive(count)   bytes of the body, b'' at its end            break_off()                it is not, and will not be
#   errors           a text stream                                gone                       nobody wants it; Gone has been raised

BEGIN_REQUEST, ABORT_REQUEST, END_REQUEST, PARAMS, STDIN, STDOUT, STDERR = 1, 2, 3, 4, 5, 6, 7
GET_VALUES, GET_VALUES_RESULT, UNKNOWN_TYPE = 9, 10, 11
REQUEST_COMPLETE, CANT_MPX_CONN, UNKNOWN_ROLE = 0, 1, 3
RESPONDER, KEEP_CONN = 1, 1
RECORD_HEADER = struct.Struct('!BBHHBx')  # version, type, request, content length, padding length
RECORD_BYTES_MAX = 65528                  # Of content. 8 × 8191, so that large ones lie well in memory.


class Wire:
    """What is the same wherever there is a connection."""

    gone = property(lambda self: self.line.gone)

    def __init__(self, line, options):
        self.line = line

    def broken(self, what):
        """These are not the wire's bytes. No byte after them means anything."""
        say('%s, in %s' % (what, bytes(self.line.held[:40])))
        if b'HTTP/' in self.line.held[:200]:
            say('that is HTTP, but this is no web server: it stands behind one')
        self.line.give_up(what)


class FastCGI(Wire):
    """Everything is a record. The connection stays for the next request, stderr has a stream of its own, and
    END_REQUEST says that the answer is whole: an answer that must be broken off is one that never gets it."""

    status_line = 'Status: %s\r\n'

    def __init__(self, line, options):
        super().__init__(line, options)
        at_once = str(options.threads)
        self.values = {'FCGI_MAX_CONNS': at_once, 'FCGI_MAX_REQS': at_once, 'FCGI_MPXS_CONNS': '0'}
        self.active = None  # The id of the request.
        self.hears = None   # Its stream that is being heard: PARAMS, then STDIN.
        self.unread = False

    def variables(self):
        while self.hears != STDIN:
            self.hear()
            if self.active is None and not self.line.held:
                return None  # It was about the connection only.
        request = self.active
        self.errors = Errors(lambda data: self.send_error(request, data))
        self.look(ask=False)  # Most often the end of STDIN has come with the rest.
        return read_pairs(self.params, self)

    def hear(self):
        """One record. What is not about the present request is answered here."""
        header = self.line.take(8)
        version, kind, request, length, padding = RECORD_HEADER.unpack(header)
        if version != 1:
            self.line.held[:0] = header
            self.broken('no FastCGI record')
        content = self.line.take(length + padding)[:length]
        if request == 0:
            self.hear_of_connection(kind, content)
        elif kind == BEGIN_REQUEST:
            self.hear_begin(request, content)
        elif request != self.active:
            pass  # 3.3: no error. It has crossed with our END_REQUEST.
        elif kind == ABORT_REQUEST:
            self.aborted = True
            self.line.give_up('the web server has aborted the request')
        elif kind != self.hears:
            self.broken('a FastCGI record of type %d where it does not belong' % kind)
        elif kind == PARAMS:
            self.params += content  # 5.2: a stream. A pair may begin in one record and end in the next.
            if len(self.params) > VARIABLES_BYTES_MAX:
                self.broken('more than %d bytes of variables' % VARIABLES_BYTES_MAX)
            self.hears = PARAMS if content else STDIN
        else:
            self.ahead += content
            self.hears = STDIN if content else None

    def hear_of_connection(self, kind, content):
        if kind == GET_VALUES:  # 4.1: asked before the first request, or at any other time.
            known = [(name, self.values[name]) for name in read_pairs(content, self) if name in self.values]
            pairs = ''.join(chr(len(name)) + chr(len(value)) + name + value for name, value in known)
            self.line.send(record(GET_VALUES_RESULT, 0, pairs.encode()))
        else:
            self.line.send(record(UNKNOWN_TYPE, 0, bytes([kind, 0, 0, 0, 0, 0, 0, 0])))

    def hear_begin(self, request, content):
        role, flags = struct.unpack_from('!HB', content.ljust(3, b'\0'))
        if request == self.active:
            self.broken('a FastCGI request that begins twice')
        elif self.active is not None:
            self.line.send(end_request(request, 0, CANT_MPX_CONN))
        elif role != RESPONDER:
            self.line.send(end_request(request, 0, UNKNOWN_ROLE))
            if not flags & KEEP_CONN:
                self.unread = True
                self.line.give_up('the web server has asked for a role that this is not')
        else:
            self.active, self.keep, self.hears = request, bool(flags & KEEP_CONN), PARAMS
            self.params, self.ahead, self.last = bytearray(), bytearray(), b''
            self.line.gone = self.aborted = self.complained = False

    def look(self, ask=True):
        """What has come meanwhile? So ABORT_REQUEST is noticed, and the end of an empty STDIN. `ask`: also the kernel."""
        while len(self.ahead) < INPUT_AHEAD_BYTES and (self.line.held or ask and self.line.fill(wait=False)):
            self.hear()

    def has_body(self, length):
        """It has an end of its own, so it may come without a length."""
        return length > 0 if length is not None else self.hears == STDIN or len(self.ahead) > 0

    def receive(self, count):
        while not self.ahead and self.hears == STDIN:
            self.hear()
        return cut(self.ahead, count)

    def send(self, data, last=False):
        """`last`: nothing will follow but the end, so both go in one write."""
        if last and len(data) <= RECORD_BYTES_MAX:
            self.last = record(STDOUT, self.active, data)
            return
        self.look()
        for at in range(0, len(data), RECORD_BYTES_MAX):
            self.line.send(record(STDOUT, self.active, data[at:at + RECORD_BYTES_MAX]))

    def send_file(self, file, at, count):
        for start in range(at, at + count, RECORD_BYTES_MAX):
            self.look()
            size = min(RECORD_BYTES_MAX, at + count - start)
            try:
                self.line.send_file(file, start, size, RECORD_HEADER.pack(1, STDOUT, self.active, size, 0))
            except ValueError:
                self.errors.end()  # In the middle of a record no other can begin.
                raise

    def send_error(self, request, data):
        self.complained = True
        for at in range(0, len(data), RECORD_BYTES_MAX):
            self.line.send(record(STDERR, request, data[at:at + RECORD_BYTES_MAX]))

    def finish(self, status):
        self.errors.end()
        if self.gone and not self.aborted:
            return False
        if self.hears and not self.gone:  # It may have come by now.
            self.look()
        # 6.1: every stream has its empty record; STDERR only when it was begun.
        ends = record(STDOUT, self.active) + (record(STDERR, self.active) if self.complained else b'')
        self.line.send(self.last + ends + end_request(self.active, status, REQUEST_COMPLETE))
        self.unread = self.hears is not None
        self.active = self.hears = None
        return self.keep

    def break_off(self):
        self.errors.end()
        self.unread = self.hears is not None


def record(kind, request, content=b''):
    return RECORD_HEADER.pack(1, kind, request, len(content), 0) + content


def end_request(request, app_status, protocol_status):
    return record(END_REQUEST, request, struct.pack('!IB3x', app_status, protocol_status))


def read_pairs(block, wire):
    """3.4: two lengths, then name and value. A length below 128 is one byte; others are four, with the top bit set."""
    text, pairs, at = block.decode('latin-1'), {}, 0
    try:
        while at < len(block):
            name_length, at = read_length(block, at)
            value_length, at = read_length(block, at)
            value = at + name_length
            end = value + value_length
            if end > len(block) or len(pairs) == VARIABLES_MAX:
                raise IndexError
            pairs[text[at:value]] = text[value:end]
            at = end
    except (IndexError, struct.error):
        wire.broken('variables that cannot be read, or more than %d' % VARIABLES_MAX)
    return pairs


def read_length(block, at):
    if block[at] < 128:
        return block[at], at + 1
    return struct.unpack_from('!I', block, at)[0] & 0x7fffffff, at + 4


class Errors:
    """wsgi.errors, where the wire has a way for it: text, in whole lines, any character."""

    def __init__(self, send):
        self.send, self.held = send, ''

    def write(self, text):
        self.held += text
        if '\n' in text:
            self.flush()

    def writelines(self, lines):
        for line in lines:
            self.write(line)

    def flush(self):
        text, self.held, send = self.held, '', self.send
        if not text:
            return
        try:
            if send:
                return send(text.encode('utf-8', 'backslashreplace'))
        except Gone:
            pass
        sys.stderr.write(text)  # The request is over, but somebody has kept its log.

    def end(self):
        self.flush()
        self.send = None


class OneBlock(Wire):
    """SCGI and uwsgi: the variables in one block, then the body as it is; the answer ends with the connection. Nothing but its
    Content-Length tells whether it was whole: for an answer without one that is broken off these wires have no word."""

    left = 0  # Of the body.
    unread = property(lambda self: self.left > 0)
    errors = property(lambda self: sys.stderr)

    def variables(self):
        variables = self.read_block()
        self.left = content_length(variables, self) or 0
        return variables

    def has_body(self, length):
        return self.left > 0

    def receive(self, count):
        if not self.line.held:
            self.line.fill()
        piece = cut(self.line.held, min(count, self.left))
        self.left -= len(piece)
        return piece

    def send(self, data, last=False):
        self.line.send(data)

    def send_file(self, file, at, count):
        self.line.send_file(file, at, count)

    def finish(self, status):
        return False

    def break_off(self):
        pass


class SCGI(OneBlock):
    """70:CONTENT_LENGTH␀27␀SCGI␀1␀REQUEST_METHOD␀POST␀ … ␀,What is the answer to life?"""

    status_line = 'Status: %s\r\n'

    def read_block(self):
        line = self.line
        while b':' not in line.held and len(line.held) < 8 and not line.held.strip(b'0123456789'):
            line.fill()
        digits = re.match(b'([1-9][0-9]{0,6}):', bytes(line.held[:8]))
        if not digits or int(digits[1]) > VARIABLES_BYTES_MAX:
            self.broken('no length of an SCGI request, or a large one')
        line.take(digits.end())
        block = line.take(int(digits[1]) + 1)
        strings = block[:-2].decode('latin-1').split('\0')
        variables = dict(zip(strings[::2], strings[1::2]))
        # Each ends with NUL, no name stands twice, CONTENT_LENGTH stands first.
        if block[-2:] != b'\0,' or len(strings) != 2 * len(variables) or strings[0] != 'CONTENT_LENGTH' \
                or variables.get('SCGI') != '1' or len(variables) > VARIABLES_MAX:
            self.broken('no SCGI request')
        return variables


class UWSGI(OneBlock):
    """Four bytes of header; then each name and each value behind its length: two bytes, the low one first. Those variables that make
    uWSGI itself load files (UWSGI_FILE and its like) do nothing here."""

    status_line = 'HTTP/1.1 %s\r\n'  # Apache's mod_proxy_uwsgi takes no other.

    def read_block(self):
        header = self.line.take(4)
        modifier1, size, _modifier2 = struct.unpack('<BHB', header)
        if modifier1 != 0:  # 0 is WSGI.
            self.line.held[:0] = header
            self.broken('no uwsgi request for WSGI: modifier1 is %d' % modifier1)
        block = self.line.take(size)
        text, strings, at = block.decode('latin-1'), [], 0
        while at + 2 <= size:
            start, at = at + 2, at + 2 + int.from_bytes(block[at:at + 2], 'little')
            strings.append(text[start:at])
        if at != size or len(strings) % 2 or len(strings) > 2 * VARIABLES_MAX:
            self.broken('no uwsgi variables')
        return dict(zip(strings[::2], strings[1::2]))


class CGI:
    """No wire at all: the variables are the environment, the body is stdin, the answer is stdout, and then the process ends."""

    status_line = 'Status: %s\r\n'
    gone = False
    errors = property(lambda self: sys.stderr)

    def __init__(self):
        self.output = os.dup(1)
        os.dup2(2, 1)  # What print() says is no part of the answer.

    def serve(self, application, options):
        """Returns the exit code."""
        variables = {name.decode('latin-1'): value.decode('latin-1') for name, value in os.environb.items()}
        self.status = 1
        try:
            respond(application, make_environ(variables, self, options), self, options)
        except Gone as why:
            say(str(why))
        return self.status

    def has_body(self, length):
        return bool(length)

    def receive(self, count):
        return os.read(0, count)

    def send(self, data, last=False):
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(self.output, rest):]
        except OSError:
            self.give_up('the web server has closed stdout')

    def send_file(self, file, at, count):
        try:
            copy_file(self.output, file, at, count)
        except OSError:
            self.give_up('the web server has closed stdout')

    def give_up(self, why):
        self.gone = True
        raise Gone(why) from None

    broken = give_up

    def finish(self, status):
        self.status = status

    def break_off(self):
        """CGI has no word for half an answer. But a program that a signal has killed has not said all, and servers notice."""
        sys.stderr.flush()
        os.kill(os.getpid(), signal.SIGTERM)


WIRES = {'fastcgi': FastCGI, 'scgi': SCGI, 'uwsgi': UWSGI}


def content_length(variables, wire):
    """None: the web server does not say. nginx says '' where there is no body."""
    text = variables.get('CONTENT_LENGTH', '')
    if text and not re.fullmatch('[0-9]{1,15}', text):
        wire.broken('CONTENT_LENGTH is %r' % text)
    return int(text) if text else None


def cut(held, count):
    piece = held[:count]
    del held[:count]
    return piece


def copy_file(to, file, at, count):
    end = at + count
    while at < end:
        sent = os.sendfile(to, file, at, end - at)
        if sent == 0:
            raise ValueError('the file has become shorter while it was sent')
        at += sent


# --- 4 environ --------------------------------------------------------------------------------------------

def make_environ(variables, wire, options):
    """PEP 3333, «environ Variables»: exactly a dict, and exactly str: each character is one byte (latin-1)."""
    environ = variables
    for name in ('CONTENT_LENGTH', 'CONTENT_TYPE'):  # int('') would fail in the application.
        if environ.get(name) == '':
            del environ[name]
    # The first two have names of their own; the third is what HTTP clients take for a proxy's address (CVE-2016-5385).
    for name in ('HTTP_CONTENT_LENGTH', 'HTTP_CONTENT_TYPE', 'HTTP_PROXY'):
        environ.pop(name, None)
    for name, default in REQUIRED:
        if not environ.get(name):
            environ[name] = default
    environ.setdefault('QUERY_STRING', '')
    environ['SCRIPT_NAME'], environ['PATH_INFO'] = place(environ, options.prefix)

    secure = environ.get('HTTPS', '').lower() in ('on', '1', 'yes') or environ.get('REQUEST_SCHEME') == 'https'
    is_cgi = isinstance(wire, CGI)
    environ['wsgi.version'] = (1, 0)
    environ['wsgi.url_scheme'] = 'https' if secure else 'http'
    length = content_length(environ, wire)
    environ['wsgi.input'] = io.BufferedReader(Body(wire, length), PIECE_BYTES) if wire.has_body(length) else io.BytesIO()
    environ['wsgi.input_terminated'] = True  # Reading stops at the end of the body, whatever CONTENT_LENGTH says.
    environ['wsgi.errors'] = wire.errors
    environ['wsgi.multithread'] = options.threads > 1 and not is_cgi
    environ['wsgi.multiprocess'] = options.processes > 1 or is_cgi
    environ['wsgi.run_once'] = is_cgi
    environ['wsgi.file_wrapper'] = FileWrapper
    return environ


REQUIRED = (('REQUEST_METHOD', 'GET'), ('SERVER_NAME', 'localhost'), ('SERVER_PORT', '80'), ('SERVER_PROTOCOL', 'HTTP/1.0'))


def place(environ, prefix):
    """SCRIPT_NAME is where the application is, PATH_INFO what is asked of it: together they are the path. nginx does not know that
    (its fastcgi_params and scgi_params have no PATH_INFO), so --prefix can say it."""
    script, path = environ.get('SCRIPT_NAME', ''), environ.get('PATH_INFO')
    if path is None:
        target = environ.get('REQUEST_URI', '').partition('?')[0]
        script, path = '', script or environ.get('DOCUMENT_URI') or unquote_to_bytes(target.encode('latin-1')).decode('latin-1')
    if script.endswith('/'):  # Never «/»: the root has the empty name.
        script, path = script[:-1], path if path.startswith('/') else '/' + path
    whole = script + path
    if prefix and (whole + '/').startswith(prefix + '/'):
        return prefix, whole[len(prefix):]
    return script, path if path or script else '/'


class Body(io.RawIOBase):
    """wsgi.input, as far as it is ours: io.BufferedReader makes read, readline, readlines and iteration of it. It ends where
    CONTENT_LENGTH says; on FastCGI, where the body has an end of its own, it may go without."""

    def __init__(self, wire, length):
        self.wire, self.left = wire, length

    def readable(self):
        return True

    def readinto(self, room):
        count = len(room) if self.left is None else min(len(room), self.left)
        piece = self.wire.receive(count) if count else b''
        if count and self.left and not piece:
            raise Gone('the body ended %d bytes too early' % self.left)  # FastCGI 6.2: half an upload is none.
        if self.left is not None:
            self.left -= len(piece)
        room[:len(piece)] = piece
        return len(piece)


# --- 5 the call -------------------------------------------------------------------------------------------

def respond(application, environ, wire, options):
    """One request. True: the connection may carry the next one. Nothing that an application raises ends the worker."""
    answer = Answer(wire, environ['REQUEST_METHOD'])
    result, failure, page, whole = None, '', None, False
    try:
        result = application(environ, answer.start_response)
        answer.give(result)
        whole = True
    except BaseException as error:  # SystemExit, too: sys.exit() in a view is a mistake in that view.
        failure = told(error)  # As text: an exception holds the frames that hold it.
        if options.dev and 'text/html' in str(environ.get('HTTP_ACCEPT')):
            page = failure_page(error, environ)
        if not wire.gone:
            wire.errors.write(failure)
    try:
        # PEP 3333: however the request ended, also when nobody waits any more. A generator hears GeneratorExit then.
        if hasattr(result, 'close'):
            result.close()
    except BaseException as error:
        failure += told(error)
        wire.errors.write(told(error))

    try:
        if whole or wire.gone:
            return wire.finish(1 if failure else 0)
        if not answer.sent:
            plain = failure if options.dev else 'The application failed. Its log says why.\n'
            answer.apologize(*((page, 'text/html') if page else (plain, 'text/plain')))
            return wire.finish(1)
        wire.break_off()
    except Gone:
        pass
    return False


class Answer:
    def __init__(self, wire, method):
        self.wire, self.method = wire, method
        self.status = None     # As start_response was told.
        self.sent = False      # The head is out and cannot be changed.
        self.promised = None   # Content-Length.
        self.count = 0         # Bytes of the body so far.
        self.cut = False

    def start_response(self, status, headers, exc_info=None):
        try:
            if exc_info:
                if self.sent:
                    raise exc_info[1].with_traceback(exc_info[2])
            elif self.status is not None:
                raise AssertionError('start_response is called a second time, and without exc_info')
        finally:
            exc_info = None  # It holds the frame that holds it.
        self.promised = check_head(status, headers)
        self.status, self.headers = status, list(headers)
        return self.write

    def write(self, piece):
        """What start_response returns, for code that prints. It goes out before anything that is returned."""
        if not self.send(piece) and self.cut:
            raise ValueError('write() after the %d bytes of Content-Length' % self.promised)

    def give(self, result):
        """PEP 3333: a piece is sent before the next one is asked for, and nothing is known of the result but how to iterate it."""
        if isinstance(result, (bytes, str)) or result is None:
            raise TypeError('the application returned %s, not an iterable of bytes: return [body]' % type(result).__name__)
        if type(result) is FileWrapper and self.give_file(result.file):
            return
        try:
            # With one piece, its length is the answer's. A list cannot see that its only piece has not been sent yet.
            only = len(result) == 1 and not self.sent
        except Exception:
            only = False
        for piece in result:
            if not self.send(piece, only, only and type(result) in (list, tuple)):
                break
        if self.status is None:
            raise AssertionError('the application has returned, and never called start_response')
        if self.has_body() and self.promised is not None and self.count < self.promised:
            raise ValueError('Content-Length is %d, and the body has %d bytes' % (self.promised, self.count))
        if not self.sent:
            self.wire.send(self.head(0), True)

    def send(self, piece, only=False, last=False):
        """False: no more is wanted."""
        if not isinstance(piece, bytes):
            hint = ': encode it' if isinstance(piece, str) else ''
            raise TypeError('a piece of the body is %s, not bytes%s' % (type(piece).__name__, hint))
        if self.status is None:
            raise AssertionError('a piece of the body has come, and start_response has not been called')
        if not piece:
            return True  # It says «not yet», and sends nothing.
        head = b'' if self.sent else self.head(len(piece) if only else None)
        if not self.has_body():
            if head:
                self.wire.send(head)
            return False
        if self.promised is not None and self.count + len(piece) > self.promised:
            if not self.cut:
                self.wire.errors.write('wsgi.py: the body is longer than its Content-Length, %d, and is cut\n' % self.promised)
            self.cut = True
            piece = piece[:self.promised - self.count]
        self.count += len(piece)
        # The head with the first piece, in one write.
        if head or piece:
            self.wire.send(head + piece if head else piece, last and self.promised in (None, self.count))
        return not self.cut

    def head(self, length):
        """The head as bytes; `length`: the body's, when it is known."""
        self.sent = True
        headers = self.headers
        if self.status.startswith('204'):
            headers = [(name, value) for name, value in headers if name.lower() != 'content-length']
        elif length is not None and self.promised is None and (self.has_body() or length > 0 and self.method == 'HEAD'):
            headers.append(('Content-Length', str(length)))
        lines = [self.wire.status_line % self.status] + ['%s: %s\r\n' % header for header in headers]
        return ''.join(lines + ['\r\n']).encode('latin-1')

    def has_body(self):
        """RFC 9110 6.4.1: the answer to HEAD has none, and 204 and 304 have none."""
        return self.method != 'HEAD' and self.status[:3] not in ('204', '304')

    def give_file(self, file):
        """PEP 3333, «Optional Platform-Specific File Handling»: from the file's present position, without a copy through Python.
        A GzipFile has a descriptor, too, and other bytes behind it: only files that are what they seem."""
        if type(file) not in (io.BufferedReader, io.BufferedRandom, io.FileIO) or type(getattr(file, 'raw', file)) is not io.FileIO:
            return False
        if self.status is None or self.sent or not self.has_body():
            return False
        at, found = file.tell(), os.fstat(file.fileno())
        size = found.st_size - at
        if not stat.S_ISREG(found.st_mode) or size <= 0 or self.promised not in (None, size):
            return False  # The plain way knows what to do.
        self.wire.send(self.head(size))
        self.wire.send_file(file.fileno(), at, size)
        return True

    def apologize(self, page, kind):
        """A failure before the head."""
        self.status, self.promised = '500 Internal Server Error', None
        self.headers = [('Content-Type', kind + '; charset=utf-8')]
        self.send(page.encode('utf-8', 'backslashreplace'), True, True)


def check_head(status, headers):
    """At the call, so that the traceback shows who was wrong. Returns the Content-Length, when there is one."""
    if type(status) is not str or not re.fullmatch(r'[2-5][0-9][0-9] [^\x00-\x20\x7f]([^\x00-\x1f\x7f]*[^\x00-\x20\x7f])?', status):
        raise ValueError("the status must be a str like '200 OK', not %r" % (status,))
    if type(headers) is not list:
        raise TypeError('the headers must be a list, not %s' % type(headers).__name__)
    seen = {}
    for header in headers:
        if type(header) is not tuple or len(header) != 2 or type(header[0]) is not str or type(header[1]) is not str:
            raise TypeError('a header must be a tuple of two str, not %r' % (header,))
        name, value = header
        if not TOKEN.fullmatch(name):
            raise ValueError('%r is no name for a header' % name)
        if not VALUE.fullmatch(value):
            raise ValueError('a control character, or one beyond U+00FF, in the header %s: %r' % (name, value))
        key = name.lower()
        if key in HOP_BY_HOP:
            raise ValueError('%s is about the connection, which belongs to the web server' % name)
        if key == 'status':
            raise ValueError('a header named Status would be taken for the status: that is the first argument')
        if key in ONCE and key in seen:
            raise ValueError('%s stands twice' % name)
        seen[key] = value
    if not status.encode('latin-1', 'replace').decode('latin-1') == status:
        raise ValueError('a character beyond U+00FF in the status %r' % status)
    length = seen.get('content-length')
    if length is not None and not re.fullmatch('[0-9]{1,15}', length):
        raise ValueError('Content-Length is %r, not a number' % length)
    return None if length is None else int(length)


TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")        # RFC 9110 5.6.2
VALUE = re.compile(r'[\x20-\x7e\x80-\xff]*')              # PEP 3333: no control characters at all
HOP_BY_HOP = {'connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection', 'te', 'trailer',
              'trailers', 'transfer-encoding', 'upgrade'}
ONCE = {'content-length', 'content-type', 'location'}     # RFC 3875 6.3


class FileWrapper:
    """wsgi.file_wrapper: a file as an iterable, and a sign for the server that it is one."""

    def __init__(self, file, block_bytes=PIECE_BYTES):
        self.file, self.block_bytes = file, block_bytes
        if hasattr(file, 'close'):
            self.close = file.close

    def __iter__(self):
        return iter(lambda: self.file.read(self.block_bytes), b'')


def told(error):
    """A traceback that begins where the application does."""
    return ''.join(traceback.format_exception(type(error), error, their_frames(error)))


def their_frames(error):
    frames = error.__traceback__
    while frames and frames.tb_frame.f_code.co_filename in NOT_THEIRS:
        frames = frames.tb_next
    return frames


NOT_THEIRS = {main.__code__.co_filename, importlib.__file__, '<frozen importlib._bootstrap>', '<frozen importlib._bootstrap_external>'}


# --- 6 finding the application ----------------------------------------------------------------------------

class CannotLoad(Exception):
    pass


def load_or_explain(options, report):
    """Or exit code 3, after one report of all that one needs to know."""
    others = [folder for folder in sys.path if os.path.abspath(folder) != os.path.dirname(THIS_FILE)]
    if options.chdir:
        try:
            os.chdir(options.chdir)
        except OSError as error:
            say('--chdir %s: %s' % (options.chdir, error.strerror))
            sys.exit(2)
    sys.path[:] = [os.getcwd()] + [folder for folder in others if folder != os.getcwd()]
    try:
        return load(options.target)
    except BaseException as error:  # A module may well call sys.exit().
        lines = ['wsgi.py: cannot load %s' % options.target]
        if isinstance(error, CannotLoad):
            lines += ['', '  ' + str(error)]
        else:
            lines += ['', told(error).rstrip()]
            if isinstance(error, ModuleNotFoundError) and error.name:
                lines += ['', '  There is no module %s for this interpreter.%s' % (error.name, nearest_module(error.name))]
                lines += ['  ' + each for each in who_asks_for(error.name)]
        lines += ['', '  interpreter  %s (Python %s)' % (sys.executable, sys.version.split()[0])]
        lines += ['  %-11s  %s' % ('' if at else 'sys.path', folder) for at, folder in enumerate(sys.path)]
        print('\n'.join(lines), file=sys.stderr, flush=True)
        report.tell_files(files_to_mend(error, options.target))
        sys.exit(3)


def load(target):
    where, _, name = target.rpartition(':') if ':' in target else (target, '', '')
    module = load_file(where) if is_file_name(where) else load_module(where)
    if not name:
        name = next((name for name in ('application', 'app') if hasattr(module, name)), 'application')
    factory = name.endswith('()')
    found = module
    for part in name[:-2].split('.') if factory else name.split('.'):
        if not hasattr(found, part):
            names = [each for each in dir(found) if not each.startswith('_') and callable(getattr(found, each, None))]
            owner = '%s (%s)' % (where, getattr(module, '__file__', 'built in'))
            raise CannotLoad('%s has no %s.%s' % (owner, part, nearest(part, names)))
        found = getattr(found, part)
    application = found() if factory else found
    if not callable(application):
        raise CannotLoad('%s is %s, which cannot be called.' % (name, type(application).__name__))
    if inspect.iscoroutinefunction(application) or inspect.iscoroutinefunction(getattr(application, '__call__', None)):
        raise CannotLoad('%s is an async function: an ASGI application. This worker speaks WSGI.' % name)
    return application


def is_file_name(where):
    return where.endswith('.py') or os.sep in where


def load_module(name):
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name + '.').startswith(error.name + '.'):  # Not one that it imports.
            raise CannotLoad('There is no module %s.%s' % (error.name, nearest_module(error.name))) from None
        raise


def load_file(path):
    path = os.path.abspath(path)
    folder, file = os.path.split(path)
    if not os.path.isfile(path):
        names = [each for each in os.listdir(folder) if each.endswith('.py')] if os.path.isdir(folder) else []
        raise CannotLoad('There is no file %s.%s' % (path, nearest(file, names)))
    sys.path[:] = [folder] + [each for each in sys.path if each != folder]  # As if it were run.
    name = os.path.splitext(file)[0]
    if name in sys.modules:  # A file named like a module of Python's own must not take its place.
        name = 'application_' + name
    spec = importlib.util.spec_from_file_location(name, path)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def nearest_module(name):
    parent, _, last = name.rpartition('.')
    folders = getattr(sys.modules.get(parent), '__path__', None) if parent else None
    names = {each.name for each in pkgutil.iter_modules(folders)} | (set() if parent else set(sys.builtin_module_names))
    return nearest(last, sorted(names))


def who_asks_for(module):
    """It may only have to be installed. PyYAML is imported as yaml: so `py` and `python-` may stand before the name."""
    name = re.compile(r"""(?mi)(?:^|["'])[ \t]*((?:py|python-)?%s)(?![\w.-])""" % re.escape(module).replace('_', '[-_.]'))
    for folder in dict.fromkeys((sys.path[0], os.getcwd())):
        for file in ('requirements.txt', 'pyproject.toml'):
            try:
                with open(os.path.join(folder, file), encoding='utf-8', errors='replace') as lines:
                    found = name.search(lines.read())
            except OSError:
                continue
            if found:
                yield '%s asks for %s, which is not installed: %s -m pip install %s' % (file, found[1], sys.executable, found[1])


def nearest(name, names):
    matches = difflib.get_close_matches(name, names, 1)
    return ' Did you mean %s?' % matches[0] if matches else ''


def files_to_mend(error, target):
    """Those that the failure has come through, and the target itself, which may not be there yet. sys.modules does not know them:
    what cannot be imported to its end is taken out of it again."""
    where = target.rpartition(':')[0] or target
    target_file = where if is_file_name(where) else os.path.join(sys.path[0], where.replace('.', os.sep) + '.py')
    return [target_file] + re.findall('File "([^<].*)", line ', told(error))


# --- 7 the page of a failure ------------------------------------------------------------------------------

def failure_page(error, environ):
    """--dev: the lines of source that it has come through, the last one first. Folded up: what is not the application's own."""
    places = [(frame.f_code.co_filename, line, frame.f_code.co_name) for frame, line in traceback.walk_tb(their_frames(error))]
    if isinstance(error, SyntaxError) and error.filename:
        places.append((error.filename, error.lineno or 1, 'a module'))
    what = escape(next(text for text in traceback.format_exception_only(type(error), error) if text[0] != ' ').rstrip())
    asked = '{REQUEST_METHOD} {SCRIPT_NAME}{PATH_INFO}'.format_map(collections.defaultdict(str, environ))
    return PAGE % (what, what, escape(asked), ''.join(map(source_part, reversed(places))), escape(told(error)))


def source_part(place):
    file, at, function = place
    first, lines = max(1, at - 4), ''
    for number, text in enumerate(linecache.getlines(file)[first - 1:at + 3], first):
        line = '%5d  %s' % (number, escape(text.rstrip()))
        lines += '<mark>%s</mark>\n' % line if number == at else line + '\n'
    opened = ' open' if is_of_application(file) else ''
    place = escape('%s, line %d, in %s' % (file, at, function))
    return '<details%s><summary>%s</summary><pre>%s</pre></details>\n' % (opened, place, lines or 'no source')


PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>%s</title>
<style>
  :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
  body { max-width: 64rem; margin: 2rem auto; padding: 0 1rem }
  h1 { font-size: 1.4rem; overflow-wrap: anywhere; white-space: pre-wrap }
  summary { overflow-wrap: anywhere; cursor: pointer }
  pre { overflow-x: auto; padding: .5rem 0; background: rgba(128, 128, 128, .15) }
  mark { display: inline-block; min-width: 100%%; background: rgba(255, 60, 60, .3); color: inherit }
</style>
<h1>%s</h1>
<p>%s</p>
%s
<h2>Traceback</h2>
<pre>%s</pre>
"""


# --- 8 what the server hears ------------------------------------------------------------------------------
#
# Whoever has started this and holds the other end of --ready-fd. A line each:
#
#   ready             requests are taken
#   file "/srv/a.py"  has been loaded: when it changes, this process is out of date
#
# A zygote says `preloaded` in place of `ready`, and of each child `born 1 PID`, `ready 1`, `exit 1 CODE` or `signal 1 NAME`.

class Report:
    """Nobody may be there to read it: then it costs nothing."""

    def __init__(self, descriptor):
        self.descriptor, self.turn = descriptor, threading.Lock()
        self.told, self.modules = set(), 0
        if descriptor is not None:
            os.set_inheritable(descriptor, False)

    def tell(self, *lines):
        rest = ''.join(line + '\n' for line in lines).encode('ascii')
        try:
            while rest and self.descriptor is not None:
                rest = rest[os.write(self.descriptor, rest):]
        except OSError:
            pass  # The server is gone, and so will this be.

    def tell_files(self, more=()):
        """Those that have come since the last time."""
        if self.descriptor is None or len(sys.modules) == self.modules and not more:
            return
        with self.turn:
            self.modules = len(sys.modules)
            files = {os.path.abspath(file) for file in (*loaded_files(), *more)}
            news = sorted(file for file in files - self.told if is_of_application(file))
            self.told.update(news)
            self.tell(*['file ' + json.dumps(file) for file in news])


def loaded_files():
    for module in list(sys.modules.values()):
        try:
            file = object.__getattribute__(module, '__dict__').get('__file__')  # Not module.__file__: a lazy one would wake.
        except AttributeError:
            continue
        if isinstance(file, str):
            yield file


def is_of_application(file):
    """Not Python's own, not what was installed beside it, not this one."""
    return not file.startswith(PYTHONS_OWN) and not re.search('/(site|dist)-packages/', file) and file != THIS_FILE


THIS_FILE = os.path.abspath(__file__)
PYTHONS_OWN = os.path.dirname(os.__file__) + os.sep


# --- 9 the zygote -----------------------------------------------------------------------------------------

class Zygote:
    """--preload: the application is imported once, and workers are forked from that: in milliseconds, and with one copy in memory
    of all that was imported. To its children the zygote is what the server is to any worker: it hears their lines, and they end
    with it. It has one thread, because a fork copies no other."""

    def __init__(self, report):
        self.report, self.held, self.stopping = report, b'', False
        self.children = {}  # pid → Child
        self.bell, self.bell_button = os.pipe()

    def live(self):
        """Returns in each child, with its listener; in the zygote, never."""
        threads = [thread.name for thread in threading.enumerate() if thread is not threading.main_thread()]
        if threads:
            say('while the application was imported it has started threads, which no worker will have: %s' % ', '.join(threads))
        os.set_blocking(self.bell_button, False)
        signal.set_wakeup_fd(self.bell_button)
        signal.signal(signal.SIGTERM, self.stop)
        signal.signal(signal.SIGINT, at_once)
        self.on_child_before = signal.signal(signal.SIGCHLD, lambda number, frame: None)  # It rings the bell, that is all.
        gc.freeze()  # Else the collector's marks would make a copy of every page.
        self.report.tell('preloaded')
        self.report.tell_files()
        while self.children or not self.stopping:
            ready = self.wait()
            for child in self.children.values():
                if child.line.fileno() in ready:
                    self.hear(child)
            if self.bell in ready:
                os.read(self.bell, 4096)
                self.reap()
            if self.report.descriptor in ready:
                for line in self.commands():
                    listener = self.obey(line)
                    if listener:
                        return listener
        sys.exit(0)

    def stop(self, _number, _frame):
        self.stopping = True
        signal.signal(signal.SIGTERM, at_once)

    def wait(self):
        """The descriptors from which there is something to read."""
        poll = select.poll()
        for descriptor in (self.bell, self.report.descriptor, *(child.line for child in self.children.values() if not child.over)):
            poll.register(descriptor, select.POLLIN)
        return [descriptor for descriptor, _ in poll.poll()]

    def commands(self):
        try:
            piece = os.read(self.report.descriptor, PIECE_BYTES)
        except OSError:
            piece = b''
        if not piece:
            self.end()
        *lines, self.held = (self.held + piece).split(b'\n')
        return lines

    def obey(self, command):
        """Returns in a child its listener, in the zygote None."""
        found = re.fullmatch(rb'fork ([0-9]{1,9}) (".+")', command)
        try:
            number, path = int(found[1]), json.loads(found[2])
        except (TypeError, ValueError):
            return say('that is no command for a zygote: %r' % command)
        if any(child.number == number for child in self.children.values()):
            return say('there is a worker %d already: %r' % (number, command))
        try:
            if self.stopping:
                raise OSError(errno.ECANCELED, 'the zygote has been told to stop')
            listener = bind_socket_file(path, 0o600)
            listener.listen(BACKLOG)
            ours, theirs = socket.socketpair()
            pid = self.fork()
        except (OSError, ValueError) as error:
            forget_socket_file()
            say('cannot fork worker %d, for %s: %s' % (number, path, getattr(error, 'strerror', None) or error))
            return self.report.tell('exit %d 1' % number)
        if pid == 0:
            self.leave(ours)
            self.report.descriptor = theirs.detach()
            return listener
        listener.close()
        theirs.close()
        return self.adopt(pid, number, ours)

    def fork(self):
        """A child must not hear a signal with the zygote's ears."""
        signals = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}
        sys.stdout.flush()  # Else both would write what it holds.
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter('ignore')  # Python 3.12 warns of threads. So did we.
                pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                signal.signal(signal.SIGCHLD, self.on_child_before or signal.SIG_DFL)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
        return pid

    def adopt(self, pid, number, line):
        global socket_file
        socket_file = None  # It is the child's.
        line.setblocking(False)
        self.children[pid] = Child(number, line)
        self.report.tell('born %d %d' % (number, pid))

    def leave(self, ours):
        """In a child, which has its seed of `random` from Python already. Whoever keeps a brother's line open keeps the brother alive."""
        os.setsid()
        for line in (ours, *(child.line for child in self.children.values())):
            line.close()
        for descriptor in (self.report.descriptor, self.bell, self.bell_button):
            os.close(descriptor)

    def hear(self, child):
        try:
            while not child.over:
                piece = child.line.recv(PIECE_BYTES)
                child.held += piece
                child.over = not piece
        except BlockingIOError:
            pass
        *lines, child.held = child.held.split(b'\n')
        for line in lines:
            self.report.tell('ready %d' % child.number if line == b'ready' else line.decode())

    def reap(self):
        for pid, child in list(self.children.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                self.hear(child)
                child.line.close()
                del self.children[pid]
                if os.WIFSIGNALED(status):
                    names = {each.value: each.name for each in signal.Signals}
                    self.report.tell('signal %d %s' % (child.number, names.get(os.WTERMSIG(status), os.WTERMSIG(status))))
                else:
                    self.report.tell('exit %d %d' % (child.number, os.WEXITSTATUS(status)))

    def end(self):
        """The server is gone, however that came about."""
        for pid in self.children:
            try:
                os.killpg(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass  # It is being born, and will hear that its line has ended.
        os._exit(0)


class Child:
    def __init__(self, number, line):
        self.number, self.line, self.held, self.over = number, line, b'', False


if __name__ == '__main__':
    main()
