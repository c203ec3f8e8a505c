/**
 * A day in small: as many requests as a busy day has, on workers that are replaced every few hundred of them. What the server holds in
 * memory, its descriptors, its processes and its folder are the same in the evening as in the morning.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startCli } from '../support/cli.js';
import { needs } from '../support/needs.js';
import { until } from '../support/until.js';
import { children, descriptors } from './processes.js';

const requests = 200_000;
const clients = 8;
const workers = 2;

const application = `
def application(environ, start_response):
    start_response('200 OK', [('Content-Type', 'text/plain'), ('Content-Length', '2')])
    return [b'ok']
`;
const asked = Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
const answered = '\r\n\r\nok';

/** One connection, one request after the other. Resolves with how many were answered by 200 and `ok`. */
const client = (port: number, count: number): Promise<number> =>
  new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let held = '';
    let well = 0;
    socket.setEncoding('latin1');
    socket.on('connect', () => socket.write(asked));
    socket.on('error', reject);
    socket.on('close', () => resolve(well));
    socket.on('data', (text) => {
      held += text;
      if (!held.endsWith(answered)) return;
      if (!held.startsWith('HTTP/1.1 200 ')) return void socket.destroy(new Error(held));
      held = '';
      well += 1;
      if (well === count) socket.end();
      else socket.write(asked);
    });
  });

interface Account {
  readonly rssMib: number;
  readonly descriptors: number;
  readonly children: number;
  readonly sockets: number;
}

test(`${requests} requests on workers that are replaced: memory, descriptors, processes and files stay`, {
  timeout: 15 * 60_000,
  skip: process.platform === 'linux' ? false : 'needs /proc',
}, async (t) => {
  if (!needs(t, 'python3')) return;
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'cgi-serve-day-')));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'app.py'), application);
  const given = ['--wsgi', 'app:application', '--workers', String(workers), '--max-requests', '500', '--details', 'never'];
  const cli = await startCli([...given, '--log-format', 'json', '--port', '0'], {
    cwd: folder,
    env: { TMPDIR: folder, PYTHONDONTWRITEBYTECODE: '1' },
  });
  t.after(() => cli.stop());
  const { pid } = cli.child;

  const account = async (): Promise<Account> => {
    // Whoever is being replaced is there twice; the warden that outlives a killed server is a child, too.
    await until(() => children(pid).length <= workers + 1, 'the replaced ones to be gone');
    const rssMib = Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;
    const sockets = readdirSync(folder, { recursive: true }).filter((name) => /\/\d+$/.test(String(name))).length;
    return { rssMib, descriptors: descriptors(pid!)!.length, children: children(pid).length, sockets };
  };
  const some = async (count: number): Promise<void> => {
    const well = await Promise.all(Array.from({ length: clients }, () => client(cli.port, count / clients)));
    assert.equal(
      well.reduce((sum, one) => sum + one, 0),
      count,
    );
  };

  await some(requests / 5);
  const morning = await account();
  await some((requests * 4) / 5);
  const evening = await account();
  t.diagnostic(JSON.stringify({ morning, evening }));
  assert.ok(evening.rssMib <= morning.rssMib + 20, `${morning.rssMib} → ${evening.rssMib} MiB`);
  // A worker's connection may be open or not, on either day.
  assert.ok(evening.descriptors <= morning.descriptors + workers, `${morning.descriptors} → ${evening.descriptors} descriptors`);
  assert.ok(evening.sockets <= workers, `${evening.sockets} sockets`);
  // 200,000 requests in turns of 500: at least so many lives, or nothing was replaced.
  const lives = new Set(cli.stdout().match(/"pid":\d+/g));
  assert.ok(lives.size > requests / 2_000, `${lives.size} workers`);
});
