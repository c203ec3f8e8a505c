/**
 * A real Authorizer: Perl's FCGI.pm under spawn-fcgi, which learns its role from the records themselves (FCGI_ROLE).
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { house, sh } from '../support/house.js';
import { needs } from '../support/needs.js';
import { until } from '../support/until.js';
import { get, post } from '../support/wire.js';
import { daemon, freePort, relay, room, spawnFcgi } from './peers.js';

const guard = `
use strict; use warnings; use FCGI; use MIME::Base64;
my (%env, $turn);
my $request = FCGI::Request(\\*STDIN, \\*STDOUT, \\*STDERR, \\%env);
while ($request->Accept >= 0) {
  $turn++;
  my ($user, $password) = split /:/, decode_base64(($env{HTTP_AUTHORIZATION} // '') =~ s/^Basic //r), 2;
  my $left_out = join ',', grep { exists $env{$_} } qw(CONTENT_LENGTH PATH_INFO PATH_TRANSLATED SCRIPT_NAME);
  print STDERR "turn $turn\\n";
  if (($password // '') eq 'engine') {
    print "Status: 200\\nVariable-REMOTE_USER: $user\\nVariable-AUTH_TYPE: Basic\\nVariable-ROLE: $env{FCGI_ROLE}\\nVariable-LEFT: <$left_out>\\n\\nfine";
  } else {
    print "Status: 401\\nWWW-Authenticate: Basic realm=\\"here\\"\\nContent-Type: text/plain\\n\\nwho are you?";
  }
}
`;

test("Perl's FCGI.pm guards a file, a script and an upload", async (t) => {
  if (!needs(t, 'perl FCGI.pm', 'spawn-fcgi')) return;
  const source = room(t);
  writeFileSync(join(source, 'guard.pl'), guard);
  const { socket, folder } = await spawnFcgi(t, ['/usr/bin/perl', join(source, 'guard.pl')]);
  const counter = await relay(t, folder, socket);
  const h = await house({
    prefix: '/private/bin/',
    scripts: { 'told.sh': sh('printf "Content-Type: text/plain\\n\\n$REMOTE_USER $AUTH_TYPE $ROLE $LEFT "; cat') },
    public: { 'private/page.txt': 'secret', 'open.txt': 'open' },
    authorizers: [{ where: '/private', address: counter.address }],
    connections: 1,
  });
  t.after(() => h.stop());
  const ada = { Authorization: `Basic ${Buffer.from('ada:engine').toString('base64')}` };
  const stranger = await get(h.port, '/private/page.txt');
  assert.deepEqual([stranger.status, stranger.get('WWW-Authenticate'), stranger.text], [401, 'Basic realm="here"', 'who are you?']);
  assert.equal((await post(h.port, '/private/bin/told.sh', 'x'.repeat(100_000))).status, 401);
  assert.equal((await get(h.port, '/private/page.txt', ada)).text, 'secret');
  assert.equal((await post(h.port, '/private/bin/told.sh', 'the body', ada)).text, 'ada Basic AUTHORIZER <> the body');
  assert.equal((await get(h.port, '/open.txt')).text, 'open');
  await h.exchange((e) => e.target === '/private/page.txt' && e.user === 'ada');
  await h.exchange((e) => e.target === '/private/bin/told.sh' && e.user === 'ada');
  await until(() => h.stderr.filter((line) => /^turn \d$/.test(line.text)).length === 4, 'its stderr in the log');
  assert.ok(counter.made <= 4, `${counter.made} connections for 4 questions`);

  const many = await Promise.all(Array.from({ length: 8 }, () => get(h.port, '/private/page.txt', ada)));
  assert.deepEqual(new Set(many.map((answer) => answer.text)), new Set(['secret']));
});

test("the README's guard works as printed", async (t) => {
  if (!needs(t, 'perl FCGI.pm')) return;
  const readme = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8');
  const printed = /^cat > guard\.pl <<'EOF'\n(.*?)^EOF$/ms.exec(readme)?.[1];
  assert.ok(printed);
  const source = room(t);
  const port = await freePort();
  writeFileSync(join(source, 'guard.pl'), printed.replace('9001', String(port)));
  await daemon(t, '/usr/bin/perl', [join(source, 'guard.pl')], [port]);
  const h = await house({
    public: { 'private/page.txt': 'For Ada only.\n' },
    authorizers: [{ where: '/private', address: `127.0.0.1:${port}` }],
  });
  t.after(() => h.stop());
  const stranger = await get(h.port, '/private/page.txt');
  assert.deepEqual([stranger.status, stranger.text], [401, 'Who are you?\n']);
  for (const [login, status] of [['ada:engine', 200] as const, ['ada:motor', 401] as const, ['', 401] as const]) {
    const answer = await get(h.port, '/private/page.txt', { Authorization: `Basic ${Buffer.from(login).toString('base64')}` });
    assert.equal(answer.status, status, login);
  }
  assert.equal((await h.exchange((e) => e.status === 200)).user, 'ada');
});
