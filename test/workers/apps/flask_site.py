from flask import Flask, Response, redirect, request, send_file, url_for

app = Flask(__name__)


@app.route('/hello/<name>')
def hello(name):
    return Response('Hello ' + name, mimetype='text/plain')


@app.route('/url')
def url():
    return url_for('hello', name='Ada')


@app.route('/form', methods=['POST'])
def form():
    return '%s from %s' % (request.form['name'], request.form['city'])


@app.route('/upload', methods=['POST'])
def upload():
    file = request.files['file']
    return '%s %d' % (file.filename, len(file.read()))


@app.route('/stream')
def stream():
    return Response(('piece %d\n' % number for number in range(3)), mimetype='text/plain')


@app.route('/file')
def file():
    return send_file(__file__, 'text/plain')


@app.route('/cookies')
def cookies():
    answer = Response('set')
    answer.set_cookie('a', '1')
    answer.set_cookie('b', '2')
    return answer


@app.route('/away')
def away():
    return redirect(url_for('hello', name='Ada'))


@app.route('/fails')
def fails():
    raise RuntimeError('a view that fails')
