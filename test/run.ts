/**
 * `npm test`: every test in dist/test, or those whose file name contains one of the words given (`npm test -- wire`).
 * On Debian, as root, it first installs the packages whose programs the tests talk to; elsewhere such tests are skipped and
 * listed by name at the end. With CI=true a skip fails the run; so does a file, or a run, without a single test.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { fileURLToPath } from 'node:url';
import { present, tools } from './support/needs.js';

/** Files at once. Most of a test is waiting for processes, and machines with two cores should get through. */
const filesAtOnce = 2;
/** One file that hangs must not hang the run. */
const fileMs = 15 * 60_000;

const compiled = fileURLToPath(new URL('.', import.meta.url)); // dist/test/
const source = join(compiled, '../../test');

installTools();
const files = testFiles(process.argv.slice(2));
await runTests(files);
// Once more with the other way to be born, which is the only one where koffi does not load: what is about processes.
process.env.CGI_SERVE_SPAWN = 'portable';
const aboutProcesses = files.filter((file) => /life\/|truncation|body\.test|nph/.test(file));
if (aboutProcesses.length > 0) {
  console.log('\nThe same with --spawn portable\n');
  await runTests(aboutProcesses);
}

/** Compiled tests whose source still exists: what was deleted or renamed leaves its old self in dist. */
function testFiles(words: string[]): string[] {
  return readdirSync(compiled, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.js') && existsSync(join(source, name.replace(/js$/, 'ts'))))
    .filter((name) => words.length === 0 || words.some((word) => name.includes(word)))
    .sort()
    .map((name) => join(compiled, name));
}

async function runTests(files: string[]): Promise<void> {
  const skipped: string[] = [];
  const withTests = new Set<string>();
  let failed = false;
  const ci = process.env.CI === 'true';

  if (files.length > 0) {
    const stream = run({ files, concurrency: filesAtOnce, timeout: fileMs });
    type Result = { name: string; file?: string; skip?: string | boolean; todo?: string | boolean; details: object };
    const seen = (result: Result) => {
      // A file without tests is reported as one that passed and is named like the file.
      const isFile = files.some((file) => result.name === file || result.name === relative(process.cwd(), file));
      if (!isFile && !('type' in result.details && result.details.type === 'suite')) withTests.add(result.file ?? '');
      if (result.skip !== undefined && result.skip !== false) {
        skipped.push(
          `${result.name} (${result.file ? relative(compiled, result.file) : '?'}): ${result.skip === true ? 'no reason' : result.skip}`,
        );
      }
    };
    stream.on('test:pass', seen);
    stream.on('test:fail', (result) => {
      seen(result);
      if (result.todo === undefined || result.todo === false) failed = true;
    });
    const report = stream.compose(new spec());
    report.pipe(process.stdout, { end: false });
    await new Promise((resolve, reject) => report.once('end', resolve).once('error', reject));
  }

  const complaints = files.filter((file) => !withTests.has(file)).map((file) => `no test ran in ${relative(compiled, file)}`);
  if (files.length === 0) complaints.push('no test file matches');
  if (skipped.length > 0) console.log(`\nSkipped (${skipped.length}):\n${skipped.map((line) => `  ${line}`).join('\n')}`);
  if (ci && skipped.length > 0) complaints.push('CI=true allows no skipped test');
  for (const complaint of complaints) console.error(`\nFAILED: ${complaint}`);
  if (failed || complaints.length > 0) process.exitCode = 1;
}

function installTools(): void {
  const missing = Object.keys(tools).filter((name) => !present(name));
  if (missing.length === 0) return;
  if (!isDebian() || process.getuid?.() !== 0) {
    console.error(`Not on this machine, tests that need them are skipped: ${missing.join(', ')}`);
    return;
  }
  const packages = [...new Set(missing.flatMap((name) => tools[name]!.packages))];
  console.error(`The tests need ${missing.join(', ')}: installing ${packages.join(' ')}`);
  const apt = (...args: string[]) =>
    spawnSync('apt-get', ['-q', '-y', ...args], {
      stdio: ['ignore', 2, 2],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    }).status === 0;
  apt('update');
  if (apt('install', '--no-install-recommends', ...packages)) return;
  // One package that is not to be had must not keep the others away.
  for (const name of packages) if (!apt('install', '--no-install-recommends', name)) console.error(`Could not install ${name}`);
}

function isDebian(): boolean {
  try {
    return /^ID=debian$/m.test(readFileSync('/etc/os-release', 'utf8'));
  } catch {
    return false;
  }
}
