/** Many births and deaths at once, and children that do not stay where they were put: by posix_spawn and by Node's own spawn. */
import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Exchange } from '../../src/index.js';
import { house, sh } from '../support/house.js';
import { needs } from '../support/needs.js';
import { until } from '../support/until.js';
import { get } from '../support/wire.js';
import { childless, children, descriptors, gone } from './processes.js';

const head = `printf 'Content-Type: text/plain\\n\\n'`;
const storm = 200;
const stormed = (exchanges: readonly Exchange[]): Exchange[] => exchanges.filter((e) => e.target.includes('wait.cgi'));

test(`${storm} children that end in the same moment are all reaped, each with its own exit code`, async (t) => {
  const h = await house({
    maxProcesses: storm,
    maxQueue: 0,
    scripts: {
      'hello.cgi': sh(`${head}; echo hello`),
      'wait.cgi': sh(`while [ ! -e go ]; do sleep 0.1; done; ${head}; echo "$QUERY_STRING"; exit $((QUERY_STRING % 100))`),
    },
  });
  t.after(() => h.stop());
  const noConnections = () => new Promise<boolean>((resolve) => h.server.http.getConnections((_, count) => resolve(count === 0)));
  await get(h.port, '/cgi-bin/hello.cgi'); // What is opened once is open from now on.
  await childless();
  await until(noConnections, 'the connection to be closed: its descriptor is none of those that stay');
  const before = descriptors()?.length;
  for (let round = 0; round < 2; round++) {
    const answers = Array.from({ length: storm }, (_, i) => get(h.port, `/cgi-bin/wait.cgi?${i}`));
    await until(() => children().length >= storm, `${storm} children`, 60_000);
    writeFileSync(join(h.dir, 'go'), '');
    for (const [i, answer] of (await Promise.all(answers)).entries()) {
      assert.equal(answer.text, `${i}\n`);
      assert.ok(answer.complete);
    }
    await until(() => stormed(h.exchanges).length === storm * (round + 1), 'every account to be closed');
    rmSync(join(h.dir, 'go'));
  }
  for (const exchange of stormed(h.exchanges)) {
    assert.equal(exchange.exitCode, Number(exchange.target.split('?')[1]) % 100);
  }
  await childless();
  if (before !== undefined) await until(() => descriptors()!.length <= before, `all but ${before} descriptors to be closed`);
});

test('a script that leaves its process group is ended all the same', async (t) => {
  if (!needs(t, 'perl')) return;
  // It gives a child a group and moves in with it: no process of the group it was born into is left.
  const mover = `#!/usr/bin/env perl
my $other = fork() // die; if (!$other) { setpgrp(0, 0); sleep 600; exit }
sleep 1 until getpgrp($other) == $other; setpgrp(0, $other) or die; open my $f, '>', 'moved'; print $f "$$ $other\\n"; close $f;
$SIG{TERM} = 'IGNORE' if $ENV{QUERY_STRING} eq 'deaf'; sleep 600 while 1;
`;
  for (const query of ['', 'deaf']) {
    const h = await house({ headerTimeoutMs: 3000, killGraceMs: 500, scripts: { 'mover.cgi': mover } });
    t.after(() => h.stop());
    // Node's spawn makes it the leader of a session, and such a one cannot move.
    if (h.server.births.by === 'portable') return;
    const answer = await get(h.port, `/cgi-bin/mover.cgi?${query}`);
    assert.equal(answer.status, 504);
    const exchange = await h.exchange();
    await gone(exchange.pid);
    assert.equal(exchange.signal, query === 'deaf' ? 'SIGKILL' : 'SIGTERM');
    // What it put into the other group is its own affair; the test cleans up after it.
    process.kill(Number(readFileSync(join(h.dir, 'moved'), 'utf8').split(' ')[1]), 'SIGKILL');
  }
});

test('the kernel’s account is there for every native birth, and never invented for another', async (t) => {
  const h = await house({ scripts: { 'work.cgi': sh(`i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; ${head}; echo done`) } });
  t.after(() => h.stop());
  assert.equal((await get(h.port, '/cgi-bin/work.cgi')).text, 'done\n');
  const { account } = await h.exchange();
  if (h.server.births.by === 'portable') return assert.equal(account, undefined);
  assert.ok(account !== undefined);
  assert.ok(account.userMs + account.systemMs > 0);
  assert.ok(account.minorFaults > 0);
});
