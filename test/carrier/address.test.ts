/**
 * Where a program listens, as it is written on the command line.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readAddresses } from '../../src/carrier/address.js';

const places = (text: string) => readAddresses(text).map(({ text: _, ...place }) => place);

test('a Unix socket, a host and its port, IPv6 in brackets', () => {
  assert.deepEqual(places('unix:/run/php/php8.2-fpm.sock'), [{ path: '/run/php/php8.2-fpm.sock' }]);
  assert.deepEqual(places('127.0.0.1:9000'), [{ host: '127.0.0.1', port: 9000 }]);
  assert.deepEqual(places('app.example:1'), [{ host: 'app.example', port: 1 }]);
  assert.deepEqual(places('[::1]:65535'), [{ host: '::1', port: 65_535 }]);
});

test('several, joined by commas, each with the text it was written as', () => {
  assert.deepEqual(readAddresses('127.0.0.1:9000, unix:/run/b.sock'), [
    { host: '127.0.0.1', port: 9000, text: '127.0.0.1:9000' },
    { path: '/run/b.sock', text: 'unix:/run/b.sock' },
  ]);
});

test('what is no address is refused with what was expected', () => {
  const wrong = ['', ' ', '9000', ':9000', '127.0.0.1', '127.0.0.1:', '127.0.0.1:0', '127.0.0.1:65536', '127.0.0.1:9e3', '::1:9000'];
  for (const text of [...wrong, '[::1]', '[::1', 'http://127.0.0.1:9000', '/run/app.sock', '127.0.0.1:9000,', 'a b:1', '127.0.0.1:-1'])
    assert.throws(() => readAddresses(text), /^Error: expected unix:\/path or host:port, got '/, text);
  for (const text of ['unix:', 'unix:run/app.sock', 'unix:./app.sock'])
    assert.throws(() => readAddresses(text), /^Error: expected unix:\/path, got '/, text);
});

test('a socket path longer than sockaddr_un holds is refused: it would be cut and lead elsewhere', () => {
  const path = (bytes: number) => `unix:/${'a'.repeat(bytes - 1)}`;
  assert.equal(readAddresses(path(107)).length, 1);
  assert.throws(() => readAddresses(path(108)), /at most 107 bytes/);
  // Bytes, not characters.
  assert.throws(() => readAddresses(`unix:/${'ü'.repeat(54)}`), /at most 107 bytes/);
});
