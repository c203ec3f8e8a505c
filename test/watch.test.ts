/**
 * The watcher, with real files. That something is no change is shown by one that is, made after it: what is told then is that one alone.
 */
import assert from 'node:assert/strict';
import fs, {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  watch as watchFolder,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { watchedFilesMax, watchedFoldersMax, watchQuietMs } from '../src/limits.js';
import { type Listen, watchFiles } from '../src/watch.js';
import { until } from './support/until.js';

interface Lookout {
  readonly root: string;
  /** What was told, by its path below the root: one entry for each time. */
  readonly told: string[][];
  readonly warnings: string[];
  /** What is watched besides the flag; to be changed before `refresh`. */
  files: string[];
  write(name: string, text: string): void;
  /** Waits for a change of these, and of no others. A file of its own is changed for that when none is named. */
  tells(...names: string[]): Promise<void>;
  refresh(): void;
  close(): void;
}

interface Plan {
  /** Path below the root → what it holds. */
  readonly tree: Record<string, string>;
  readonly files?: string[];
  readonly extra?: string[];
  readonly touch?: string;
  readonly listen?: Listen;
  /** Before the watch begins. */
  readonly before?: (root: string) => void;
}

const lookout = (t: TestContext, { tree, files = [], extra = [], touch, listen, before }: Plan): Lookout => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'cgi-serve-watch-')));
  const at = (name: string): string => join(root, name);
  const write = (name: string, text: string): void => {
    mkdirSync(dirname(at(name)), { recursive: true });
    writeFileSync(at(name), text);
  };
  for (const [name, text] of Object.entries({ ...tree, 'flags/flag': '0' })) write(name, text);
  before?.(root);
  const told: string[][] = [];
  const warnings: string[] = [];
  let flags = 0;
  const watch = watchFiles(
    {
      files: () => [...files.map(at), at('flags/flag')],
      extra: () => extra.map(at),
      touch: touch && at(touch),
      changed: (paths) => told.push(paths.map((path) => path.slice(root.length + 1)).sort()),
      warn: ({ en, zh }) => {
        assert.match(zh, /[\u4e00-\u9fff]/);
        warnings.push(en.replaceAll(root, '.'));
      },
    },
    ...(listen === undefined ? [] : [listen]),
  );
  t.after(() => {
    watch.close();
    rmSync(root, { recursive: true, force: true });
  });
  return {
    root,
    told,
    warnings,
    files,
    write,
    async tells(...names) {
      if (names.length === 0) {
        flags += 1;
        write('flags/flag', `${flags} is not the one before`);
      }
      const wanted = names.length === 0 ? ['flags/flag'] : names.sort();
      const all = (): string[] => [...new Set(told.flat())].sort();
      await until(() => wanted.every((name) => all().includes(name)), `${wanted}; told: ${JSON.stringify(told)}`);
      assert.deepEqual(all(), wanted);
      told.length = 0;
    },
    refresh: watch.refresh,
    close: watch.close,
  };
};

test('a file that is written in place, replaced by renaming, or saved twice has changed once', async (t) => {
  const w = lookout(t, { tree: { 'app.py': 'one', 'other.py': '' }, files: ['app.py'] });
  w.write('app.py', 'two!');
  await w.tells('app.py');
  w.write('.app.py.new', 'six');
  renameSync(join(w.root, '.app.py.new'), join(w.root, 'app.py'));
  await w.tells('app.py');
  // As vim does it: the old one aside, a new one, the old one away.
  renameSync(join(w.root, 'app.py'), join(w.root, 'app.py~'));
  w.write('app.py', 'half');
  w.write('app.py', 'half and half');
  rmSync(join(w.root, 'app.py~'));
  await until(() => w.told.length > 0, 'the third save');
  await w.tells('app.py');
  w.write('other.py', 'is not watched');
  w.write('app.py.swp', 'nor is this');
  await w.tells();
});

