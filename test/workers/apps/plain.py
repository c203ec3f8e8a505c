"""The least."""


def app(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    if environ['PATH_INFO'] == '/one':
        return [b'one']
    return [b'plain ', environ['PATH_INFO'].encode('latin-1')]


def create(greeting='made'):
    def made(environ, start_response):
        start_response('200 OK', [('Content-Type', 'text/plain')])
        return [greeting.encode()]
    return made


class Site:
    handler = staticmethod(app)


site = Site()
number = 42


async def asynchronous(scope, receive, send):
    pass
