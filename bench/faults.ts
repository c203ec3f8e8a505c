/**
 * `npm run compare`: the same good and faulty scripts under every CGI host that is installed, and what a client gets from each,
 * as a Markdown table; then what a request for a trivial script costs, all hosts in turn in one run. Only what was measured is
 * printed. `npm run compare -- faults` or `-- cost` does one of the two.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, platform, tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { type Answer, requestText, talk, Wire } from '../test/support/wire.js';
import { type Host, startHosts } from './hosts.js';

interface Case {
  readonly title: string;
  readonly script: string;
  /** Default 0755. */
  readonly mode?: number;
  /** Default: a GET. */
  readonly request?: string;
  readonly body?: string;
  /** Default: status and first words. */
  readonly tell?: (answer: Answer, ms: number) => string;
  /** More than once where the outcome hangs on who is first. */
  readonly tries?: number;
  /** How long an answer is waited for, in milliseconds. Default 20 s. */
  readonly patienceMs?: number;
}

const mebibyte = 1_048_576;
const plain = "printf 'Content-Type: text/plain\\n\\n'";
/** The page's words without its markup, and without the status and headings said once more. */
const words = (answer: Answer): string =>
  answer.text
    .replace(/<(style|title)>.*?<\/\1>|<[^>]*>/gs, ' ')
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/^((\d{3}\b|Bad Gateway|Internal Server Error|Not Found|Forbidden|Error response|Error code: \d+ Message:)[ ·]*)+/, '')
    .replace(' What happened', ':');
const quoted = (text: string, lengthMax = 48): string => {
  const shown = text.length > lengthMax ? `${text.slice(0, lengthMax).trimEnd()} …` : text;
  return shown === '' ? '' : ` “${shown.replaceAll('|', '\\|')}”`;
};
const usual = (answer: Answer): string => `${answer.status}${quoted(words(answer))}`;
const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`;

const hangMs = 90_000;

const cases: Record<string, Case> = {
  good: { title: 'a good script', script: `#!/bin/sh\n${plain}\necho hello\n` },
  'no-headers': { title: 'prints one line without headers, exits 3', script: "#!/bin/sh\necho 'it broke'\nexit 3\n" },
  silent: { title: 'writes to stderr only, exits 1', script: '#!/bin/sh\necho "it broke" >&2\nexit 1\n' },
  crlf: { title: 'saved with Windows line ends', script: `#!/bin/sh\r\n${plain}\r\necho hello\r\n` },
  'no-shebang': { title: 'no `#!` line', script: `${plain}\necho hello\n` },
  'no-blank-line': { title: 'no blank line after the headers', script: "#!/bin/sh\nprintf 'Content-Type: text/plain\\nhello\\n'\n" },
  redirect: {
    title: '`Status: 302` and `Location`',
    script: "#!/bin/sh\nprintf 'Status: 302 Found\\nLocation: /elsewhere\\n\\n'\n",
    tell: (answer) => (answer.get('location') === undefined ? usual(answer) : `${answer.status} to ${answer.get('location')}`),
  },
  'not-executable': { title: 'not executable (mode 644)', script: `#!/bin/sh\n# password: sesame\n${plain}\n`, mode: 0o644 },
  'stderr-flood': {
    title: '1 MiB to stderr, then a good answer',
    script: `#!/bin/sh\nhead -c ${mebibyte} /dev/zero | tr '\\0' e >&2\n${plain}\necho hello\n`,
  },
  killed: {
    title: 'killed by a signal in mid-answer',
    // A moment later, so that what it has said is on its way.
    script: `#!/bin/sh\n${plain}\necho half a pa\nsleep 1\nkill -9 $$\n`,
    tell: (answer) => `${usual(answer)}, ${answer.complete ? 'ends as if whole' : 'broken off'}`,
  },
  'unread-post': {
    title: 'never reads a POST of 1 MiB',
    script: `#!/bin/sh\n${plain}\necho hello\n`,
    request: requestText('POST', '/cgi-bin/unread-post.cgi', { 'Content-Length': String(mebibyte) }),
    body: 'x'.repeat(mebibyte),
    tries: 10,
  },
  chunked: {
    title: 'a chunked POST of 5 bytes',
    script: `#!/bin/sh\n${plain}\necho "CONTENT_LENGTH=\${CONTENT_LENGTH-unset}, $(wc -c) read"\n`,
    request: requestText('POST', '/cgi-bin/chunked.cgi', { 'Transfer-Encoding': 'chunked' }),
    body: '5\r\nhello\r\n0\r\n\r\n',
  },
  proxy: {
    title: '`Proxy: x` becomes HTTP_PROXY (CVE-2016-5385)',
    script: `#!/bin/sh\n${plain}\necho "HTTP_PROXY=\${HTTP_PROXY-unset}"\n`,
    request: requestText('GET', '/cgi-bin/proxy.cgi', { Proxy: 'x' }),
    tell: (answer) => (answer.text.includes('=x') ? 'yes' : answer.text.includes('=unset') ? 'no' : usual(answer)),
  },
  authorization: {
    title: 'an unchecked `Authorization: Basic` sets',
    script: `#!/bin/sh\n${plain}\nenv | grep -oE '^(HTTP_AUTHORIZATION|AUTH_TYPE|REMOTE_USER)=.' | tr -d '=\\n[:lower:]'\n`,
    request: requestText('GET', '/cgi-bin/authorization.cgi', { Authorization: 'Basic YWRhOmFkYQ==' }),
    tell: (answer) =>
      answer.status === 200
        ? ['HTTP_AUTHORIZATION', 'AUTH_TYPE', 'REMOTE_USER'].filter((name) => answer.text.includes(name)).join(', ') || 'nothing'
        : usual(answer),
  },
  secret: {
    title: "the server's own environment reaches scripts",
    script: `#!/bin/sh\n${plain}\necho "SECRET=\${COMPARE_SECRET-unset}"\n`,
    tell: (answer) => (answer.text.includes('=sesame') ? 'yes' : answer.text.includes('=unset') ? 'no' : usual(answer)),
  },
  grandchild: {
    title: 'starts `sleep 8 &`, which holds stdout: the answer ends',
    script: `#!/bin/sh\n${plain}\necho hello\nsleep 8 &\n`,
    tell: (answer, ms) => `${answer.status}, after ${ms < 1_500 ? 'less than 1.5 s' : seconds(ms)}`,
  },
  hangs: {
    title: `never prints anything: by default, within ${seconds(hangMs)}`,
    script: `#!/bin/sh\nexec sleep ${hangMs / 1000 + 10}\n`,
    patienceMs: hangMs,
    tell: (answer, ms) => `${answer.status} after ${seconds(ms)}`,
  },
};

