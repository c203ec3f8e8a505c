/** Perl with CGI.pm: the library that most CGI scripts ever written use, and what it makes of our variables. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type House, house } from '../support/house.js';
import { needs } from '../support/needs.js';
import { get, post, talk } from '../support/wire.js';

const perl = (source: string) => `#!/usr/bin/env perl\nuse strict; use warnings; use CGI; my $q = CGI->new;\n${source}\n`;

const scripts = {
  'params.pl': perl(
    `print $q->header('text/plain; charset=utf-8'); print "$_=", join('|', $q->multi_param($_)), "\\n" for sort $q->param;`,
  ),
  'url.pl': perl(
    `print $q->header('text/plain'), join("\\n", $q->self_url, $q->url(-absolute => 1), $q->path_info, $q->server_port, $q->remote_host, $q->request_method), "\\n";`,
  ),
  'cookie.pl': perl(
    `print $q->header(-type => 'text/plain', -cookie => [$q->cookie('n', ($q->cookie('n') // 0) + 1), $q->cookie('seen', 'yes')]), $q->cookie('n') // 0;`,
  ),
  'redirect.pl': perl(`print $q->redirect('https://example.org/there');`),
  'status.pl': perl(`print $q->header(-status => '404 Not Here', -type => 'text/plain'), 'none';`),
  'upload.pl': perl(
    `my $h = $q->upload('file'); binmode $h; local $/; my $b = <$h>; print $q->header('text/plain'), $q->param('file'), ' ', length $b;`,
  ),
  'put.pl': perl(`print $q->header('text/plain'), length $q->param('PUTDATA');`),
  'nph-time.pl': perl(`print $q->header(-nph => 1, -type => 'text/plain'), "parsed by nobody\\n";`),
  'die.pl': perl(`die "no such luck\\n";`),
  'carp.pl': perl(`use CGI::Carp 'fatalsToBrowser'; die "shown to the browser\\n";`),
  'warn.pl': perl(`print $q->header('text/plain'); warn "careful\\n"; print 'done';`),
};

async function perlHouse(t: TestContext): Promise<House | undefined> {
  if (!needs(t, 'perl CGI.pm')) return undefined;
  const h = await house({ scripts });
  t.after(() => h.stop());
  return h;
}

test('CGI.pm: parameters by GET, by POST, and from an upload', async (t) => {
  const h = await perlHouse(t);
  if (!h) return;
  assert.equal((await get(h.port, '/cgi-bin/params.pl?a=1;b=2&b=%C3%A9+x')).text, 'a=1\nb=2|é x\n');
  const form = { 'Content-Type': 'application/x-www-form-urlencoded' };
  assert.equal((await post(h.port, '/cgi-bin/params.pl', 'a=1&b=2', form)).text, 'a=1\nb=2\n');
  const part = '--cut\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\nContent-Type: text/plain\r\n\r\n';
  const body = `${part}${'y'.repeat(100_000)}\r\n--cut--\r\n`;
  assert.equal(
    (await post(h.port, '/cgi-bin/upload.pl', body, { 'Content-Type': 'multipart/form-data; boundary=cut' })).text,
    'a.txt 100000',
  );
  const put = await talk(
    h.port,
    'PUT /cgi-bin/put.pl HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello',
  );
  assert.equal(put.text, '5');
});

test('CGI.pm: the addresses it builds from our variables are the ones the client used', async (t) => {
  const h = await perlHouse(t);
  if (!h) return;
  const lines = (await get(h.port, '/cgi-bin/url.pl/more/path?x=1', { Host: `localhost:${h.port}` })).text.split('\n');
  assert.deepEqual(lines, [
    `http://localhost:${h.port}/cgi-bin/url.pl/more/path?x=1`,
    '/cgi-bin/url.pl',
    '/more/path',
    String(h.port),
    '127.0.0.1',
    'GET',
    '',
  ]);
});

test('CGI.pm: cookies, redirect, status, NPH', async (t) => {
  const h = await perlHouse(t);
  if (!h) return;
  const cookie = await get(h.port, '/cgi-bin/cookie.pl', { Cookie: 'n=41' });
  assert.equal(cookie.text, '41');
  assert.deepEqual(cookie.all('set-cookie'), ['n=42; path=/', 'seen=yes; path=/']);
  const redirect = await get(h.port, '/cgi-bin/redirect.pl');
  assert.deepEqual([redirect.status, redirect.get('location')], [302, 'https://example.org/there']);
  const status = await get(h.port, '/cgi-bin/status.pl');
  assert.deepEqual([status.status, status.reason, status.text], [404, 'Not Here', 'none']);
  const nph = await get(h.port, '/cgi-bin/nph-time.pl');
  assert.deepEqual([nph.status, nph.text], [200, 'parsed by nobody\n']);
});

test('CGI.pm: a script that dies is a coded failure; one that warns is not', async (t) => {
  const h = await perlHouse(t);
  if (!h) return;
  const died = await get(h.port, '/cgi-bin/die.pl', { Accept: 'application/json' });
  assert.equal(died.status, 502);
  const told = JSON.parse(died.text);
  assert.equal(told.code, 'REPLY_CRASHED');
  assert.match(told.evidence.stderr, /no such luck/);
  assert.match((await get(h.port, '/cgi-bin/carp.pl')).text, /shown to the browser/);
  assert.equal((await get(h.port, '/cgi-bin/warn.pl')).text, 'done');
  await h.exchange((e) => e.target === '/cgi-bin/warn.pl');
  assert.ok(h.stderr.some((line) => line.script === 'warn.pl' && line.text.includes('careful')));
});
