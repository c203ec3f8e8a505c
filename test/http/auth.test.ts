/**
 * RFC 7617 and htpasswd files: what each format proves, what is refused and how it is said, and that nothing is learnt from outside.
 * The hashes were made by Apache's own htpasswd 2.4; where it is installed, it makes fresh ones too.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { challenge, loadHtpasswd } from '../../src/http/auth.js';
import { verifiedLoginsKept } from '../../src/limits.js';
import { needs } from '../support/needs.js';

/** htpasswd -nB, -nB -C 10, -nm and -ns of `open sesame`; names and passwords beyond ASCII, of no and of many bytes. */
const vectors: readonly [line: string, name: string, password: string][] = [
  ['ali:$2y$05$otum.BJp.0MD2WhLCVlKQeBCCxSWZIIzTVQzHYRl5bKoHipyZmesa', 'ali', 'open sesame'],
  ['ali:$2y$10$A5MwxK5QmH6.yn/bhfUbhuM6IZFgvvVJm7QjeTs6Mqn6NfXt7JIlC', 'ali', 'open sesame'],
  ['ali:$apr1$FztgUoAj$xBhIW/0W1u.vbrixpInb6.', 'ali', 'open sesame'],
  ['ali:{SHA}W8r/fyL/UzygmbNAjq2HbA67qac=', 'ali', 'open sesame'],
  ['Zoë:$2y$05$Xzb81FCsfJpTmoobfEebTea8q4UDyedk7q4PtqStwI1B1sesCjTZe', 'Zoë', 'pässwörd:密码'],
  ['Zoë:$apr1$xcpF.OZz$9Oyf0SiYCxVjXHG1onSY01', 'Zoë', 'pässwörd:密码'],
  ['empty:$apr1$E0mJ7Hva$xDqAzP6leE5D1i51wsaM41', 'empty', ''],
  ['long:$apr1$w15PjJvU$x8JYtlgIF8dYBFnnid8ds/', 'long', 'this is a password of more than sixteen bytes, even of more than thirty-two'],
  [
    'long:$2y$05$ZKBn/geTxaxHpaSt0HOdYOa2/gMEgLWwUi3NXC2hhG0CXrLkAfKFW',
    'long',
    'this is a password of more than sixteen bytes, even of more than thirty-two!',
  ],
];

const [bcryptLine, , apr1Line] = vectors.map(([line]) => line) as [string, string, string];

const basic = (name: string, password: string): string => `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;

const folder = (t: TestContext): string => {
  const dir = mkdtempSync(join(tmpdir(), 'cgi-serve-auth-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
};

const htpasswdFile = (t: TestContext, text: string | Buffer): string => {
  const file = join(folder(t), 'users');
  writeFileSync(file, text);
  return file;
};

test('every format that htpasswd makes and we read: the right password enters, another does not', async (t) => {
  for (const [line, name, password] of vectors) {
    const authority = loadHtpasswd(htpasswdFile(t, `${line}\n`));
    assert.equal(await authority.check(basic(name, password)), name, line);
    assert.equal(await authority.check(basic(name, `x${password}`)), undefined, `${line} with a letter more`);
    assert.equal(await authority.check(basic(`${name}x`, password)), undefined, `${line} under another name`);
  }
});

test('$2a$ and $2b$ are the same bcrypt as $2y$', async (t) => {
  for (const version of ['$2a$', '$2b$', '$2y$']) {
    const authority = loadHtpasswd(htpasswdFile(t, bcryptLine.replace('$2y$', version)));
    assert.equal(await authority.check(basic('ali', 'open sesame')), 'ali', version);
  }
});

test('what the real htpasswd makes here and now is read', async (t) => {
  if (!needs(t, 'htpasswd')) return;
  const made: string[] = [];
  for (const [index, flags] of [['-nbB'], ['-nbB', '-C', '6'], ['-nbm'], ['-nbs']].entries()) {
    made.push(
      execFileSync('htpasswd', [...flags, `user${index}`, `s3cret:${index}`], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }).trim(),
    );
  }
  const authority = loadHtpasswd(htpasswdFile(t, made.join('\n')));
  for (const index of made.keys())
    assert.equal(await authority.check(basic(`user${index}`, `s3cret:${index}`)), `user${index}`, made[index]);
});

test('comments, blank lines, CRLF, a byte order mark and a third column are let by', async (t) => {
  const text = `\uFEFF# who may enter\r\n\r\n  \r\n${apr1Line}:a remark\r\n  # nobody else\r\n`;
  assert.equal(await loadHtpasswd(htpasswdFile(t, text)).check(basic('ali', 'open sesame')), 'ali');
});

test('the first colon ends the name: a password may hold more', async (t) => {
  const authority = loadHtpasswd(htpasswdFile(t, 'colon:{SHA}cLzgnoJ6mP5qz3w+mwvPE2vDgu0=')); // a:b:c
  assert.equal(await authority.check(basic('colon', 'a:b:c')), 'colon');
});

