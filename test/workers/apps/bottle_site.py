import os
from bottle import Bottle, redirect, request, response, static_file

app = Bottle()


@app.route('/hello/<name>', name='hello')
def hello(name):
    response.content_type = 'text/plain; charset=utf-8'
    return 'Hello ' + name


@app.route('/url')
def url():
    return app.get_url('hello', name='Ada')


@app.post('/form')
def form():
    return '%s from %s' % (request.forms.getunicode('name'), request.forms.getunicode('city'))


@app.post('/upload')
def upload():
    file = request.files.get('file')
    return '%s %d' % (file.filename, len(file.file.read()))


@app.route('/stream')
def stream():
    for number in range(3):
        yield 'piece %d\n' % number


@app.route('/file')
def file():
    return static_file(os.path.basename(__file__), os.path.dirname(__file__), mimetype='text/plain')


@app.route('/cookies')
def cookies():
    response.set_cookie('a', '1')
    response.set_cookie('b', '2')
    return 'set'


@app.route('/away')
def away():
    redirect(app.get_url('hello', name='Ada'), 302)


@app.route('/fails')
def fails():
    raise RuntimeError('a view that fails')
