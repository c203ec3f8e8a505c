/** What is published: a tarball that runs in another folder, on a machine without network and with an empty npm cache. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { findLabs } from '../src/lab/announce.js';
import { until } from './support/until.js';
import { get, requestText, talk } from './support/wire.js';

const project = fileURLToPath(new URL('../../', import.meta.url));

test('npm pack, then npx in another folder, offline', async (t) => {
  const away = mkdtempSync(join(tmpdir(), 'cgi-serve-pack-'));
  t.after(() => rmSync(away, { recursive: true, force: true }));
  // Without scripts: `prepack` would build anew what these tests run from.
  execFileSync('npm', ['pack', '--ignore-scripts', '--silent', '--pack-destination', away], { cwd: project, stdio: 'ignore' });
  const [tarball] = readdirSync(away);
  assert.match(tarball ?? '', /^cgi-serve-.*\.tgz$/);
  mkdirSync(join(away, 'cgi-bin'));
  writeFileSync(join(away, 'cgi-bin/hello.sh'), "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\nhello'\n", { mode: 0o755 });
  const child = spawn('npx', ['--yes', `./${tarball}`, './cgi-bin', '--port', '0'], {
    cwd: away,
    env: { ...process.env, npm_config_cache: join(away, 'cache'), npm_config_offline: 'true', XDG_RUNTIME_DIR: away },
    detached: true,
  });
  t.after(() => process.kill(-child.pid!, 'SIGKILL'));
  let said = '';
  child.stderr.on('data', (piece: Buffer) => {
    said += piece.toString();
  });
  const port = await until(() => /listening on http:\/\/[^:]+:(\d+)/.exec(said)?.[1], `the server to listen: ${said}`, 60_000);
  assert.equal((await get(Number(port), '/cgi-bin/hello.sh')).text, 'hello');
  // The lab's page is compiled apart, and lies partly in src/.
  const [lab] = (await until(async () => {
    const labs = await findLabs({ XDG_RUNTIME_DIR: away });
    return labs.length > 0 && labs;
  }, 'the lab')) as { url: string }[];
  const { host, port: labPort } = new URL(lab!.url);
  for (const target of ['/', '/page/lab.css', '/page/main.js', '/page/live/lanes-view.js'])
    assert.equal((await talk(Number(labPort), requestText('GET', target, { Host: host }))).status, 200, target);
});
