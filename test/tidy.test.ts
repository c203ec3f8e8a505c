/**
 * The rules of design.md «Layout» that a reader relies on, kept by reading the source: imports run one way, each dangerous module
 * has one home, every file says at its head where it stands.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const src = fileURLToPath(new URL('../../src/', import.meta.url));

interface Import {
  /** As written: `node:net`, `sirv`, or a path below src without its ending: `trace/trace`. */
  readonly from: string;
  readonly local: boolean;
  /** Only its types: nothing is loaded. */
  readonly types: boolean;
}

interface Source {
  /** Below src: `http/request.ts`. */
  readonly name: string;
  /** Its folder, or its own name without the ending when it lies in src itself: `http`, `server`. */
  readonly room: string;
  readonly text: string;
  readonly imports: readonly Import[];
}

const sources: Source[] = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .map((name) => name.replaceAll('\\', '/'))
  .filter((name) => name.endsWith('.ts'))
  .sort()
  .map((name) => {
    const text = readFileSync(join(src, name), 'utf8');
    return {
      name,
      room: name.includes('/') ? name.slice(0, name.indexOf('/')) : name.replace(/\.ts$/, ''),
      text,
      imports: importsOf(name, text),
    };
  });

function importsOf(name: string, text: string): Import[] {
  const code = withoutComments(text);
  const found: Import[] = [];
  const take = (from: string, types: boolean) => {
    const local = from.startsWith('.');
    found.push({
      from: local
        ? normalize(join(dirname(name), from))
            .replaceAll('\\', '/')
            .replace(/\.js$/, '')
        : from,
      local,
      types,
    });
  };
  for (const [, keyword, what, from] of code.matchAll(/^\s*(import|export)\s+([^'";]*?)\s*from\s*'([^']+)'/gm)) {
    const named = /^\{([\s\S]*)\}$/.exec(what!.trim())?.[1]?.split(',');
    const onlyTypes = named?.every((each) => each.trim() === '' || each.trim().startsWith('type ')) ?? false;
    take(from!, /^type\b/.test(what!) || (keyword === 'import' && onlyTypes));
  }
  for (const [, from] of code.matchAll(/^\s*import\s+'([^']+)'/gm)) take(from!, false);
  for (const [, from] of code.matchAll(/\b(?:import|require)\(\s*'([^']+)'\s*\)/g)) take(from!, false);
  return found;
}

/** Also empties strings' insides as far as `//` in them goes: enough for what is searched here. */
function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|[\s;{}(,])\/\/.*$/gm, '$1');
}

const offenders = (rule: (source: Source) => string[]): string[] => sources.flatMap((s) => rule(s).map((what) => `${s.name}: ${what}`));

/** Files outside the homes that load a module. */
const strangers = (module: RegExp, atHome: (source: Source) => boolean, alsoTypes = true): string[] =>
  offenders((s) => (atHome(s) ? [] : s.imports.filter((i) => module.test(i.from) && (alsoTypes || !i.types)).map((i) => i.from)));

const within =
  (...rooms: string[]): ((s: Source) => boolean) =>
  (s) =>
    rooms.includes(s.room);

test('there is a source to read', () => {
  assert.ok(sources.length > 30, `${sources.length} files`);
  assert.ok(sources.some((s) => s.name === 'exchange.ts'));
  assert.ok(sources.flatMap((s) => s.imports).length > 100);
});

// Of status/ everybody may know the nouns: a pool tells how it is in them.
const nouns = 'status/status';

// Each room and the rooms it may look into; nobody looks back. `workers` are programs of other languages.
const ground = ['types', 'limits', 'failures', 'bytes', 'files', 'handles', 'roster', 'spent', 'settings', 'version'];
const below: Record<string, readonly string[]> = {
  types: ['failures', 'trace', 'spent'], // types only
  limits: [],
  version: [],
  failures: ['limits'],
  bytes: ['limits'],
  files: ['limits'],
  handles: [],
  roster: [],
  spent: ['limits'],
  settings: ['limits', 'failures', 'trace', 'types'],
  trace: [...ground, 'wire'], // explain.ts plays recorded bytes back through the codecs
  wire: ground,
  script: ground,
  process: [...ground, 'trace', 'script'],
  carrier: [...ground, 'trace', 'process', 'wire'],
  gateway: [...ground, 'trace', 'process', 'wire', 'carrier', 'script'],
  route: [...ground, 'trace', 'script'],
  watch: ['limits', 'failures', 'trace'],
  http: [...ground, 'trace', 'route', 'script'],
  status: [...ground, 'http'],
  pools: [...ground, 'process', 'carrier', 'gateway', 'route'],
  site: [...ground, 'trace', 'process', 'wire', 'carrier', 'script', 'gateway', 'route', 'http', 'pools'],
  exchange: [...ground, 'trace', 'process', 'wire', 'carrier', 'script', 'gateway', 'route', 'http', 'site'],
  server: [...ground, 'trace', 'process', 'wire', 'carrier', 'script', 'gateway', 'route', 'http', 'site', 'exchange'],
  handler: [...ground, 'trace', 'process', 'wire', 'carrier', 'script', 'gateway', 'route', 'http', 'site', 'exchange'],
  load: [...ground, 'trace', 'http'], // http/html.ts frames its report
  lab: [...ground, 'trace', 'wire', 'script', 'load'],
};

test('imports run one way', () => {
  const wrong = offenders((s) => {
    const may = s.room === 'cli' || s.room === 'index' ? undefined : below[s.room];
    if (s.room !== 'cli' && s.room !== 'index' && may === undefined) return [`a room this test does not know: ${s.room}`];
    return s.imports
      .filter((i) => i.local)
      .filter((i) => {
        const room = i.from.split('/')[0]!;
        return room !== s.room && may !== undefined && !may.includes(room) && !(i.types && i.from === nouns);
      })
      .map((i) => `imports ${i.from}`);
  });
  assert.deepEqual(wrong, []);
});

test('no file imports itself by way of others', () => {
  const edges = new Map(sources.map((s) => [s.name.replace(/\.ts$/, ''), s.imports.filter((i) => i.local && !i.types).map((i) => i.from)]));
  const done = new Set<string>();
  const circle = (at: string, path: string[]): string[] | undefined => {
    if (path.includes(at)) return [...path.slice(path.indexOf(at)), at];
    if (done.has(at)) return undefined;
    done.add(at);
    for (const next of edges.get(at) ?? []) {
      const found = circle(next, [...path, at]);
      if (found) return found;
    }
    return undefined;
  };
  for (const name of edges.keys()) assert.equal(circle(name, []), undefined);
});

test('every import between our files leads somewhere', () => {
  const wrong = offenders((s) => s.imports.filter((i) => i.local && !existsSync(join(src, `${i.from}.ts`))).map((i) => i.from));
  assert.deepEqual(wrong, []);
});

test('nobody imports cli, and only programs import index', () => {
  assert.deepEqual(
    offenders((s) => (s.room === 'cli' ? [] : s.imports.filter((i) => i.local && /^(cli\/|index$)/.test(i.from)).map((i) => i.from))),
    [],
  );
});

test('processes are started in process/ only, but for the load generator, which is our own program', () => {
  const atHome = (s: Source): boolean => s.room === 'process' || s.name === 'load/generator.ts';
  assert.deepEqual(strangers(/^(node:)?(child_process|cluster|worker_threads)$|^koffi$/, atHome), []);
});

test('sockets: node:net in carrier/, server.ts and lab/, and for the pipes of process/native.ts and output.ts, the socket of worker.ts and the load; in http/ its types', () => {
  assert.deepEqual(
    strangers(
      /^(node:)?(net|tls|dgram|http2|https)$/,
      (s) =>
        within('carrier', 'server', 'lab')(s) ||
        ['process/native.ts', 'process/output.ts', 'process/worker.ts', 'load/generate.ts'].includes(s.name) ||
        (s.room === 'http' && s.imports.every((i) => i.from !== 'node:net' || i.types)),
    ),
    [],
  );
});

test('the clock is read in trace/ only', () => {
  const clock = /\bperformance\.(now|timeOrigin)|\bDate\.now\(|\bnew Date\(\)|\bprocess\.(hrtime|uptime)\b/;
  assert.deepEqual(
    offenders((s) => (s.room === 'trace' ? [] : (withoutComments(s.text).match(clock) ?? []).slice(0, 1))),
    [],
  );
});

test('minimist and kleur live in cli/', () => {
  assert.deepEqual(strangers(/^(minimist|kleur)(\/|$)/, within('cli')), []);
});

test('codecs are pure: no I/O in wire/, script/, status/ and bytes.ts', () => {
  const pure = ['wire', 'script', 'status', 'bytes'];
  const io =
    /^(node:)?(fs|fs\/promises|net|http|https|http2|child_process|dgram|tls|dns|os|worker_threads|process|timers|timers\/promises)$/;
  assert.deepEqual(
    strangers(io, (s) => !pure.includes(s.room)),
    [],
  );
  assert.deepEqual(
    offenders((s) => (pure.includes(s.room) ? (withoutComments(s.text).match(/\b(setTimeout|setInterval|process\.env)\b/) ?? []) : [])),
    [],
  );
});

test('the bundled modules of Node are named node:', () => {
  const bare = /^(assert|buffer|child_process|crypto|dns|events|fs|http|https|net|os|path|readline|stream|url|util|zlib)(\/|$)/;
  assert.deepEqual(
    offenders((s) => s.imports.filter((i) => !i.local && bare.test(i.from)).map((i) => i.from)),
    [],
  );
});

test('packages: those the design allows', () => {
  const allowed = /^(node:|minimist$|kleur(?:\/|$)|sirv$|ws$|koffi$|bcryptjs$)/;
  assert.deepEqual(
    offenders((s) => s.imports.filter((i) => !i.local && !allowed.test(i.from)).map((i) => i.from)),
    [],
  );
});

test('every file begins by saying what it is', () => {
  assert.deepEqual(
    offenders((s) => (/^(#![^\n]*\n)?\/\*\*/.test(s.text) ? [] : ['no head'])),
    [],
  );
});

// Long texts stay whole: files of nothing but words and CSS, and elsewhere what stands in quotes.
const texts = ['failures.ts', 'http/html.ts', 'http/words.ts', 'cli/usage.ts'];
const withoutTexts = (line: string): string => line.replace(/(['`])(?:\\.|(?!\1).){30,}\1/g, '$1…$1');

// An accessor in an object literal gives each such object a shape of its own, which V8 keeps, with all its closures know, until a full
// collection: one on the way of a request cost a tenth of its time.
test('accessors stand in classes only', () => {
  const wrong = offenders((s) => {
    if (s.room === 'cli') return [];
    const classes = [...s.text.matchAll(/^export class .*?^\}/gms)].map((found) => found[0]).join('\n');
    return [...s.text.matchAll(/^\s+get \w+\(\).*$/gm)].map((found) => found[0].trim()).filter((line) => !classes.includes(line));
  });
  assert.deepEqual(wrong, []);
});

test('lines fit on a screen', () => {
  const wide = offenders((s) =>
    texts.includes(s.name)
      ? []
      : s.text.split('\n').flatMap((line, i) => (withoutTexts(line).length > 140 ? [`line ${i + 1} has ${line.length} columns`] : [])),
  );
  assert.deepEqual(wide, []);
});
