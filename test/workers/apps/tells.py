"""Asked for /NAME, it tells that variable, as the application finds it."""


def application(environ, start_response):
    name = environ['PATH_INFO'][1:]
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [('%s=%s' % (name, environ.get(name, 'undefined'))).encode('latin-1')]
