"""Answers of each kind whose close() leaves a word: the query string names a file, and that is where it is left."""


class Answer:
    def __init__(self, name, pieces):
        self.name, self.pieces = name, iter(pieces)

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.pieces)

    def close(self):
        with open(self.name, 'a') as file:
            file.write('closed\n')


def endless():
    while True:
        yield b'x' * 100000


def fails():
    yield b'some'
    raise RuntimeError('in the middle')


answers = {
    '/whole': lambda: [b'one ', b'two'],
    '/nothing': lambda: [],
    '/endless': endless,
    '/fails-first': lambda: (1 // 0 for _ in 'x'),
    '/fails': fails,
    '/text': lambda: ['no bytes'],
}


def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return Answer(environ['QUERY_STRING'], answers[environ['PATH_INFO']]())