test('the header: scheme in any case, base64 exactly, UTF-8, no control characters', async (t) => {
  const authority = loadHtpasswd(htpasswdFile(t, apr1Line));
  const good = Buffer.from('ali:open sesame').toString('base64');
  assert.equal(await authority.check(`basic ${good}`), 'ali');
  assert.equal(await authority.check(`BASIC   ${good} `), 'ali');
  const bad: [string | undefined, string][] = [
    [undefined, 'none'],
    ['', 'empty'],
    ['Basic', 'no credentials'],
    ['Basic ', 'no credentials'],
    [good, 'no scheme'],
    [`Bearer ${good}`, 'another scheme'],
    [`Basic\t${good}`, 'a tab'],
    [`Basic ${good}!`, 'a letter that is not base64'],
    [`Basic ${good.slice(0, -1)}`, 'cut padding'],
    [`Basic ${good} ${good}`, 'twice'],
    [`Basic ${good}, Basic ${good}`, 'two fields joined'],
    [`Basic ${good.replace('=', '')}=A`, 'padding in the middle'],
    [`Basic ${Buffer.from('ali').toString('base64')}`, 'no colon'],
    [`Basic ${Buffer.from('ali:open sesame\0').toString('base64')}`, 'a NUL'],
    [`Basic ${Buffer.from('ali:open\nsesame').toString('base64')}`, 'a line end'],
    [`Basic ${Buffer.from('ali:\xff', 'latin1').toString('base64')}`, 'not UTF-8'],
    [`Basic ${Buffer.from(`ali:${'x'.repeat(2000)}`).toString('base64')}`, 'too long'],
    [`Basic ${'QUFB'.repeat(5000)}`, 'much too long'],
    [`Basic ${Buffer.from('__proto__:x').toString('base64')}`, 'a name every object has'],
  ];
  for (const [header, why] of bad) assert.equal(await authority.check(header), undefined, why);
});

