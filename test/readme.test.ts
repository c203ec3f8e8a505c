/**
 * The two READMEs are the program's written face, and must not say what the program does not do. Tables of options and of
 * failures are generated from the tables in the source (`README_WRITE=1 npm test -- readme` writes them anew); scripts and
 * library examples are run; what is code or a link is the same in both languages.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { environmentName, type Group, groupTitles, type OptionName, optionNames, rowOf } from '../src/cli/options.js';
import { failureTable, type Words } from '../src/failures.js';
import * as limits from '../src/limits.js';
import { isReserved, metaVariables, sectionOf } from '../src/script/meta.js';
import { settle } from '../src/settings.js';
import { house } from './support/house.js';
import { needs } from './support/needs.js';
import { until } from './support/until.js';
import { get } from './support/wire.js';

type Lang = 'en' | 'zh';

const project = fileURLToPath(new URL('../../', import.meta.url));
const fileOf = { en: 'README.md', zh: 'README.zh-CN.md' } as const;
const langs = ['en', 'zh'] as const;
const read = (lang: Lang): string => readFileSync(join(project, fileOf[lang]), 'utf8');

// --- what is generated ----------------------------------------------------------------------------------------

const row = (...cells: string[]): string => `| ${cells.join(' | ')} |`;
/** Inside a table even code must escape its bars. */
const cell = (text: string): string => text.replaceAll('|', '\\|');
const code = (text: string): string => `\`${cell(text)}\``;

const optionHeads: Readonly<Record<Lang, string[]>> = {
  en: ['Option', 'Default', 'Environment', 'Known to', 'Meaning'],
  zh: ['选项', '默认值', '环境变量', '适用命令', '含义'],
};

const optionRow = (name: OptionName, lang: Lang): string => {
  const option = rowOf(name);
  const value = option.kind === 'flag' ? '' : ` ${option.reader.placeholder}${option.kind === 'many' ? ' …' : ''}`;
  const spelt = [option.short ? `-${option.short}` : '', option.alias ? `--${option.alias}` : '', `--${name}${value}`];
  const more = option.more ? `${lang === 'en' ? '. ' : '。'}${option.more[lang].replace(/[.。]$/, '')}` : '';
  return row(
    spelt.filter(Boolean).map(code).join(', '),
    option.fallback === undefined ? '' : code(option.fallback),
    environmentName(name) === undefined ? '' : code(environmentName(name)!),
    (option.for ?? ['serve']).join(', '),
    cell(option.help[lang] + more),
  );
};

const optionTables = (lang: Lang): string =>
  (Object.keys(groupTitles) as Group[])
    .map((group) => {
      const names = optionNames.filter((name) => rowOf(name).group === group && !rowOf(name).hidden);
      const heads = optionHeads[lang];
      return [
        `**${groupTitles[group][lang]}**`,
        '',
        row(...heads),
        row(...heads.map(() => '---')),
        ...names.map((name) => optionRow(name, lang)),
      ];
    })
    .map((lines) => lines.join('\n'))
    .join('\n\n');

const failureHeads: Readonly<Record<Lang, string[]>> = {
  en: ['Code', 'Status', 'Whose fault', 'Rule', 'What happened', 'What to do'],
  zh: ['代码', '状态码', '责任方', '依据', '发生了什么', '如何解决'],
};
const faults: Readonly<Record<'client' | 'script' | 'server', Words>> = {
  client: { en: 'client', zh: '客户端' },
  script: { en: 'script', zh: '脚本' },
  server: { en: 'server', zh: '服务器' },
};

const failures = (lang: Lang): string => {
  const heads = failureHeads[lang];
  const rows = Object.entries(failureTable).map(([name, { status, fault, rule, what, mend }]) =>
    row(code(name), status === 0 ? '' : String(status), faults[fault][lang], rule, cell(what[lang]), cell(mend[lang])),
  );
  return [row(...heads), row(...heads.map(() => '---')), ...rows].join('\n');
};

