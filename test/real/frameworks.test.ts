/** `cgi(dir, options)` as a guest in other people's servers: plain node:http, Express 5 and Fastify 5, the real packages. */
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import express from 'express';
import Fastify from 'fastify';
import { cgi } from '../../src/index.js';
import type { CgiOptions } from '../../src/settings.js';
import { node, sh } from '../support/house.js';
import { get, post, talk, Wire } from '../support/wire.js';

const scripts: Record<string, string> = {
  'env.cgi': node(`process.stdout.write('Content-Type: application/json\\n\\n' + JSON.stringify(process.env));`),
  'echo.cgi': node(`process.stdout.write('Content-Type: text/plain\\n\\n'); process.stdin.pipe(process.stdout);`),
  'local.cgi': sh("printf 'Location: /cgi-bin/hello.cgi?by=local\\n\\n'"),
  'hello.cgi': sh('printf "Content-Type: text/plain\\n\\nhello $QUERY_STRING"'),
  'cookies.cgi': sh('printf "Set-Cookie: a=1\\nSet-Cookie: b=2\\nX-From: script\\nContent-Type: text/plain\\n\\n"'),
  'crash.cgi': sh('echo sorry >&2; exit 3'),
};

/** A script directory and the handler that serves it. */
function guest(t: TestContext, options: CgiOptions = {}) {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'cgi-serve-guest-')));
  for (const [name, text] of Object.entries(scripts)) {
    writeFileSync(join(dir, name), text);
    chmodSync(join(dir, name), 0o755);
  }
  const handler = cgi(dir, options);
  t.after(async () => {
    await handler.close(50);
    rmSync(dir, { recursive: true, force: true });
  });
  return { dir, handler };
}

