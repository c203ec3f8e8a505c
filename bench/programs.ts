/**
 * The programs a request is for, and the answer that every server must give before it is measured: C from `programs/`, compiled
 * here, the same hello in the languages people write CGI in, and as a page of PHP and WSGI applications, which others keep loaded.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** How a server reaches the program. */
export type Gateway = 'cgi' | 'fastcgi' | 'uwsgi' | 'wsgi';

export interface Program {
  readonly name: string;
  /** As headings and bars name it. */
  readonly title: string;
  /** What it is there to show, for the reader of its table. */
  readonly about: string;
  readonly gateway: Gateway;
  /** In the site. */
  readonly file: string;
  readonly path: string;
  readonly body: Buffer;
  /** A POST of so many bytes; else a GET. */
  readonly uploadBytes?: number;
}

const mebibyte = 1_048_576;
const hello = Buffer.from('hello\n');

const cgi = (name: string, title: string, about: string, body = hello): Program => {
  const file = `cgi-bin/${name}`;
  return { name, title: `CGI, ${title}`, about, gateway: 'cgi', file, path: `/${file}`, body };
};

const wsgi = (name: string, title: string, about: string): Program => {
  return { name: `wsgi-${name}`, title: `WSGI, ${title}`, about, gateway: 'wsgi', file: 'app.py', path: `/${name}`, body: hello };
};

export const programs: readonly Program[] = [
  cgi('bare', 'bare C', 'A process without libc: its start costs next to nothing, what is left is the server and the kernel.'),
  cgi('hello', 'static C', 'The lightest process that a compiler makes unasked.'),
  cgi('sh', 'sh', 'A shell script of one line.'),
  cgi('perl', 'perl', 'A Perl script of one line.'),
  cgi('python', 'python', 'A Python script of one line: most of the time is the start of the interpreter.'),
  cgi('download', '1 MiB response', 'A C program writes, the client reads.', Buffer.alloc(mebibyte, 'x')),
  {
    ...cgi('upload', '1 MiB POST', 'A C program reads all, and says how much it was.', Buffer.from(`${mebibyte}\n`)),
    uploadBytes: mebibyte,
  },
  {
    name: 'php-fpm',
    title: 'FastCGI, PHP',
    about: 'A page of one line; every server has a php-fpm with 4 workers for itself.',
    gateway: 'fastcgi',
    file: 'public/hello.php',
    path: '/hello.php',
    body: hello,
  },
  {
    name: 'uWSGI',
    title: 'uwsgi, Python',
    about: 'A WSGI application of two lines; every server has a uWSGI with 4 processes for itself.',
    gateway: 'uwsgi',
    file: 'hello.py',
    path: '/app',
    body: hello,
  },
  wsgi('hello', 'hello', 'An application of two lines, called twice at once by every server: what it costs to be called is left.'),
  wsgi('compute', '100 µs of work', 'The same application, and 100 µs of a processor: a small view.'),
  wsgi(
    'wait',
    '10 ms of waiting',
    'The same application waits, as for a database: two at once are 200 a second, and no server makes it more.',
  ),
];

/** This file's own folder in the source tree, seen from dist/bench. */
export const sourceDir = fileURLToPath(new URL('../../bench/', import.meta.url));

/** Puts `wanted` into `site`, executable where they are programs; returns those that could be made here. */
export const makePrograms = (site: string, wanted: readonly Program[]): Program[] =>
  wanted.filter(({ name, file }) => {
    mkdirSync(dirname(join(site, file)), { recursive: true });
    const problem = make(join(site, file), name);
    if (problem !== undefined) console.error(`left out: ${name}: ${problem}`);
    return problem === undefined;
  });

/** `raw` or `closing` beside the programs; undefined where it cannot be compiled. */
export const makeTool = (dir: string, name: string): string | undefined => {
  const file = join(dir, name);
  return compile(join(sourceDir, `${name}.c`), file, []) === undefined ? file : undefined;
};

const make = (file: string, name: string): string | undefined => {
  if (name in pages) return void writeFileSync(file, pages[name as keyof typeof pages]);
  if (name === 'bare') return compile(join(sourceDir, 'programs/bare.c'), file, ['-static', '-nostdlib']);
  if (!(name in scripts)) return compile(join(sourceDir, `programs/${name}.c`), file, ['-static']);
  const { interpreter, text } = scripts[name as keyof typeof scripts];
  const path = interpreter();
  if (!path) return 'no interpreter';
  writeFileSync(file, `#!${path}\n${text}`);
  chmodSync(file, 0o755);
  return undefined;
};

const scripts = {
  sh: { interpreter: () => '/bin/sh', text: "printf 'Content-Type: text/plain\\n\\nhello\\n'\n" },
  perl: { interpreter: () => system('perl') ?? said('perl', '-e', 'print $^X'), text: 'print "Content-Type: text/plain\\n\\nhello\\n";\n' },
  python: {
    interpreter: () => system('python3') ?? said('python3', '-c', 'import sys; print(sys.executable)'),
    text: "print('Content-Type: text/plain\\n\\nhello')\n",
  },
} as const;

/** Counted in the thread's own time: whoever has to share a processor does the same work. */
const application = `import time

def application(environ, start_response):
    if environ['PATH_INFO'] == '/compute':
        until = time.thread_time_ns() + 100000
        while time.thread_time_ns() < until:
            pass
    elif environ['PATH_INFO'] == '/wait':
        time.sleep(0.01)
    start_response('200 OK', [('Content-Type', 'text/plain'), ('Content-Length', '6')])
    return [b'hello\\n']
`;

const pages = {
  'php-fpm': '<?php\nheader(\'Content-Type: text/plain\');\necho "hello\\n";\n',
  uWSGI:
    "def application(environ, start_response):\n    start_response('200 OK', [('Content-Type', 'text/plain')])\n    return [b'hello\\n']\n",
  'wsgi-hello': application,
  'wsgi-compute': application,
  'wsgi-wait': application,
} as const;

/** One in somebody's home is out of reach for the user that Apache runs scripts as, and a version manager's wrapper would be measured. */
const system = (name: string): string | undefined =>
  ['/usr/bin', '/usr/local/bin'].map((dir) => join(dir, name)).find((file) => existsSync(file));

const compile = (source: string, file: string, options: readonly string[]): string | undefined => {
  const { status, error, stderr } = spawnSync('cc', ['-O2', ...options, '-o', file, source], { encoding: 'utf8' });
  return status === 0 ? undefined : (error?.message ?? stderr.trim());
};

export const said = (program: string, ...args: readonly string[]): string => {
  const { stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  return `${stdout ?? ''}${stderr ?? ''}`.trim();
};
