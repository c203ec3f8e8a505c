/**
 * A program in a process of its own, to be killed: argv is its wire, and the path, or the host and the port, it listens at. It says `listens` on stdout.
 *
 *   /give?n=12&size=70000[&counted][&slow]   so many bytes, in pieces, after X-N and their checksum in X-Sum; with a Content-Length or without
 *   /echo?n=12[&counted][&slow]               what was sent to it
 *   /hold                                     `held` at once, and its end when the request's body has its own
 *
 * TERM lets it finish what it has begun. Started by restarts.test.ts.
 */
import { createHash, randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { documentHead, peerOf, type Visit, type WireName } from './peers.js';

const [wire, where, port] = process.argv.slice(2) as [WireName, string, string?];
const pieceBytes = 16 * 1024;
const noise = randomBytes(1024 * 1024);
let busy = 0;

const serve = async (visit: Visit): Promise<void> => {
  const query = new URLSearchParams(visit.meta.get('QUERY_STRING'));
  const path = visit.meta.get('PATH_INFO');
  if (path === '/hold') {
    visit.say(`${documentHead}held`);
    await visit.body;
    return visit.end();
  }
  const from = Math.floor(Math.random() * 1000);
  const content = path === '/echo' ? await visit.body : noise.subarray(from, from + Number(query.get('size')));
  const sum = createHash('sha1').update(content).digest('hex');
  const length = query.has('counted') ? `Content-Length: ${content.length}\r\n` : '';
  const head = Buffer.from(`X-N: ${query.get('n')}\r\nX-Sum: ${sum}\r\n${length}${documentHead}`);
  // The first piece goes with the head: what fits into one write is sent whole or not at all.
  visit.say(Buffer.concat([head, content.subarray(0, pieceBytes)]));
  for (let at = pieceBytes; at < content.length; at += pieceBytes) {
    await (query.has('slow') ? sleep(8) : nextTurn());
    visit.say(content.subarray(at, at + pieceBytes));
  }
  visit.end();
};

process.on('SIGTERM', () => {
  setTimeout(() => process.exit(0), 300);
  setInterval(() => busy === 0 && process.exit(0), 5);
});

if (port === undefined) rmSync(where, { force: true });
const peer = await peerOf(
  { after: () => {} },
  wire,
  (visit) => {
    peer.visits.length = 0;
    busy += 1;
    void Promise.race([serve(visit), visit.gone]).then(() => {
      busy -= 1;
    });
  },
  { at: port === undefined ? { path: where } : { host: where, port: Number(port) } },
);
process.stdout.write('listens\n');
