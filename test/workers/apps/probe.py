"""What a worker owes an application, asked path by path; wsgiref.validate stands between and fails on any breach."""
import hashlib
import io
import json
import os
import sys
import time
from wsgiref.validate import validator


def application(environ, start_response):
    view = views.get(environ['PATH_INFO'])
    if view is None:
        start_response('404 Not Here', [('Content-Type', 'text/plain')])
        return [b'nothing']
    return view(environ, start_response)


def environ(environ, start_response):
    start_response('200 OK', [('Content-Type', 'application/json')])
    wsgi = {name: value for name, value in environ.items() if name.startswith('wsgi.')}
    flags = {name: value for name, value in wsgi.items() if isinstance(value, (bool, str, tuple))}
    texts = {name: value for name, value in environ.items() if isinstance(value, str)}
    return [json.dumps({**texts, **flags, 'wsgi names': sorted(wsgi), 'types': type(environ).__name__}).encode()]


def body(environ, start_response):
    sent, count = hashlib.sha1(), 0
    while True:
        piece = environ['wsgi.input'].read(10000)
        if not piece:
            break
        sent.update(piece)
        count += len(piece)
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [('%s %d %s' % (environ.get('CONTENT_LENGTH'), count, sent.hexdigest())).encode()]


def lines(environ, start_response):
    body = environ['wsgi.input']
    heard = [body.readline(4), body.readline(100), body.read(3), body.readlines(1), list(body), body.read(10), body.readline(10)]
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [repr(heard).encode()]


def reads(environ, start_response):
    body = environ['wsgi.input']
    heard = [body.read(0), body.read(5), body.read(-1), body.read(1), body.read(-1)]
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [repr(heard).encode()]


def body_io(environ, start_response):
    """A file as it is: an iterable of lines, with a close() of its own."""
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return io.BytesIO(b'01\n23\n45')


def body_file(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return open(environ['QUERY_STRING'], 'rb')


def big(environ, start_response):
    start_response('200 OK', [('Content-Type', 'application/octet-stream')])
    return (bytes([65 + number % 26]) * 100000 for number in range(100))


def one(environ, start_response):
    start_response('200 OK', [('Content-Type', 'application/octet-stream')])
    return [b'0123456789' * 1000000]


def pieces(environ, start_response):
    """The second piece waits for a file that appears when the first has been seen."""
    start_response('200 OK', [('Content-Type', 'text/plain')])
    yield b'first'
    yield b''
    while not os.path.exists(environ['QUERY_STRING']):
        time.sleep(0.01)
    yield b' second'


def write(environ, start_response):
    write = start_response('200 OK', [('Content-Type', 'text/plain')])
    write(b'written, ')
    write(b'written, ')
    return [b'returned']


class Endless:
    """Until somebody closes it."""

    def __init__(self, name):
        self.name, self.count = name, 0

    def __iter__(self):
        return self

    def __next__(self):
        self.count += 1
        time.sleep(0.001)
        return b'x' * 1000

    def close(self):
        with open(self.name, 'w') as file:
            file.write('closed')


def endless(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return Endless(environ['QUERY_STRING'])


def generator(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    try:
        while True:
            yield b'x' * 1000
            time.sleep(0.001)
    except GeneratorExit:
        with open(environ['QUERY_STRING'], 'w') as file:
            file.write('GeneratorExit')
        raise


def late(environ, start_response):
    """start_response inside the first next()."""
    start_response('202 Late', [('Content-Type', 'text/plain')])
    yield b'late'


def empty(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return []


def nothing(environ, start_response):
    start_response(environ['QUERY_STRING'].replace('+', ' '), [])
    return []


def cookies(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain'), ('Set-Cookie', 'a=1'), ('Set-Cookie', 'b=2'), ('X-Caf', 'caf\xe9')])
    return [environ.get('HTTP_X_TWICE', '').encode('latin-1')]


def log(environ, start_response):
    errors = environ['wsgi.errors']
    errors.write('a line for ')
    errors.write('the log\n')
    errors.writelines(['and \udcff this: ', 'café\n'])
    errors.write('no end of line')
    errors.flush()
    print('printed')
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [b'logged']


def file(environ, start_response):
    """From where the file stands."""
    file = open(environ['QUERY_STRING'], 'rb')
    file.read(5)
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return environ['wsgi.file_wrapper'](file, 1000)


def memory_file(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return environ['wsgi.file_wrapper'](io.BytesIO(b'from memory'))


def redirect(environ, start_response):
    start_response('303 See Other', [('Location', '/elsewhere'), ('Content-Type', 'text/plain')])
    return [b'there']


views = {'/' + name: view for name, view in dict(globals()).items() if callable(view)}
application = validator(application)
