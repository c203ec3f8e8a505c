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
import { daemon, differences, nginx, room, type Teller } from './peers.js';

const application = `
import hashlib, json

def application(environ, start_response):
    path = environ.get('PATH_INFO', '')
    status, headers, body = '200 OK', [], b''
    if environ['REQUEST_URI'].split('?')[0].endswith('/environ'):
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

interface UwsgiHouse extends House {
  readonly folder: string;
  readonly socket: (wire: string) => string;
}

async function uwsgiHouse(t: TestContext): Promise<UwsgiHouse | undefined> {
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
  return { ...h, folder, socket };
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

test('uWSGI: nginx before the same sockets tells it the same, on three wires', async (t) => {
  if (!needs(t, 'nginx')) return;
  const h = await uwsgiHouse(t);
  if (!h) return;
  const location = (wire: string) => `location /${wire} { include /etc/nginx/${wire}_params; ${wire}_pass unix:${h.socket(wire)}; }`;
  const port = await nginx(t, h.folder, h.dir, wires.map(location).join('\n'));
  // Without a port: Debian's nginx takes it off, since a client may write what it likes there.
  const fields = { Host: 'example.org', Cookie: 'a=1', 'X-Thing': 'yes', 'Content-Type': 'text/plain' };
  for (const wire of wires) {
    const target = `/${wire}/a%20b/environ?x=1&y=%2F`;
    const ours = json(await post(h.port, target, 'a=1', fields));
    const theirs = json(await post(port, target, 'a=1', fields));
    const expected = Object.entries({ ...intended.everywhere, ...intended[wire] }).map(([name, [teller]]) => [name, teller]);
    assert.deepEqual(differences(ours, theirs), Object.fromEntries(expected), JSON.stringify([wire, ours, theirs]));
  }
});

/** What we tell otherwise than nginx with Debian's uwsgi_params, scgi_params and fastcgi_params. All else has the same value. */
const intended: Readonly<Record<(typeof wires)[number] | 'everywhere', Readonly<Record<string, readonly [Teller, why: string]>>>> = {
  everywhere: {
    HTTP_CONNECTION: ['nginx alone', 'RFC 3875 §4.1.18: it concerns a connection that is not the program’s'],
    HTTP_CONTENT_LENGTH: ['nginx alone', 'RFC 3875 §4.1.18: CONTENT_LENGTH says it'],
    HTTP_CONTENT_TYPE: ['nginx alone', 'RFC 3875 §4.1.18: CONTENT_TYPE says it'],
    PATH_INFO: ['us alone', 'RFC 3875 §4.1.5: what follows the mount; nginx leaves it to its user'],
    PATH_TRANSLATED: ['us alone', 'RFC 3875 §4.1.6'],
    REMOTE_HOST: ['us alone', 'RFC 3875 §4.1.9'],
    REMOTE_PORT: ['both', 'two connections'],
    SERVER_NAME: ['both', 'RFC 3875 §4.1.14: the name the client used; nginx tells its server_name'],
    SERVER_PORT: ['both', 'two ports'],
  },
  uwsgi: {
    GATEWAY_INTERFACE: ['us alone', 'RFC 3875 §4.1.4'],
    PATH_INFO: ['both', 'nginx tells the whole path, and no SCRIPT_NAME'],
    REDIRECT_STATUS: ['us alone', 'the same map on every wire'],
    SCRIPT_NAME: ['us alone', 'RFC 3875 §4.1.13: the mount'],
    SERVER_ADDR: ['us alone', 'the same map on every wire'],
    SERVER_SOFTWARE: ['us alone', 'RFC 3875 §4.1.17'],
  },
  scgi: {
    DOCUMENT_URI: ['nginx alone', 'not one of RFC 3875, and SCRIPT_NAME with PATH_INFO says it'],
    GATEWAY_INTERFACE: ['us alone', 'RFC 3875 §4.1.4'],
    REDIRECT_STATUS: ['us alone', 'the same map on every wire'],
    SCRIPT_NAME: ['us alone', 'RFC 3875 §4.1.13: the mount'],
    SERVER_ADDR: ['us alone', 'the same map on every wire'],
    SERVER_SOFTWARE: ['us alone', 'RFC 3875 §4.1.17'],
  },
  fastcgi: {
    DOCUMENT_URI: ['nginx alone', 'not one of RFC 3875, and SCRIPT_NAME with PATH_INFO says it'],
    REMOTE_USER: ['nginx alone', 'RFC 3875 §4.1.11: unset, not empty, when nobody was asked for a name'],
    SCRIPT_NAME: ['both', 'RFC 3875 §4.1.13: the mount; nginx takes the whole path for the script'],
    SERVER_SOFTWARE: ['both', 'two names'],
  },
};
