/**
 * FastCGI programs as they are written in C, Perl, Python and Node, started and kept by a pool: each finds its listening socket as
 * descriptor 0, is told what CGI tells, has a body to read, says something on stderr, and goes on to the next request.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { house } from '../support/house.js';
import { needs } from '../support/needs.js';
import { until } from '../support/until.js';
import { get, post } from '../support/wire.js';
import { room } from './peers.js';

const fastcgi = new URL('../../src/wire/fastcgi.js', import.meta.url).href;
const wsgi = fileURLToPath(new URL('../../../src/workers/wsgi.py', import.meta.url));

/** Each answers `NAME PID TURN PATH_INFO BODY`, and says `asked` on stderr. */
const programs: Record<string, { needs: string[]; files: Record<string, string>; command: (folder: string) => string }> = {
  'libfcgi in C': {
    needs: ['cc', 'libfcgi'],
    files: {
      'app.c': `#include <stdlib.h>
#include <unistd.h>
#include <fcgi_stdio.h>
int main(void) {
  for (int turn = 1; FCGI_Accept() >= 0; turn++) {
    char body[64] = "";
    size_t length = fread(body, 1, sizeof body - 1, stdin);
    body[length] = 0;
    fprintf(stderr, "asked\\n");
    printf("Content-Type: text/plain\\r\\n\\r\\nanswer %d %d %s %s", (int)getpid(), turn, getenv("PATH_INFO"), body);
  }
}
`,
    },
    command(folder) {
      execFileSync('cc', ['-o', join(folder, 'app'), join(folder, 'app.c'), '-lfcgi']);
      return join(folder, 'app');
    },
  },
  'FCGI.pm in Perl': {
    needs: ['perl FCGI.pm'],
    files: {
      'app.pl': `use FCGI;
my ($turn, $request) = (0, FCGI::Request());
while ($request->Accept() >= 0) {
  my $body = join '', <STDIN>;
  print STDERR "asked\\n";
  print "Content-Type: text/plain\\r\\n\\r\\nanswer $$ ", ++$turn, " $ENV{PATH_INFO} $body";
}
`,
    },
    command: (folder) => `perl ${folder}/app.pl`,
  },
  'CGI::Fast in Perl': {
    needs: ['perl CGI::Fast'],
    files: {
      'app.pl': `use CGI::Fast;
my $turn = 0;
while (my $query = CGI::Fast->new) {
  print STDERR "asked\\n";
  my $body = $query->param('POSTDATA') // '';
  print $query->header('text/plain'), "answer $$ ", ++$turn, ' ', $query->path_info, " $body";
}
`,
    },
    command: (folder) => `perl ${folder}/app.pl`,
  },
  'wsgi.py in Python, as any FastCGI program': {
    needs: ['python3'],
    files: {
      'app.py': `import os
turn = 0
def application(environ, start_response):
    global turn
    turn += 1
    body = environ['wsgi.input'].read().decode()
    print('asked', file=environ['wsgi.errors'])
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [f"answer {os.getpid()} {turn} {environ['PATH_INFO']} {body}".encode()]
`,
    },
    command: (folder) => `python3 ${wsgi} ${folder}/app.py`,
  },
  Node: {
    needs: [],
    files: {
      'app.mjs': `import { createServer } from 'node:net';
import { fastcgi, telling } from '${fastcgi}';
let turn = 0;
createServer((socket) => {
  let id, path, body = '';
  const reader = fastcgi({ role: 'responder', keep: true }).readAsking((aside) => {
    if (aside.kind === 'begun') id = aside.requestId;
    if (aside.kind === 'reply') socket.write(aside.bytes);
  });
  const say = (pieces) => pieces.forEach((piece) => socket.write(piece));
  socket.on('data', (bytes) => {
    for (const asked of reader.push(bytes)) {
      if (asked.kind === 'variables') [path, body] = [asked.meta.get('PATH_INFO'), ''];
      else if (asked.kind === 'body') body += asked.bytes;
      else if (asked.kind === 'bodyEnd') {
        const answer = telling(id);
        say(answer.errors(Buffer.from('asked\\n')));
        say(answer.output(Buffer.from(\`Content-Type: text/plain\\r\\n\\r\\nanswer \${process.pid} \${++turn} \${path} \${body}\`)));
        say(answer.end(0));
        reader.answered();
      }
    }
  });
  socket.on('error', () => {});
}).listen({ fd: 0 });
`,
    },
    command: (folder) => `${process.execPath} ${folder}/app.mjs`,
  },
};

const folderWith = (t: TestContext, files: Record<string, string>): string => {
  const folder = room(t);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
};

for (const [name, program] of Object.entries(programs)) {
  test(name, async (t) => {
    if (!needs(t, ...program.needs)) return;
    const command = program.command(folderWith(t, program.files));
    const h = await house({ mounts: [{ pool: command, where: '/app' }], workers: 1 });
    t.after(() => h.stop());
    const answers = [await get(h.port, '/app/first'), await post(h.port, '/app/second', 'tea', { 'Content-Type': 'text/plain' })];
    answers.push(await get(h.port, '/app/third'));
    const [, pid] = /^answer (\d+) /.exec(answers[0]!.text) ?? [];
    assert.deepEqual(
      answers.map(({ text }) => text.trimEnd()),
      [`answer ${pid} 1 /first`, `answer ${pid} 2 /second tea`, `answer ${pid} 3 /third`],
    );
    assert.notEqual(Number(pid), process.pid);
    await until(() => h.stderr.filter(({ text, script }) => text === 'asked' && script === command).length === 3, 'three lines of stderr');
    assert.deepEqual(
      h.exchanges.map(({ worker, gateway }) => [gateway, worker]),
      answers.map(() => ['fastcgi', { slot: 1, generation: 1 }]),
    );
  });
}
