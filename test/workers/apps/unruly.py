"""Applications that break the rules. The validator would be the first to object, so it is not here."""
import os
import sys
import threading
import time


def application(environ, start_response):
    return views[environ['PATH_INFO']](environ, start_response)


text = [('Content-Type', 'text/plain')]

misuses = {
    'bytes status': (b'200 OK', text),
    'no reason': ('200', text),
    'only a space': ('200 ', text),
    'no space': ('200OK', text),
    'two digits': ('20 OK', text),
    'interim': ('100 Continue', text),
    'line end in status': ('200 OK\r\nX-Evil: 1', text),
    'beyond latin-1 in status': ('200 \u20ac', text),
    'headers a tuple': ('200 OK', tuple(text)),
    'headers a dict': ('200 OK', {'Content-Type': 'text/plain'}),
    'header a list': ('200 OK', [['Content-Type', 'text/plain']]),
    'header of three': ('200 OK', [('a', 'b', 'c')]),
    'bytes name': ('200 OK', [(b'X-A', 'b')]),
    'bytes value': ('200 OK', [('X-A', b'b')]),
    'number as value': ('200 OK', [('X-A', 1)]),
    'line end in value': ('200 OK', [('X-A', 'b\r\nX-Evil: 1')]),
    'tab in value': ('200 OK', [('X-A', 'a\tb')]),
    'beyond latin-1': ('200 OK', [('X-A', '\u20ac')]),
    'space in name': ('200 OK', [('X A', 'b')]),
    'colon in name': ('200 OK', [('X-A:', 'b')]),
    'no name': ('200 OK', [('', 'b')]),
    'hop by hop': ('200 OK', [('Connection', 'close')]),
    'transfer coding': ('200 OK', [('transfer-encoding', 'chunked')]),
    'status as header': ('200 OK', [('Status', '500 Oops')]),
    'length no number': ('200 OK', [('Content-Length', '1x')]),
    'two lengths': ('200 OK', [('Content-Length', '1'), ('content-length', '1')]),
}


def misuse(environ, start_response):
    """The exception comes out of the call itself; after it, an answer is still possible."""
    try:
        start_response(*misuses[environ['QUERY_STRING'].replace('%20', ' ')])
    except Exception as error:
        start_response('200 OK', text)
        return [('%s: %s' % (type(error).__name__, error)).encode('utf-8', 'replace')]
    return [b'accepted']


def markup(environ, start_response):
    tag = '<script>alert("café")</script>'
    raise ValueError(tag + environ['QUERY_STRING'])


def misuse_plainly(environ, start_response):
    start_response('200 OK', [('X-A', 'b\nc')])
    return []


def names(environ, start_response):
    start_response('200 OK', text)
    return ['\n'.join(misuses).encode()]


def twice(environ, start_response):
    start_response('200 OK', text)
    start_response('200 OK', text)
    return [b'twice']


def exc_info_before(environ, start_response):
    start_response('200 OK', text + [('X-First', '1')])
    try:
        raise RuntimeError('before the head')
    except RuntimeError:
        start_response('503 Sorry', text + [('X-Second', '1')], sys.exc_info())
    return [b'an error page of its own']


def exc_info_after(environ, start_response):
    start_response('200 OK', text)
    yield b'some'
    try:
        raise RuntimeError('after the head')
    except RuntimeError:
        start_response('503 Sorry', text, sys.exc_info())
    yield b'never'


def short(environ, start_response):
    start_response('200 OK', text + [('Content-Length', '100')])
    return [b'too little']


def empty_short(environ, start_response):
    start_response('200 OK', text + [('Content-Length', '100')])
    return []


def long(environ, start_response):
    start_response('200 OK', text + [('Content-Length', '10')])
    yield b'12345'
    yield b'67890too much'
    print('asked on', file=environ['wsgi.errors'])
    yield b'more'


def long_write(environ, start_response):
    write = start_response('200 OK', text + [('Content-Length', '5')])
    try:
        write(b'123456')
    except ValueError as error:
        print('refused:', error, file=environ['wsgi.errors'])
    return []


def raises(environ, start_response):
    raise KeyError('early')


def raises_after_start(environ, start_response):
    start_response('200 OK', text)
    raise KeyError('started')


def raises_later(environ, start_response):
    start_response('200 OK', text)
    yield b'half'
    raise KeyError('late')


