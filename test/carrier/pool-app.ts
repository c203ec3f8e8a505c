/** An application for pools, that a test can hold in the middle of a request: it says who it is when the file it was told of is gone. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { until } from '../support/until.js';
import { type Answer, post } from '../support/wire.js';

/** `version pid`. It prints a line when it is loaded. `?while=FILE` waits, `?ms=` takes time, `?die` ends the process. */
export const application = (version: string): string => `
import os, sys, time
from urllib.parse import parse_qs

print('loaded ${version}', file=sys.stderr)

def application(environ, start_response):
    query = parse_qs(environ['QUERY_STRING'], keep_blank_values=True)
    if 'while' in query:
        open(query['while'][0] + '.seen', 'a').write('x')
        while os.path.exists(query['while'][0]):
            time.sleep(0.005)
    if 'ms' in query:
        time.sleep(int(query['ms'][0]) / 1000)
    if 'die' in query:
        print('I cannot go on', file=sys.stderr, flush=True)
        os._exit(7)
    environ['wsgi.input'].read()
    start_response('200 OK', [('Content-Type', 'text/plain')])
    return [('${version} %d' % os.getpid()).encode()]
`;

export const pidOf = ({ text }: Answer): number => Number(text.split(' ')[1]);

/** A folder with `app.py` in it. */
export const appFolder = (t: TestContext): string => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'cgi-serve-pool-')));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  writeFileSync(join(folder, 'app.py'), application('one'));
  return folder;
};

export interface Held {
  readonly answer: Promise<Answer>;
  /** The application may go on. */
  release(): void;
}

/** A POST that its worker has begun: nobody may ask that again of another one. `at`: the path that the application is mounted at. */
export const heldPost = async (port: number, folder: string, name: string, at = '/'): Promise<Held> => {
  const flag = join(folder, name);
  writeFileSync(flag, '');
  assert.equal(existsSync(`${flag}.seen`), false);
  const answer = post(port, `${at}?while=${flag}`, 'x');
  await until(() => existsSync(`${flag}.seen`), 'its worker to have it');
  return { answer, release: () => rmSync(flag) };
};