/** What `npm run bench` wrote last, one level deeper, and without the title. */
const bench = (): string =>
  readFileSync(join(project, 'bench/results/latest.md'), 'utf8')
    .trim()
    .replace(/^# .*\n+/, '')
    .replace(/^##/gm, '####')
    .replace(/\]\((?=[\w-]+\.svg\))/g, '](bench/results/');

const generated = { options: optionTables, failures, bench } as const;

for (const lang of langs) {
  for (const [name, make] of Object.entries(generated)) {
    test(`${fileOf[lang]}: the table of ${name} is the one in the source`, () => {
      const place = new RegExp(`(<!-- ${name}: made by test/readme.test.ts -->\\n\\n)(.*?)(\\n\\n<!-- end -->)`, 's');
      const found = place.exec(read(lang));
      assert.ok(found, `the place for the table of ${name}`);
      if (process.env.README_WRITE) {
        writeFileSync(
          join(project, fileOf[lang]),
          read(lang).replace(place, (_, before, __, after) => before + make(lang) + after),
        );
      } else assert.equal(found[2], make(lang), 'README_WRITE=1 npm test -- readme');
    });
  }
}

// --- what must be named -----------------------------------------------------------------------------------------

/** `headerMs: 30_000` → `30 s`: the unit is in the name. */
const shown = (name: string, value: number): string => {
  if (value === 0) return '0';
  if (/Ms$/.test(name)) return value % 1000 === 0 ? `${value / 1000} s` : `${value} ms`;
  if (/Seconds$/.test(name)) return `${value} s`;
  if (!/Bytes/.test(name)) return String(value);
  for (const [unit, size] of [['GiB', 2 ** 30] as const, ['MiB', 2 ** 20] as const, ['KiB', 1024] as const]) {
    if (value % size === 0) return `${value / size} ${unit}`;
  }
  return `${value} bytes`;
};

/** What a script is told when everything is said that can be. */
const everyVariable = (): Iterable<string> => {
  const end = { address: '127.0.0.1', port: 1 };
  const asked = { method: 'POST', target: '/a', path: '/a', query: '', protocol: 'HTTP/1.1', headers: ['Content-Type', 'x/y'] };
  const facts = {
    scriptName: '/a',
    pathInfo: '/b',
    pathTranslated: '/c',
    scriptFile: '/d',
    documentRoot: '/',
    contentLength: 1,
    user: 'ada',
  };
  const policy = { software: 'x/1', passAuth: true, extra: new Map([['PATH', '/bin']]) };
  return metaVariables({ ...asked, authority: 'a', scheme: 'https', client: end, server: end }, facts, policy, () => {}).keys();
};

for (const lang of langs) {
  test(`${fileOf[lang]}: every limit stands there with its value, and no other`, () => {
    const text = read(lang);
    const named = new Map([...text.matchAll(/^\| `(\w+)` \| ([^|]+) \| [^|]* \| [^|]+ \|$/gm)].map(([, name, value]) => [name!, value!]));
    const real = Object.entries(limits) as [string, number][];
    for (const [name, value] of real) assert.equal(named.get(name), shown(name, value), name);
    for (const name of named.keys()) assert.ok(name in limits || name in settle({}) || /^[A-Z]/.test(name), `${name} is no limit of ours`);
  });

  test(`${fileOf[lang]}: every meta-variable stands there with its section`, () => {
    const rows = [...read(lang).matchAll(/^\| `([A-Z_]+|HTTP_\*)` \| (§[\d.]+|—) \|/gm)].map(([, name, section]) => [name!, section!]);
    const sections = new Map(rows as [string, string][]);
    assert.ok(sections.size > 20);
    for (const [name, section] of sections) {
      const real = sectionOf(name.replace('*', 'X'));
      assert.equal(section === '—' ? undefined : section, real, name);
      assert.ok(name === 'PATH' || isReserved(name.replace('*', 'X')), `${name} is one of ours`);
    }
    for (let i = 1; i <= 17; i++) assert.ok([...sections.values()].includes(`§4.1.${i}`), `§4.1.${i}`);
    for (const name of everyVariable()) assert.ok(sections.has(name) || name.startsWith('HTTP_'), name);
  });

  test(`${fileOf[lang]}: every option of the library stands there`, () => {
    const text = read(lang);
    for (const name of [...Object.keys(settle({})), 'documentRoot', 'dir', 'publicDir', 'basicAuth']) {
      assert.ok(text.includes(`| \`${name}\` |`), name);
    }
  });

  test(`${fileOf[lang]}: no address of a machine`, () => {
    for (const [home] of read(lang).matchAll(/\/(root|tmp|work|Users|home)\/\w+/g)) assert.equal(home, '/home/ada');
  });
}

// --- what is the same in both -------------------------------------------------------------------------------------

const fences = (text: string): string[] =>
  [...text.matchAll(/^ *```(.*)\n([\s\S]*?)^ *```$/gm)].map(([, info, body]) => `${info}\n${body}`);
/** Links as written, but for the one to the other language. */
const links = (text: string): string[] =>
  [...text.replace(/^ *```[\s\S]*?^ *```$/gm, '').matchAll(/\]\(([^)\s]+)\)/g)].map(([, to]) => to!).filter((to) => !/^README/.test(to));