def raises_after_write(environ, start_response):
    write = start_response('200 OK', text)
    write(b'half')
    raise KeyError('written')


def exits(environ, start_response):
    sys.exit('an application that ends itself')


def interrupts(environ, start_response):
    raise KeyboardInterrupt


class Closing:
    """Iterable, and fails when it is closed."""

    def __iter__(self):
        return iter([b'whole'])

    def close(self):
        raise RuntimeError('close failed')


def close_raises(environ, start_response):
    start_response('200 OK', text)
    return Closing()


class Failing(Closing):
    def __iter__(self):
        raise RuntimeError('iteration failed')

    def close(self):
        sys.stderr.write('closed all the same\n')


def closes_after_failure(environ, start_response):
    start_response('200 OK', text)
    return Failing()


class Hopeless(Closing):
    def __iter__(self):
        raise RuntimeError('iteration failed')


def fails_twice(environ, start_response):
    """Before the head, and in close()."""
    return Hopeless()


def returns_none(environ, start_response):
    start_response('200 OK', text)


def returns_number(environ, start_response):
    start_response('200 OK', text)
    return 42


def returns_bytes(environ, start_response):
    start_response('200 OK', text)
    return b'bytes'


def yields_text(environ, start_response):
    start_response('200 OK', text)
    return ['text']


def never_starts(environ, start_response):
    return [b'no head']


def never_starts_empty(environ, start_response):
    return []


class OldStyle:
    """Iterable by __getitem__ alone."""

    def __getitem__(self, index):
        if index > 2:
            raise IndexError
        return b'%d' % index


def old_style(environ, start_response):
    start_response('200 OK', text)
    return OldStyle()


def no_length(environ, start_response):
    start_response('204 No Content', text + [('Content-Length', '5')])
    return [b'never']


def reads_half(environ, start_response):
    first = environ['wsgi.input'].read(10)
    start_response('200 OK', text)
    return [first]


def swallows(environ, start_response):
    """An upload that is cut short is an OSError."""
    if environ['QUERY_STRING']:
        open(environ['QUERY_STRING'], 'w').close()
    try:
        environ['wsgi.input'].read(1000)
    except OSError as error:
        sys.stderr.write('OSError: %s\n' % error)
        raise
    start_response('200 OK', text)
    return [b'all of it']


def slow(environ, start_response):
    """Takes as long as the file named is missing."""
    open(environ['QUERY_STRING'] + '.began', 'w').close()
    while not os.path.exists(environ['QUERY_STRING']):
        time.sleep(0.01)
    start_response('200 OK', text)
    return [b'done at last']


def busy(environ, start_response):
    """The same, without rest."""
    open(environ['QUERY_STRING'] + '.began', 'w').close()
    while not os.path.exists(environ['QUERY_STRING']):
        pass
    start_response('200 OK', text)
    return [b'done at last']


WAIT = 'touch "$0.began"; until [ -e "$0" ]; do sleep 0.05; done'


def slow_in_c(environ, start_response):
    """The same, in a call of C that lets other threads work."""
    import subprocess
    os.waitpid(subprocess.Popen(['sh', '-c', WAIT, environ['QUERY_STRING']]).pid, 0)
    start_response('200 OK', text)
    return [b'done at last']


def stuck_in_c(environ, start_response):
    """The same, in a call of C that lets none work."""
    import ctypes
    ctypes.PyDLL(None).system(WAIT.replace('$0', environ['QUERY_STRING']).encode())
    start_response('200 OK', text)
    return [b'done at last']


meeting = threading.Barrier(2)


def meet(environ, start_response):
    """Two requests at once, or none."""
    meeting.wait(30)
    start_response('200 OK', text)
    return [b'met ', str(environ['wsgi.multithread']).encode()]


def logs_late(environ, start_response):
    """Something keeps wsgi.errors beyond its request."""
    errors = environ['wsgi.errors']
    threading.Timer(0.05, lambda: errors.write('after the end\n')).start()
    start_response('200 OK', text)
    return [b'ok']


def child(environ, start_response):
    """A program that reads stdin must find it empty, not the listening socket."""
    import subprocess
    out = subprocess.run(['cat'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout
    start_response('200 OK', text)
    return [b'cat read: ' + out]


views = {'/' + name: view for name, view in dict(globals()).items() if callable(view)}