test('what holds what it held has not changed, and no compiled copy ever has', async (t) => {
  const w = lookout(t, {
    tree: { 'app.py': 'one', '__pycache__/app.pyc': 'one' },
    files: ['app.py', '__pycache__/app.pyc'],
    extra: ['.'],
  });
  await w.tells(); // by then all of them have been read
  w.write('app.py', 'one');
  utimesSync(join(w.root, 'app.py'), 1, 1);
  w.write('__pycache__/app.pyc', 'two!');
  await w.tells();
  // Same size, same time: a build that sets all times to one.
  w.write('app.py.new', 'two');
  utimesSync(join(w.root, 'app.py.new'), 1, 1);
  renameSync(join(w.root, 'app.py.new'), join(w.root, 'app.py'));
  await w.tells('app.py');
});

test('a deployment of hundreds of files is told once', async (t) => {
  const names = Array.from({ length: 300 }, (_, i) => `app/part${i % 20}/module${i}.py`);
  const w = lookout(t, { tree: Object.fromEntries(names.map((name) => [name, 'one'])), files: names });
  await w.tells();
  let last = performance.now();
  let pauseMs = 0;
  for (const [i, name] of names.entries()) {
    w.write(name, 'second');
    if (i % 20 === 0) await sleep(5);
    pauseMs = Math.max(pauseMs, performance.now() - last);
    last = performance.now();
  }
  await until(() => w.told.flat().length === 300, 'the deployment');
  // On a machine that is busy for so long there is a quiet moment in between.
  if (pauseMs < watchQuietMs / 2) assert.equal(w.told.length, 1);
  await w.tells(...names);
});

test('changes that do not cease put it off only so long', async (t) => {
  const w = lookout(t, { tree: { 'app.py': '' }, files: ['app.py'] });
  let n = 0;
  const before = performance.now();
  while (w.told.length === 0) {
    assert.ok(performance.now() - before < 15_000, 'told while it goes on');
    w.write('app.py', String(n++));
    await sleep(10);
  }
  assert.deepEqual(w.told, [['app.py']]);
});

test('a file that vanishes counts when it comes back, if it holds something else', async (t) => {
  const w = lookout(t, { tree: { 'app/app.py': 'one' }, files: ['app/app.py', 'app/late.py'] });
  await w.tells();
  rmSync(join(w.root, 'app/app.py'));
  await w.tells();
  w.write('app/app.py', 'one');
  await w.tells();
  rmSync(join(w.root, 'app'), { recursive: true });
  await w.tells();
  w.write('app/app.py', 'two');
  await w.tells('app/app.py');
  w.write('app/late.py', 'was never there');
  await w.tells('app/late.py');
});

test('a folder is replaced by another of its name', async (t) => {
  const w = lookout(t, { tree: { 'srv/app/lib/app.py': 'one' }, files: ['srv/app/lib/app.py'] });
  await w.tells();
  w.write('srv/next/lib/app.py', 'two');
  renameSync(join(w.root, 'srv/app'), join(w.root, 'srv/old'));
  renameSync(join(w.root, 'srv/next'), join(w.root, 'srv/app'));
  await w.tells('srv/app/lib/app.py');
  w.write('srv/old/lib/app.py', 'not this one any more');
  await w.tells();
  w.write('srv/app/lib/app.py', 'three');
  await w.tells('srv/app/lib/app.py');
});

test('a link that is turned to another release, whose files may be the same', async (t) => {
  const w = lookout(t, {
    tree: { 'releases/7/app.py': 'one', 'releases/8/app.py': 'one', 'releases/8/views.py': 'new' },
    files: ['current/app.py'],
    before: (root) => symlinkSync('releases/7', join(root, 'current')),
  });
  await w.tells();
  symlinkSync('releases/8', join(w.root, 'current.new'));
  renameSync(join(w.root, 'current.new'), join(w.root, 'current'));
  await w.tells('current/app.py');
  w.write('releases/7/app.py', 'nobody runs this now');
  await w.tells();
  w.write('releases/8/app.py', 'in place');
  await w.tells('current/app.py');
  // Two links that lead to each other lead nowhere.
  symlinkSync('current', join(w.root, 'circle'));
  symlinkSync('circle', join(w.root, 'current.new'));
  renameSync(join(w.root, 'current.new'), join(w.root, 'current'));
  await w.tells();
});