test('a line that cannot be used is refused with file, line and remedy, and its password is not repeated', (t) => {
  const cases: [line: string, expected: RegExp][] = [
    ['bob:hunter2', /plain text.*remake it with: htpasswd -B \S+users bob$/],
    ['bob:uayA9a7a510gE', /DES crypt or plain text.*htpasswd -B/],
    ['bob:$1$abcdefgh$0123456789012345678901', /MD5 crypt \(\$1\$\).*htpasswd -B/],
    ['bob:$5$saltsalt$0123456789', /SHA-256 crypt \(\$5\$\).*htpasswd -B/],
    ['bob:$6$saltsalt$0123456789', /SHA-512 crypt \(\$6\$\).*htpasswd -B/],
    ['bob:$y$j9T$salt$hash', /a crypt hash \(\$y\$\).*htpasswd -B/],
    ['bob:$2x$05$otum.BJp.0MD2WhLCVlKQeBCCxSWZIIzTVQzHYRl5bKoHipyZmesa', /damaged or unknown \$2x\$ hash.*htpasswd -B/],
    ['bob:$2y$05$otum.BJp.0MD2WhLCVlKQeBCCxSWZIIzTVQzHYRl5bKoHipyZmes', /damaged or unknown \$2y\$ hash.*htpasswd -B/],
    ['bob:$2y$31$otum.BJp.0MD2WhLCVlKQeBCCxSWZIIzTVQzHYRl5bKoHipyZmesa', /bcrypt cost over 14.*htpasswd -B/],
    ['bob:{SSHA}W8r/fyL/UzygmbNAjq2HbA67qac=', /a \{SSHA\} hash.*htpasswd -B/],
    ['bob:{SHA}W8r/fyL', /damaged \{SHA\} hash.*htpasswd -B/],
    ["o'hara smith:", /nothing at all.*htpasswd -B \S+ 'o'\\''hara smith'$/],
    ['bob', /is not `name:password-hash`$/],
    [':x', /is not `name:password-hash`$/],
    ['b\x07b:x', /control character/],
    [`${'b'.repeat(256)}:x`, /longer than 255 bytes/],
    [apr1Line, /names ali again, after line 2/],
  ];
  for (const [line, expected] of cases) {
    const file = htpasswdFile(t, `# users\n${apr1Line}\n${line}\n`);
    assert.throws(
      () => loadHtpasswd(file),
      (error: Error) => {
        assert.ok(error.message.startsWith(`${file}:3: `), error.message);
        assert.match(error.message, expected);
        assert.ok(!error.message.includes('\n'), 'one line');
        const password = line.split(':')[1];
        if (password && password.length > 4) assert.ok(!error.message.includes(password), 'the password is not repeated');
        return true;
      },
    );
  }
});

test('a file that is missing, a directory, not UTF-8, empty or huge is refused by name', (t) => {
  const missing = join(folder(t), 'nobody');
  assert.throws(() => loadHtpasswd(missing), { message: /nobody: cannot be read as an htpasswd file: ENOENT/ });
  assert.throws(() => loadHtpasswd(folder(t)), { message: /cannot be read as an htpasswd file: EISDIR/ });
  assert.throws(() => loadHtpasswd(htpasswdFile(t, Buffer.from('Zo\xeb:x', 'latin1'))), { message: /not UTF-8/ });
  assert.throws(() => loadHtpasswd(htpasswdFile(t, '# nobody yet\n')), { message: /names no user.*htpasswd -B/ });
  assert.throws(() => loadHtpasswd(htpasswdFile(t, '#'.repeat(1024 * 1024 + 1))), { message: /larger than 1048576 bytes/ });
});

/** Writes at once, as htpasswd does, with an mtime of its own however coarse the clock. */
let minutes = 0;
const replace = (file: string, text: string): void => {
  writeFileSync(`${file}.new`, text);
  const when = new Date(Date.now() + ++minutes * 60_000);
  utimesSync(`${file}.new`, when, when);
  renameSync(`${file}.new`, file);
};

test('a changed file counts from the next request on, also for those who had entered', async (t) => {
  const file = htpasswdFile(t, apr1Line);
  const said: string[] = [];
  const authority = loadHtpasswd(file, (line) => said.push(line));
  const ali = basic('ali', 'open sesame');
  const colon = basic('colon', 'a:b:c');
  assert.equal(await authority.check(ali), 'ali');
  assert.equal(await authority.check(colon), undefined);
  replace(file, 'colon:{SHA}cLzgnoJ6mP5qz3w+mwvPE2vDgu0=\n');
  assert.equal(await authority.check(ali), undefined);
  assert.equal(await authority.check(colon), 'colon');
  replace(file, '# nobody any more\n');
  assert.equal(await authority.check(colon), undefined);
  assert.deepEqual(said, []);
});

test('a file that breaks leaves the users as they were, and says so once for each change', async (t) => {
  const file = htpasswdFile(t, apr1Line);
  const said: string[] = [];
  const authority = loadHtpasswd(file, (line) => said.push(line));
  const ali = basic('ali', 'open sesame');
  replace(file, 'ali:plain\n');
  assert.equal(await authority.check(ali), 'ali');
  assert.equal(await authority.check(ali), 'ali');
  assert.equal(said.length, 1);
  assert.match(said[0] ?? '', /users:1: .*plain text.*\(the users of before stay\)$/);
  unlinkSync(file);
  assert.equal(await authority.check(ali), 'ali');
  assert.equal(await authority.check(ali), 'ali');
  assert.equal(said.length, 2);
  assert.match(said[1] ?? '', /ENOENT/);
  replace(file, 'colon:{SHA}cLzgnoJ6mP5qz3w+mwvPE2vDgu0=\n');
  assert.equal(await authority.check(ali), undefined);
  assert.equal(said.length, 2);
});

test('many at once: each gets its own answer; more than are remembered still enter', async (t) => {
  const authority = loadHtpasswd(htpasswdFile(t, `${bcryptLine}\ncolon:{SHA}cLzgnoJ6mP5qz3w+mwvPE2vDgu0=`));
  const asks = [basic('ali', 'open sesame'), basic('ali', 'wrong'), basic('colon', 'a:b:c'), basic('nobody', 'x'), undefined];
  const answers = await Promise.all([...asks, ...asks, ...asks].map((ask) => authority.check(ask)));
  assert.deepEqual(answers, Array(3).fill(['ali', undefined, 'colon', undefined, undefined]).flat());

  const users = Array.from({ length: verifiedLoginsKept + 20 }, (_, index) => `u${index}:{SHA}cLzgnoJ6mP5qz3w+mwvPE2vDgu0=`);
  const crowd = loadHtpasswd(htpasswdFile(t, users.join('\n')));
  for (let round = 0; round < 2; round++) {
    for (const index of users.keys()) assert.equal(await crowd.check(basic(`u${index}`, 'a:b:c')), `u${index}`);
  }
});

test('a verified login is remembered: bcrypt is paid once; an unknown name costs what a known one does', async (t) => {
  // Cost 10 is some 60 ms, the memory microseconds; ten times the difference is left for a busy machine.
  const authority = loadHtpasswd(htpasswdFile(t, `${vectors[1]?.[0]}\ncolon:{SHA}cLzgnoJ6mP5qz3w+mwvPE2vDgu0=`));
  const cpuMs = async (ask: string): Promise<number> => {
    const before = process.cpuUsage();
    await authority.check(ask);
    const used = process.cpuUsage(before);
    return (used.user + used.system) / 1000;
  };
  await cpuMs(basic('warm', 'up'));
  const first = await cpuMs(basic('ali', 'open sesame'));
  const again = await cpuMs(basic('ali', 'open sesame'));
  assert.ok(again < first / 3, `again ${again} ms after ${first} ms`);
  for (const stranger of [basic('nobody', 'x'), basic('colon', 'wrong'), basic('ali', 'wrong')]) {
    const ms = await cpuMs(stranger);
    assert.ok(ms > first / 3, `refused after ${ms} ms, accepted after ${first} ms`);
  }
});

test('the challenge names the realm and asks for UTF-8', (t) => {
  assert.equal(challenge, 'Basic realm="cgi-serve", charset="UTF-8"');
  assert.equal(loadHtpasswd(htpasswdFile(t, apr1Line)).challenge, challenge);
});