test('code and links are the same in both languages', () => {
  const [en, zh] = [read('en'), read('zh')];
  assert.ok(fences(en).length > 15);
  assert.deepEqual(fences(zh), fences(en));
  assert.deepEqual(links(zh).sort(), links(en).sort());
  assert.equal((zh.match(/^## /gm) ?? []).length, (en.match(/^## /gm) ?? []).length, 'as many chapters');
  assert.equal((zh.match(/^\|/gm) ?? []).length, (en.match(/^\|/gm) ?? []).length, 'as many rows of tables');
});

test('each README links to the other on its first line', () => {
  assert.match(read('en').split('\n', 1)[0]!, /\]\(README\.zh-CN\.md\)/);
  assert.match(read('zh').split('\n', 1)[0]!, /\]\(README\.md\)/);
});

test('relative links lead somewhere', () => {
  for (const lang of langs) {
    for (const to of links(read(lang)).filter((link) => !/^[a-z]+:|^#/.test(link))) assert.ok(existsSync(join(project, to)), to);
  }
});

// --- what must work as printed --------------------------------------------------------------------------------------

const blocks = (info: string): string[] =>
  fences(read('en'))
    .filter((fence) => fence.startsWith(`${info}\n`))
    .map((fence) => fence.slice(info.length + 1));

/** The programs that run the README's scripts, by the word behind its fence. */
const interpreters = { sh: 'sh', python: 'python3', perl: 'perl', js: 'node' } as const;

for (const [info, program] of Object.entries(interpreters)) {
  test(`the first script in ${info} answers`, async (t) => {
    if (!needs(t, program)) return;
    // The shell's stands in a here-document, as a command to copy.
    const found = info === 'sh' ? blocks('sh').map((text) => /<<'EOF'\n(.*?)^EOF$/ms.exec(text)?.[1] ?? '') : blocks(info);
    const script = found.find((text) => text.startsWith('#!'));
    assert.ok(script, `a script in ${info}`);
    const h = await house({ scripts: { first: script } });
    t.after(() => h.stop());
    const answer = await get(h.port, '/cgi-bin/first?name=Ada');
    assert.deepEqual([answer.status, answer.get('content-type')], [200, 'text/plain; charset=utf-8']);
    assert.match(answer.text, /^Hello from .*name=Ada\n$/);
  });
}

const examples = blocks('js').filter((text) => text.startsWith('import'));

test('there are examples of the library', () => assert.ok(examples.length >= 4));

for (const [i, example] of examples.entries()) {
  const name = /from '(express|fastify|node:http)'/.exec(example)?.[1] ?? 'createServer';
  test(`example ${i + 1} of the library (${name}) serves`, async (t) => {
    const port = await freePort();
    const place = room(t);
    writeFileSync(join(place, 'server.mjs'), example.replaceAll('8000', String(port)));
    const child = spawn(process.execPath, ['server.mjs'], { cwd: place, stdio: ['ignore', 'pipe', 'pipe'] });
    const said = listen(child);
    t.after(() => child.kill('SIGKILL'));
    const answer = await until(
      () => {
        assert.equal(child.exitCode, null, said());
        return get(port, '/cgi-bin/hello.sh?works').catch(() => undefined);
      },
      `an answer of example ${i + 1}; ${said()}`,
      30_000,
    );
    assert.deepEqual([answer?.status, answer?.text], [200, 'hello works']);
  });
}

/** A folder with a script, where the packages that the examples import are found. */
function room(t: TestContext): string {
  const place = realpathSync(mkdtempSync(join(tmpdir(), 'cgi-serve-readme-')));
  t.after(() => rmSync(place, { recursive: true, force: true }));
  mkdirSync(join(place, 'cgi-bin'));
  mkdirSync(join(place, 'node_modules'));
  writeFileSync(join(place, 'cgi-bin/hello.sh'), '#!/bin/sh\nprintf "Content-Type: text/plain\\n\\nhello $QUERY_STRING"\n');
  chmodSync(join(place, 'cgi-bin/hello.sh'), 0o755);
  symlinkSync(project, join(place, 'node_modules/cgi-serve'), 'junction');
  for (const name of ['express', 'fastify'])
    symlinkSync(join(project, 'node_modules', name), join(place, 'node_modules', name), 'junction');
  return place;
}

function listen(child: ChildProcess): () => string {
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (piece: Buffer) => {
      said += piece.toString();
    });
  }
  return () => said;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