test('--touch: a time counts, whatever the file holds, and so does that it is there', async (t) => {
  const w = lookout(t, { tree: {}, touch: 'run/reload' });
  await w.tells();
  w.write('run/other', '');
  w.write('run/reload', '');
  await w.tells('run/reload');
  w.write('run/other', 'x');
  readFileSync(join(w.root, 'run/reload'));
  await w.tells();
  const { mtimeMs } = statSync(join(w.root, 'run/reload'));
  utimesSync(join(w.root, 'run/reload'), mtimeMs / 1000, mtimeMs / 1000 + 7);
  await w.tells('run/reload');
  rmSync(join(w.root, 'run/reload'));
  await w.tells();
  w.write('run/reload', '');
  await w.tells('run/reload');
});

test('--watch-extra: a folder with what is below it, also what is new there', async (t) => {
  const w = lookout(t, { tree: { 'templates/base.html': 'one', 'templates/a/b/c.html': 'one', 'sub.html': '' }, extra: ['templates'] });
  await w.tells();
  w.write('templates/a/b/c.html', 'two');
  await w.tells('templates/a/b/c.html');
  w.write('templates/.base.html.swp', 'an editor’s');
  w.write('templates/base.html~', 'an editor’s');
  w.write('templates/.git/index', 'no template');
  w.write('sub.html', 'beside it');
  await w.tells();
  w.write('templates/new/new.html', 'one');
  await w.tells('templates/new/new.html');
  w.write('templates/new/new.html', 'two');
  await w.tells('templates/new/new.html');
  rmSync(join(w.root, 'templates/new'), { recursive: true });
  await w.tells();
  assert.deepEqual(w.warnings, []);
});

test('--watch-extra: a file, also a hidden one, and globs', async (t) => {
  const tree = {
    '.env': '',
    'c/a.toml': '',
    'c/a.txt': '',
    'c/d/b.toml': '',
    't/x.html': '',
    't/a/b/y.html': '',
    't/y.htm': '',
    'l/en.po': '',
  };
  const w = lookout(t, { tree, extra: ['.env', 'c/*.toml', 't/**/*.html', 'l/{en,zh}.po', 'nothing/*.x'] });
  assert.deepEqual(w.warnings, ['--watch-extra: there is nothing at ./nothing/*.x yet']);
  await w.tells();
  for (const name of Object.keys(tree)) w.write(name, 'x');
  await w.tells('.env', 'c/a.toml', 't/x.html', 't/a/b/y.html', 'l/en.po');
  for (const name of ['l/zh.po', 'l/zhh.po', 'c/d/e.toml', 'c/e.toml', 't/q/z.html', 'nothing/y', 'nothing/y.x']) w.write(name, 'x');
  await w.tells('l/zh.po', 'c/e.toml', 't/q/z.html', 'nothing/y.x');
});

test('a watch that is told what workers have loaded since', async (t) => {
  const w = lookout(t, { tree: { 'app.py': 'one', 'lib/lazy.py': 'one' }, files: ['app.py'] });
  w.write('lib/lazy.py', 'before these workers were started');
  await w.tells();
  w.files.push('lib/lazy.py');
  // What changed just before is not forgotten.
  w.write('app.py', 'two');
  w.refresh();
  await w.tells('app.py');
  w.write('lib/lazy.py', 'after');
  await w.tells('lib/lazy.py');
  w.files.splice(0, 1);
  w.refresh();
  w.write('app.py', 'three, and no longer watched');
  await w.tells();
});

test('a file that was saved before the watch was told that it is loaded counts, but not one after the other', async (t) => {
  const w = lookout(t, { tree: { 'app.py': 'one' } });
  await w.tells();
  for (const name of ['saved.py', 'made1.py', 'made2.py']) {
    await sleep(20); // the clock of a file system goes in steps of up to 10 ms
    w.write(name, 'one');
    w.files.push(name);
    w.refresh();
    if (name === 'saved.py') await w.tells(name);
  }
  await w.tells();
});