const tryOne = async (port: number, name: string, { request, body = '', tell = usual, patienceMs = 20_000 }: Case): Promise<string> => {
  const wire = await Wire.open(port);
  let came = '';
  wire.socket.on('data', (piece) => {
    came += piece.toString('latin1');
  });
  const beganMs = performance.now();
  try {
    // Failure pages come as HTML, text or JSON; text is what can be quoted here.
    wire.send((request ?? requestText('GET', `/cgi-bin/${name}.cgi`)).replace('\r\n', '\r\nAccept: text/plain\r\n') + body);
    return tell(await wire.finalAnswer({ timeoutMs: patienceMs }), performance.now() - beganMs);
  } catch {
    if (performance.now() - beganMs > patienceMs - 1_000) return `no answer in ${seconds(patienceMs)}`;
    const status = /^HTTP\/\d\.\d (\d+)/.exec(came)?.[1];
    if (status !== undefined) return `${status}, headers without end`;
    return came === '' ? 'no answer, connection closed' : `not HTTP:${quoted(came)}`;
  } finally {
    wire.close();
  }
};

/** `200 “hello”`, or `200 “hello” (7 of 10); no answer, connection closed (3 of 10)`. */
const tryAll = async (port: number, name: string, each: Case): Promise<string> => {
  const { tries = 1 } = each;
  const seen = new Map<string, number>();
  for (let i = 0; i < tries; i++) {
    const outcome = await tryOne(port, name, each);
    seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
  }
  if (seen.size === 1) return [...seen.keys()][0]!;
  return [...seen]
    .sort((a, b) => b[1] - a[1])
    .map(([outcome, times]) => `${outcome} (${times} of ${tries})`)
    .join('; ');
};

/** Every host by itself, one case after the other; the hosts side by side, because most of the time is waiting. */
const faults = async (hosts: readonly Host[]): Promise<void> => {
  const columns = await Promise.all(
    hosts.map(async ({ port }) => {
      const column: string[] = [];
      for (const [name, each] of Object.entries(cases)) column.push(await tryAll(port, name, each));
      return column;
    }),
  );
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  console.log(row(['script', ...hosts.map((host) => `${host.name} ${host.version}`)]));
  console.log(row(['---', ...hosts.map(() => '---')]));
  Object.values(cases).forEach(({ title }, i) => {
    console.log(row([title, ...columns.map((column) => column[i] ?? '')]));
  });
};

const rounds = 200;

/** In turn, so that whatever else the machine does meets all of them. A connection for each request: Python and busybox keep none. */
const cost = async (hosts: readonly Host[]): Promise<void> => {
  const times = hosts.map(() => [] as number[]);
  for (let round = -10; round < rounds; round++) {
    for (const [i, { port }] of hosts.entries()) {
      const beganMs = performance.now();
      const answer = await talk(port, requestText('GET', '/cgi-bin/good.cgi'));
      if (answer.text !== 'hello\n') throw new Error(`${hosts[i]!.name}: ${answer.status} ${answer.text}`);
      if (round >= 0) times[i]!.push(performance.now() - beganMs);
    }
  }
  const medians = times.map((list) => list.sort((a, b) => a - b)[rounds / 2]!);
  console.log('| host | median | to cgi-serve |\n| --- | --- | --- |');
  hosts.forEach(({ name, version }, i) => {
    console.log(`| ${name} ${version} | ${medians[i]!.toFixed(1)} ms | ${(medians[i]! / medians[0]!).toFixed(2)} |`);
  });
};

const temporary = mkdtempSync(join(tmpdir(), 'cgi-serve-compare-'));
const site = join(temporary, 'site');
mkdirSync(join(site, 'cgi-bin'), { recursive: true });
// Python and Apache give up root's rights before they run a script.
for (const folder of [temporary, site, join(site, 'cgi-bin')]) chmodSync(folder, 0o755);
for (const [name, { script, mode = 0o755 }] of Object.entries(cases)) {
  const file = join(site, 'cgi-bin', `${name}.cgi`);
  writeFileSync(file, script);
  chmodSync(file, mode);
}

const wanted = process.argv.slice(2);
const hosts = await startHosts(temporary, site, { COMPARE_SECRET: 'sesame' });
try {
  const today = new Date().toISOString().slice(0, 10);
  console.log(`${today}, ${platform()}, ${availableParallelism()} cores, Node ${process.versions.node}\n`);
  if (wanted.length === 0 || wanted.includes('cost')) await cost(hosts);
  if (wanted.length === 0) console.log();
  if (wanted.length === 0 || wanted.includes('faults')) await faults(hosts);
} finally {
  await Promise.all(hosts.map((host) => host.stop()));
  rmSync(temporary, { recursive: true, force: true });
}
