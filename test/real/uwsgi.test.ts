/**
 * Real uWSGI with a WSGI application: one process behind three sockets, uwsgi, SCGI and FastCGI. What it is told must be the
 * same on each, and so must what it answers be.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type House, house } from '../support/house.js';
import { needs } from '../support/needs.js';
import { type Answer, get, post, requestText, talk } from '../support/wire.js';
import { daemon, room } from './peers.js';

const application = `
import hashlib, json

def application(environ, start_response):
    path = environ.get('PATH_INFO', '')
    status, headers, body = '200 OK', [], b''
    if path == '/environ':
        headers, body = [('Content-Type', 'application/json')], json.dumps({k: v for k, v in environ.items() if isinstance(v, str)}).encode()
    elif path == '/body':
        sent = environ['wsgi.input'].read()
        body = ('%s %d %s' % (environ.get('CONTENT_LENGTH'), len(sent), hashlib.sha1(sent).hexdigest())).encode()
    elif path == '/big':
        body = b'x' * 1048576
    elif path == '/short':
        headers, body = [('Content-Length', '100')], b'too little'
    elif path == '/log':
        environ['wsgi.errors'].write('a line for the log\\n')
    else:
        status, body = '404 Not Here', b'nothing'
    start_response(status, [('Content-Type', 'text/plain')] + headers if not headers or headers[0][0] != 'Content-Type' else headers)
    return [body]
`;

const wires = ['uwsgi', 'scgi', 'fastcgi'] as const;

async function uwsgiHouse(t: TestContext): Promise<House | undefined> {
  if (!needs(t, 'uwsgi')) return undefined;
  const folder = room(t);
  writeFileSync(join(folder, 'app.py'), application);
  const socket = (wire: string) => join(folder, `${wire}.sock`);
  const listen = ['--uwsgi-socket', socket('uwsgi'), '--scgi-socket', socket('scgi'), '--fastcgi-socket', socket('fastcgi')];
  const args = ['--master', '--processes', '2', '--need-app', '--die-on-term', '--wsgi-file', join(folder, 'app.py'), ...listen];
  await daemon(t, '/usr/bin/uwsgi_python3', args, wires.map(socket));
  const mounts = wires.map((wire) => ({ wire, where: `/${wire}`, address: `unix:${socket(wire)}` }));
  const h = await house({ mounts, connections: 2 });
  t.after(() => h.stop());
  return h;
}

const json = (answer: Answer) => {
  assert.equal(answer.status, 200, answer.text);
  return JSON.parse(answer.text);
};

test('uWSGI: the same environment on three wires', async (t) => {
  const h = await uwsgiHouse(t);
  if (!h) return;
  const seen: Record<string, string>[] = [];
  for (const wire of wires) {
    const environ = json(await get(h.port, `/${wire}/environ?x=1&y=%20`, { Host: 'example.org:8000', 'X-Thing': 'yes' }));
    assert.equal(environ.SCRIPT_NAME, `/${wire}`);
    assert.equal(environ.REQUEST_URI, `/${wire}/environ?x=1&y=%20`);
    assert.equal(environ.PATH_INFO, '/environ', wire);
    assert.equal(environ.QUERY_STRING, 'x=1&y=%20');
    assert.equal(environ.SERVER_NAME, 'example.org');
    assert.equal(environ.HTTP_X_THING, 'yes');
    assert.equal(environ.REQUEST_METHOD, 'GET');
    assert.equal(environ.GATEWAY_INTERFACE, 'CGI/1.1');
    for (const name of differing) delete environ[name];
    seen.push(environ);
    const told = await h.exchange((e) => e.target.startsWith(`/${wire}/`));
    assert.equal(told.gateway, wire);
  }
  assert.deepEqual(seen[1], seen[0], 'SCGI as uwsgi');
  assert.deepEqual(seen[2], seen[0], 'FastCGI as uwsgi');
});

/** What belongs to the request and not to the wire; SCGI says its own name, and a length where there is none. */
const differing = ['SCRIPT_NAME', 'REQUEST_URI', 'REMOTE_PORT', 'uwsgi.core', 'SCGI', 'CONTENT_LENGTH'];

test('uWSGI: a body, also a chunked one, on three wires', async (t) => {
  const h = await uwsgiHouse(t);
  if (!h) return;
  const body = Buffer.alloc(300_000, 'abcdefg');
  const { createHash } = await import('node:crypto');
  const wanted = `300000 300000 ${createHash('sha1').update(body).digest('hex')}`;
  const chunks = [body.subarray(0, 1000), body.subarray(1000, 200_000), body.subarray(200_000)]
    .map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`)
    .join('');
  for (const wire of wires) {
    assert.equal((await post(h.port, `/${wire}/body`, body)).text, wanted, wire);
    const head = requestText('POST', `/${wire}/body`, { 'Transfer-Encoding': 'chunked' });
    assert.equal((await talk(h.port, `${head}${chunks}0\r\n\r\n`)).text, wanted, `${wire}, chunked`);
  }
});

test('uWSGI: long answers, 404, HEAD, on three wires', async (t) => {
  const h = await uwsgiHouse(t);
  if (!h) return;
  for (const wire of wires) {
    const big = await get(h.port, `/${wire}/big`);
    assert.deepEqual([big.status, big.body.length, big.complete], [200, 1024 * 1024, true], wire);
    const none = await get(h.port, `/${wire}/none`);
    assert.deepEqual([none.status, none.reason, none.text], [404, 'Not Here', 'nothing'], wire);
    const head = await talk(h.port, requestText('HEAD', `/${wire}/big`), { method: 'HEAD' });
    assert.deepEqual([head.status, head.body.length], [200, 0], wire);
  }
});

test('uWSGI: an answer shorter than its Content-Length is not taken for a whole one, on three wires', async (t) => {
  const h = await uwsgiHouse(t);
  if (!h) return;
  for (const wire of wires) {
    const short = await get(h.port, `/${wire}/short`);
    assert.ok(short.status === 502 || !short.complete, `${wire}: ${short.status} ${short.text}`);
    const told = await h.exchange((e) => e.target === `/${wire}/short`);
    assert.equal(told.failure?.code, 'REPLY_SHORT', wire);
  }
});