test('where the system grants no more watches, the files are looked at every second, with a word of warning', async (t) => {
  const listen: Listen = (folder, heard) => {
    if (folder.endsWith('/lib')) throw Object.assign(new Error('no'), { code: 'ENOSPC' });
    return watchFolder(folder, (event, name) => heard(event, name));
  };
  const w = lookout(t, { tree: { 'app.py': 'one', 'lib/one.py': 'one' }, files: ['app.py', 'lib/one.py'], listen });
  for (const text of ['two', 'three', 'four']) {
    w.write('lib/one.py', text);
    await w.tells('lib/one.py');
  }
  w.write('app.py', 'two');
  await w.tells('app.py');
  assert.equal(w.warnings.length, 1);
  assert.match(w.warnings[0]!, /^the system grants no more watches \(ENOSPC; .* every 1 s instead$/);
});

test('a file system that another machine may change is listened to, and looked at every second', async (t) => {
  const { statfsSync } = fs;
  const isNfs = (path: unknown): boolean => String(path).endsWith('/lib');
  fs.statfsSync = ((path: string) => ({ ...statfsSync(path), ...(isNfs(path) && { type: 0x6969 }) })) as typeof statfsSync;
  syncBuiltinESMExports();
  t.after(() => {
    fs.statfsSync = statfsSync;
    syncBuiltinESMExports();
  });
  let closed = 0;
  const listen: Listen = (folder, hear) =>
    folder.endsWith('/lib') ? { close: () => closed++ } : watchFolder(folder, (event, name) => hear(event, name));
  const w = lookout(t, { tree: { 'lib/one.py': 'one' }, files: ['lib/one.py'], listen });
  assert.match(w.warnings.join(), /^\.\/lib lies on a file system whose changes are not told here: .* every 1 s instead$/);
  for (const text of ['two', 'three']) {
    w.write('lib/one.py', text);
    await w.tells('lib/one.py');
  }
  w.close();
  assert.equal(closed, 1);
});

test('a watch that breaks is made anew', async (t) => {
  const breaks: (() => void)[] = [];
  const listen: Listen = (folder, heard, failed) => {
    const watcher = watchFolder(folder, (event, name) => heard(event, name));
    if (folder.endsWith('/lib')) breaks.push(failed);
    return watcher;
  };
  const w = lookout(t, { tree: { 'lib/one.py': 'one' }, files: ['lib/one.py'], listen });
  await w.tells();
  breaks[0]!();
  await until(() => breaks.length === 2, 'another watch');
  w.write('lib/one.py', 'two');
  await w.tells('lib/one.py');
});

test('folders and files are watched up to a bound, and that is said', async (t) => {
  const names = Array.from({ length: watchedFoldersMax + 1 }, (_, i) => `app/${i}/app.py`);
  let open = 0;
  const listen: Listen = () => {
    open += 1;
    return {
      close() {
        open -= 1;
      },
    };
  };
  const w = lookout(t, { tree: Object.fromEntries(names.map((name) => [name, 'one'])), files: names, listen });
  assert.equal(open, watchedFoldersMax);
  assert.match(w.warnings.join(), /^more than 2000 folders .* every 1 s instead$/);
  w.write(names[0]!, 'two');
  w.write(names.at(-1)!, 'two');
  await w.tells(names[0]!, names.at(-1)!);
  w.close();
  assert.equal(open, 0);

  const many = lookout(t, { tree: {}, extra: ['many'], before: (root) => fill(join(root, 'many'), watchedFilesMax + 1) });
  assert.match(many.warnings.join(), /^--watch-extra: more than 10000 files/);
  await many.tells();
});

const fill = (folder: string, count: number): void => {
  mkdirSync(folder);
  for (let i = 0; i < count; i++) writeFileSync(join(folder, String(i)), '');
};

test('closed, it hears and tells nothing more', async (t) => {
  const tree = { 'app.py': 'one', 'lib/one.py': 'one' };
  let open = 0;
  const listen: Listen = (folder, heard) => {
    open += 1;
    const watcher = watchFolder(folder, (event, name) => heard(event, name));
    return {
      close() {
        watcher.close();
        open -= 1;
      },
    };
  };
  const w = lookout(t, { tree, files: Object.keys(tree), listen });
  const other = lookout(t, { tree, files: Object.keys(tree) });
  await w.tells();
  assert.ok(open >= 3);
  w.write('app.py', 'two');
  w.close();
  w.refresh();
  assert.equal(open, 0);
  w.write('app.py', 'three');
  other.write('app.py', 'two');
  await other.tells('app.py');
  assert.deepEqual(w.told, []);
});
