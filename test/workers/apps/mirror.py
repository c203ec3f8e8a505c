"""What of a request reaches an application, and how many have; wsgiref.validate stands between."""
import itertools
import json
from wsgiref.validate import validator

numbers = itertools.count(1)


def mirror(environ, start_response):
    seen = {name: value for name, value in environ.items() if isinstance(value, str)}
    body = environ['wsgi.input'].read(10 ** 7).decode('latin-1')
    start_response('200 OK', [('Content-Type', 'application/json')])
    return [json.dumps({**seen, 'body': body, 'number': next(numbers)}).encode()]


application = validator(mirror)