async function listening(t: TestContext, server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** What holds wherever the handler is mounted at /cgi-bin. */
async function behaves(port: number, dir: string): Promise<void> {
  const env = JSON.parse((await get(port, '/cgi-bin/env.cgi/a/b?x=1', { Host: 'example.org:81', 'X-Thing': 'yes' })).text);
  assert.equal(env.SCRIPT_NAME, '/cgi-bin/env.cgi', 'SCRIPT_NAME holds the mount');
  assert.equal(env.PATH_INFO, '/a/b');
  assert.equal(env.REQUEST_URI, '/cgi-bin/env.cgi/a/b?x=1');
  assert.equal(env.SCRIPT_FILENAME, join(dir, 'env.cgi'));
  assert.equal(env.SERVER_NAME, 'example.org');
  assert.equal(env.HTTP_X_THING, 'yes');
  assert.equal(env.REMOTE_ADDR, '127.0.0.1');

  const body = 'b'.repeat(300_000);
  assert.equal((await post(port, '/cgi-bin/echo.cgi', body, { 'Content-Type': 'text/plain' })).text, body);
  assert.equal((await post(port, '/cgi-bin/echo.cgi', '{"a":1}', { 'Content-Type': 'application/json' })).text, '{"a":1}');
  const chunked =
    'POST /cgi-bin/echo.cgi HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n';
  assert.equal((await talk(port, `${chunked}5\r\nhello\r\n0\r\n\r\n`)).text, 'hello');
  assert.equal((await get(port, '/cgi-bin/local.cgi')).text, 'hello by=local');

  const crash = await get(port, '/cgi-bin/crash.cgi', { Accept: 'application/json' });
  assert.deepEqual([crash.status, JSON.parse(crash.text).code], [502, 'REPLY_CRASHED']);

  const wire = await Wire.open(port);
  for (let round = 0; round < 3; round++) {
    wire.send('GET /cgi-bin/hello.cgi?kept HTTP/1.1\r\nHost: x\r\n\r\n');
    assert.equal((await wire.answer()).text, 'hello kept', 'the connection is kept');
  }
  wire.close();
}

test('plain node:http', async (t) => {
  const { dir, handler } = guest(t);
  const port = await listening(t, createServer(handler));
  await behaves(port, dir);
  assert.equal((await get(port, '/cgi-bin/none.cgi')).status, 404);
});

test('plain node:http with a prefix of its own', async (t) => {
  const { handler } = guest(t, { prefix: '/apps/' });
  const port = await listening(t, createServer(handler));
  const env = JSON.parse((await get(port, '/apps/env.cgi/p')).text);
  assert.deepEqual([env.SCRIPT_NAME, env.PATH_INFO], ['/apps/env.cgi', '/p']);
});

test('Express 5: app.use("/cgi-bin", cgi(dir))', async (t) => {
  const { dir, handler } = guest(t);
  const app = express();
  app.use('/cgi-bin', handler);
  app.get('/other', (_, response) => void response.send('still Express'));
  const port = await listening(t, createServer(app));
  await behaves(port, dir);
  assert.equal((await get(port, '/other')).text, 'still Express');
});

test('Express 5: a mount within a mount, and a prefix elsewhere', async (t) => {
  const { handler } = guest(t);
  const app = express();
  const inner = express.Router();
  inner.use('/scripts', handler);
  app.use('/deep', inner);
  const port = await listening(t, createServer(app));
  const env = JSON.parse((await get(port, '/deep/scripts/env.cgi/p?q')).text);
  assert.deepEqual([env.SCRIPT_NAME, env.PATH_INFO, env.REQUEST_URI], ['/deep/scripts/env.cgi', '/p', '/deep/scripts/env.cgi/p?q']);
});

test('Express 5: without a mount the prefix decides, and other paths go on to the next handler', async (t) => {
  const { dir, handler } = guest(t);
  const app = express();
  app.use(handler);
  app.get('/other', (_, response) => void response.send('still Express'));
  const port = await listening(t, createServer(app));
  await behaves(port, dir);
  assert.equal((await get(port, '/other')).text, 'still Express');
  assert.match((await get(port, '/nowhere')).text, /Cannot GET/);
});

test('Express 5: fields that a middleware has set stay, unless the script sets them itself', async (t) => {
  const { handler } = guest(t);
  const app = express();
  app.use((_request, response, next) => {
    response.set({ 'X-From': 'middleware', 'Access-Control-Allow-Origin': '*' });
    next();
  });
  app.use('/cgi-bin', handler);
  const port = await listening(t, createServer(app));
  const answer = await get(port, '/cgi-bin/cookies.cgi');
  assert.deepEqual(answer.all('set-cookie'), ['a=1', 'b=2']);
  assert.deepEqual(answer.all('x-from'), ['script']);
  assert.deepEqual(answer.all('access-control-allow-origin'), ['*']);
});

test('Express 5: a failure page names the path that the client asked for, mount and all', async (t) => {
  const { handler } = guest(t);
  const app = express();
  app.use('/cgi-bin', handler);
  const port = await listening(t, createServer(app));
  assert.ok((await get(port, '/cgi-bin/crash.cgi?x=1')).text.includes('>/cgi-bin/crash.cgi?x=1<'), 'the path is on the page');
});

test('Express 5: a mount with a parameter takes what the client says, and a broken one is a coded failure', async (t) => {
  const { handler } = guest(t);
  const app = express();
  app.use('/:tenant', handler);
  const port = await listening(t, createServer(app));
  assert.equal(JSON.parse((await get(port, '/acme/env.cgi/p')).text).SCRIPT_NAME, '/acme/env.cgi');
  const code = async (target: string) => JSON.parse((await get(port, target, { Accept: 'application/json' })).text).code;
  assert.equal(await code('/a%2Fb/env.cgi'), 'PATH_ENCODED_SLASH');
  assert.equal(await code('/a%00b/env.cgi'), 'PATH_FORBIDDEN_BYTE');
});

test('Express 5: a body parser mounted before is a failure that says so', async (t) => {
  const { handler } = guest(t);
  const app = express();
  app.use(express.json());
  app.use('/cgi-bin', handler);
  const port = await listening(t, createServer(app));
  const answer = await post(port, '/cgi-bin/echo.cgi', '{"a":1}', { 'Content-Type': 'application/json', Accept: 'application/json' });
  assert.equal(answer.status, 500);
  assert.equal(JSON.parse(answer.text).code, 'BODY_ALREADY_READ');
  // What the parser left alone still works: no body, or one of another type.
  assert.equal((await get(port, '/cgi-bin/hello.cgi')).status, 200);
  assert.equal((await post(port, '/cgi-bin/echo.cgi', 'plain', { 'Content-Type': 'text/plain' })).text, 'plain');
});

test('Fastify 5: reply.hijack(), and a parser that leaves the body alone', async (t) => {
  const { dir, handler } = guest(t);
  const app = Fastify();
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
  app.all('/cgi-bin/*', (request, reply) => {
    reply.hijack();
    handler(request.raw, reply.raw);
  });
  app.get('/other', () => 'still Fastify');
  await app.listen({ port: 0, host: '127.0.0.1' });
  t.after(() => app.close());
  const port = (app.server.address() as AddressInfo).port;
  await behaves(port, dir);
  assert.equal((await get(port, '/other')).text, 'still Fastify');
});

test('Fastify 5: its own body parser has read the body: a failure that says so', async (t) => {
  const { handler } = guest(t);
  const app = Fastify();
  app.all('/cgi-bin/*', (request, reply) => {
    reply.hijack();
    handler(request.raw, reply.raw);
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  t.after(() => app.close());
  const { port } = app.server.address() as AddressInfo;
  const answer = await post(port, '/cgi-bin/echo.cgi', '{"a":1}', { 'Content-Type': 'application/json', Accept: 'application/json' });
  assert.deepEqual([answer.status, JSON.parse(answer.text).code], [500, 'BODY_ALREADY_READ']);
  assert.equal((await get(port, '/cgi-bin/hello.cgi?still')).text, 'hello still');
});

test('the guest closes by itself: running scripts end, the host server stays', async (t) => {
  const { handler } = guest(t);
  const port = await listening(t, createServer(handler));
  assert.equal((await get(port, '/cgi-bin/hello.cgi')).status, 200);
  await handler.close(50);
  const after = await get(port, '/cgi-bin/hello.cgi', { Accept: 'application/json' });
  assert.deepEqual([after.status, JSON.parse(after.text).code], [503, 'SHUTTING_DOWN']);
});
