/**
 * RFC 3986 §5.2.4 and §6.2.2, RFC 3875 §3.2, §4.1.5 and §9.8: from the bytes of a target to the script it names. The public
 * directory here contains the script directory, the worst a user can do, and no spelling may ever bring a script's source.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { FailureCode } from '../../src/failures.js';
import { type House, type HouseOptions, house, sh } from '../support/house.js';
import { type Answer, get, talk, Wire } from '../support/wire.js';
import { codeOf } from './request.js';

const top = realpathSync(mkdtempSync(join(tmpdir(), 'cgi-serve-test-')));
after(() => rmSync(top, { recursive: true, force: true }));

const secret = 'SOURCE-OF-A-SCRIPT';
const show = sh(`: ${secret}\nprintf 'Content-Type: text/plain\\n\\n%s|%s|%s' "$SCRIPT_NAME" "$PATH_INFO" "$QUERY_STRING"`);
const hidden = sh(`: ${secret}\nprintf 'Content-Type: text/plain\\n\\nhidden'`);

/** `site` is public, `site/cgi-bin` holds the scripts, `outside` neither. */
const site = join(top, 'site');
const dir = join(site, 'cgi-bin');
const scripts = {
  'show.cgi': show,
  'sub/inner.cgi': show,
  'sub/deep/er.cgi': show,
  'sub/cgi-bin/again.cgi': show,
  'with space.cgi': show,
  'a+b.cgi': show,
  '%41.cgi': show,
  'ünï.cgi': show,
  '中文.cgi': show,
  noext: show,
  '.hidden.cgi': hidden,
  '.git/config.cgi': hidden,
  'plain.cgi': { text: show, mode: 0o644 },
  'data.txt': { text: secret, mode: 0o644 },
  'empty.cgi': '',
  'silent.cgi': sh(':'),
  'noshebang.cgi': `echo\necho ${secret}\n`,
};
const open = (options: HouseOptions = {}): Promise<House> => house({ dir, publicDir: site, scripts, ...options });

const h = await open();
after(() => h.stop());
const apart = await open({ publicDir: false });
after(() => apart.stop());
const decoding = await open({ encodedSlashes: 'decode' });
after(() => decoding.stop());

mkdirSync(join(dir, 'bare'));
mkdirSync(join(top, 'outside'));
mkdirSync(join(site, 'docs'));
writeFileSync(join(site, 'index.html'), 'the index');
writeFileSync(join(site, 'docs', 'index.html'), 'the docs');
writeFileSync(join(site, 'page.txt'), 'the page');
writeFileSync(join(site, '.env'), secret);
writeFileSync(join(top, 'outside', 'evil.cgi'), hidden, { mode: 0o755 });
writeFileSync(join(top, 'secret.txt'), secret);
symlinkSync('show.cgi', join(dir, 'link-in.cgi'));
symlinkSync('../../outside/evil.cgi', join(dir, 'link-out.cgi'));
symlinkSync('../../outside', join(dir, 'link-dir'));
symlinkSync('.hidden.cgi', join(dir, 'link-hidden.cgi'));
symlinkSync('nowhere', join(dir, 'link-dangling.cgi'));
symlinkSync('link-loop.cgi', join(dir, 'link-loop.cgi'));
symlinkSync('../secret.txt', join(site, 'link-out.txt'));
symlinkSync('cgi-bin/show.cgi', join(site, 'alias.cgi'));
symlinkSync('cgi-bin/show.cgi', join(site, 'alias.txt'));
symlinkSync('cgi-bin', join(site, 'alias-dir'));

type Wanted =
  /** The script ran, with this SCRIPT_NAME, PATH_INFO and QUERY_STRING. */
  `/${string}|${string}|${string}` | { status: number | readonly number[]; code?: FailureCode; location?: RegExp; text?: string };
type Row = readonly [target: string, wanted: Wanted];

const above = { status: 400, code: 'PATH_ABOVE_ROOT' } as const;
const encoding = { status: 400, code: 'PATH_BAD_ENCODING' } as const;
const forbidden = { status: 400, code: 'PATH_FORBIDDEN_BYTE' } as const;
const slash = { status: 404, code: 'PATH_ENCODED_SLASH' } as const;
const none = { status: 404, code: 'NOT_FOUND' } as const;
const refused = { status: [400, 404] } as const;

/** True wherever the public directory is. */
const rows: Row[] = [
  // The split into SCRIPT_NAME and PATH_INFO.
  ['/cgi-bin/show.cgi', '/cgi-bin/show.cgi||'],
  ['/cgi-bin/show.cgi/', '/cgi-bin/show.cgi|/|'],
  ['/cgi-bin/show.cgi/foo', '/cgi-bin/show.cgi|/foo|'],
  ['/cgi-bin/show.cgi/?q', '/cgi-bin/show.cgi|/|q'],
  ['/cgi-bin/show.cgi/foo/', '/cgi-bin/show.cgi|/foo/|'],
  ['/cgi-bin/show.cgi//foo', '/cgi-bin/show.cgi|//foo|'],
  ['/cgi-bin/show.cgi/foo//bar//', '/cgi-bin/show.cgi|/foo//bar//|'],
  ['/cgi-bin/show.cgi/show.cgi', '/cgi-bin/show.cgi|/show.cgi|'],
  ['/cgi-bin/show.cgi/cgi-bin/show.cgi', '/cgi-bin/show.cgi|/cgi-bin/show.cgi|'],
  ['/cgi-bin/show.cgi/Keeps/CASE', '/cgi-bin/show.cgi|/Keeps/CASE|'],
  ['/cgi-bin/show.cgi/a%20b+c', '/cgi-bin/show.cgi|/a b+c|'],
  ['/cgi-bin/show.cgi/%3F%3F%3F?foo=bar', '/cgi-bin/show.cgi|/???|foo=bar'],
  ['/cgi-bin/show.cgi/%23%25', '/cgi-bin/show.cgi|/#%|'],
  ['/cgi-bin/show.cgi/%E4%B8%AD', '/cgi-bin/show.cgi|/中|'],
  ['/cgi-bin/show.cgi/...', '/cgi-bin/show.cgi|/...|'],
  ['/cgi-bin/show.cgi/.dot', '/cgi-bin/show.cgi|/.dot|'],
  ['/cgi-bin/show.cgi/C:/x', '/cgi-bin/show.cgi|/C:/x|'],
  ['/cgi-bin/sub/inner.cgi', '/cgi-bin/sub/inner.cgi||'],
  ['/cgi-bin/sub/inner.cgi/x', '/cgi-bin/sub/inner.cgi|/x|'],
  ['/cgi-bin/sub/deep/er.cgi/x/y', '/cgi-bin/sub/deep/er.cgi|/x/y|'],
  ['/cgi-bin/sub/cgi-bin/again.cgi', '/cgi-bin/sub/cgi-bin/again.cgi||'],
  ['/cgi-bin/noext/x', '/cgi-bin/noext|/x|'],
  ['/cgi-bin/link-in.cgi/x', '/cgi-bin/link-in.cgi|/x|'],

  // The query is the script's own business.
  ['/cgi-bin/show.cgi?', '/cgi-bin/show.cgi||'],
  ['/cgi-bin/show.cgi?a=b?c=d', '/cgi-bin/show.cgi||a=b?c=d'],
  ['/cgi-bin/show.cgi?k=aa%2F%2Fbb&//q//p//=//a//b//', '/cgi-bin/show.cgi||k=aa%2F%2Fbb&//q//p//=//a//b//'],
  ['/cgi-bin/show.cgi?%zz%00%ff', '/cgi-bin/show.cgi||%zz%00%ff'],
  ['/cgi-bin/show.cgi?../../etc/passwd', '/cgi-bin/show.cgi||../../etc/passwd'],
  ['/cgi-bin/show.cgi?/..%2f..%2f', '/cgi-bin/show.cgi||/..%2f..%2f'],
  ['/cgi-bin/show.cgi?a=1;b=2&c=3', '/cgi-bin/show.cgi||a=1;b=2&c=3'],
  ['/cgi-bin/show.cgi?$(id)`id`|id', '/cgi-bin/show.cgi||$(id)`id`|id'],

  // Names: decoded once.
  ['/cgi-bin/%73how.cgi', '/cgi-bin/show.cgi||'],
  ['/%63gi-bin/show.cgi', '/cgi-bin/show.cgi||'],
  ['/cgi-bin/show%2Ecgi', '/cgi-bin/show.cgi||'],
  ['/cgi-bin/show%2ecgi/x', '/cgi-bin/show.cgi|/x|'],
  ['/cgi-bin/with%20space.cgi', '/cgi-bin/with space.cgi||'],
  ['/cgi-bin/with+space.cgi', none],
  ['/cgi-bin/a+b.cgi', '/cgi-bin/a+b.cgi||'],
  ['/cgi-bin/a%2Bb.cgi', '/cgi-bin/a+b.cgi||'],
  ['/cgi-bin/%2541.cgi', '/cgi-bin/%41.cgi||'],
  ['/cgi-bin/%41.cgi', none],
  ['/cgi-bin/%C3%BCn%C3%AF.cgi', '/cgi-bin/ünï.cgi||'],
  ['/cgi-bin/%E4%B8%AD%E6%96%87.cgi', '/cgi-bin/中文.cgi||'],

  // Dots are resolved before anything is looked for.
  ['/cgi-bin/./show.cgi', '/cgi-bin/show.cgi||'],
  ['/./cgi-bin/show.cgi', '/cgi-bin/show.cgi||'],
  ['/cgi-bin/sub/../show.cgi', '/cgi-bin/show.cgi||'],
  ['/cgi-bin/nowhere/../show.cgi', '/cgi-bin/show.cgi||'],
  ['/nowhere/../cgi-bin/show.cgi', '/cgi-bin/show.cgi||'],
  ['/cgi-bin/../cgi-bin/show.cgi', '/cgi-bin/show.cgi||'],
  ['/cgi-bin/%2e/show.cgi', '/cgi-bin/show.cgi||'],
  ['/cgi-bin/sub/%2e%2e/show.cgi', '/cgi-bin/show.cgi||'],
  ['/cgi-bin/sub/.%2E/show.cgi', '/cgi-bin/show.cgi||'],
  ['/cgi-bin/show.cgi/a/../b', '/cgi-bin/show.cgi|/b|'],
  ['/cgi-bin/show.cgi/./b', '/cgi-bin/show.cgi|/b|'],
  ['/cgi-bin/show.cgi/a/..', '/cgi-bin/show.cgi|/|'],
  ['/cgi-bin/show.cgi/a/.', '/cgi-bin/show.cgi|/a/|'],
  ['/cgi-bin/show.cgi/../sub/inner.cgi', '/cgi-bin/sub/inner.cgi||'],
  ['/cgi-bin/show.cgi/%2e%2e/sub/inner.cgi', '/cgi-bin/sub/inner.cgi||'],
  ['/cgi-bin/show.cgi/%252e%252e/x', '/cgi-bin/show.cgi|/%2e%2e/x|'],
  ['/a/b/c/../d/e/../../../../cgi-bin/show.cgi', '/cgi-bin/show.cgi||'],
  ['///////////nocgi.py/../cgi-bin/nothere.sh', refused],

  // Above the root.
  ['/..', above],
  ['/../', above],
  ['/../..', above],
  ['/../cgi-bin/show.cgi', above],
  ['/../outside/evil.cgi', above],
  ['/./../x', above],
  ['/a/../..', above],
  ['/a/b/c/../d/e/../../../../../f', above],
  ['/cgi-bin/../../outside/evil.cgi', above],
  ['/cgi-bin/show.cgi/../../../outside/evil.cgi', above],
  ['/cgi-bin/sub/../../../outside/evil.cgi', above],
  ['/%2e%2e/outside/evil.cgi', above],
  ['/.%2e/outside/evil.cgi', above],
  ['/%2E./outside/evil.cgi', above],
  ['/cgi-bin/%2e%2e/%2e%2e/%2e%2e/etc/passwd', above],
  ['/%252e%252e/outside/evil.cgi', none],
  ['/cgi-bin/%252e%252e/%252e%252e/outside/evil.cgi', none],
  ['/..;/outside/evil.cgi', none],
  ['/.../outside/evil.cgi', none],

  // Encoded slashes.
  ['/cgi-bin%2Fshow.cgi', slash],
  ['/cgi-bin%2fshow.cgi', slash],
  ['/cgi-bin/show.cgi%2Ffoo', slash],
  ['/cgi-bin/show.cgi/a%2Fb', slash],
  ['/cgi-bin/sub%2Finner.cgi', slash],
  ['/%2Fcgi-bin/show.cgi', slash],
  ['/..%2Foutside%2Fevil.cgi', { status: [400, 404] }],
  ['/cgi-bin/..%2f..%2foutside%2fevil.cgi', { status: [400, 404] }],
  ['/cgi-bin/%2e%2e%2f%2e%2e%2foutside%2fevil.cgi', { status: [400, 404] }],

  // Bytes that no name has.
  ['/cgi-bin/show.cgi%00', forbidden],
  ['/cgi-bin/show.cgi%00.txt', forbidden],
  ['/cgi-bin/show.cgi/%00', forbidden],
  ['/%00', forbidden],
  ['/cgi-bin/show.cgi%0a', forbidden],
  ['/cgi-bin/show.cgi/a%0d%0aX-Evil:%201', forbidden],
  ['/cgi-bin/show.cgi/%1b', forbidden],
  ['/cgi-bin/show.cgi/%09', forbidden],
  ['/cgi-bin/show.cgi/%7f', forbidden],
  ['/cgi-bin%5cshow.cgi', forbidden],
  ['/cgi-bin\\show.cgi', forbidden],
  ['/cgi-bin/sub\\..\\show.cgi', forbidden],
  ['/..\\outside\\evil.cgi', forbidden],
  ['/cgi-bin/..%5c..%5coutside', forbidden],
  ['/cgi-bin/show.cgi/a%5Cb', forbidden],

  // Encodings that are none.
  ['/cgi-bin/%zz.cgi', encoding],
  ['/cgi-bin/show.cgi/%', encoding],
  ['/cgi-bin/show.cgi/%4', encoding],
  ['/cgi-bin/show.cgi/%4g', encoding],
  ['/cgi-bin/show.cgi/%u0041', encoding],
  ['/cgi-bin/show.cgi/%%41', encoding],
  ['/cgi-bin/show.cgi/%-1', encoding],
  ['/cgi-bin/show.cgi/%ff', encoding],
  ['/cgi-bin/show.cgi/%a4%db', encoding],
  ['/cgi-bin/show.cgi/%c3', encoding],
  ['/cgi-bin/show.cgi/%c0%af', encoding],
  ['/%c0%ae%c0%ae/outside/evil.cgi', encoding],
  ['/cgi-bin/show.cgi/%ed%a0%80', encoding],
  ['/cgi-bin/show.cgi/%f4%90%80%80', encoding],

  // Almost the name.
  ['/cgi-bin/nothere.cgi', none],
  ['/cgi-bin/show.cgi%20', none],
  ['/cgi-bin/show.cgi%20%20%20', none],
  ['/cgi-bin/%20show.cgi', none],
  ['/cgi-bin/show.cgi.', none],
  ['/cgi-bin/show.cgi%2e', none],
  ['/cgi-bin/show.cgi..', none],
  ['/cgi-bin/show.cgi::$DATA', none],
  ['/cgi-bin/show.cgi:', none],
  ['/cgi-bin/show~1.cgi', none],
  ['/cgi-bin/SHOW.CGI', none],
  ['/cgi-bin/Show.cgi', none],
  ['/CGI-BIN/show.cgi', none],
  ['/cgi-bin/show.cgi;x', none],
  ['/cgi-bin/show.cgi,v', none],
  ['/cgi-bin/show.cgi~', none],
  ['/cgi-bin/show.cgi.bak', none],
  ['/cgi-bin/show', none],
  ['/cgi-bin/show.cg', none],
  ['/cgi-bin/show.cgi|id', none],
  ['/cgi-bin/$(id)', none],
  ['/cgi-bin/`id`', none],
  ['/cgi-bin/*', none],
  ['/cgi-bin/%EF%BC%8E%EF%BC%8E/x', none],
  ['/cgi-bin%20/show.cgi', none],
  ['/cgi-binX/show.cgi', none],
  ['/cgi-bin.bak/show.cgi', none],
  ['/cgi-bin-shouldnot-work.sh', none],
  ['/cgi-bi/show.cgi', none],
  ['/xcgi-bin/show.cgi', none],
  ['/show.cgi', none],
  [`/cgi-bin/${'a'.repeat(300)}`, none],
  [`/cgi-bin/${'a/'.repeat(1000)}`, none],
  [`/cgi-bin/show.cgi/${'a/'.repeat(1000)}`, `/cgi-bin/show.cgi|/${'a/'.repeat(1000)}|`],

  // Hidden.
  ['/cgi-bin/.hidden.cgi', none],
  ['/cgi-bin/%2ehidden.cgi', none],
  ['/cgi-bin/.git/config.cgi', none],
  ['/cgi-bin/.git/', none],
  ['/cgi-bin/link-hidden.cgi', { status: 404 }],
  ['/.env', none],
  ['/.git/config', none],

  // Links.
  ['/cgi-bin/link-out.cgi', { status: 404, code: 'LINK_LEAVES_ROOT' }],
  ['/cgi-bin/link-out.cgi/x', { status: 404, code: 'LINK_LEAVES_ROOT' }],
  ['/cgi-bin/link-dir/evil.cgi', { status: 404, code: 'LINK_LEAVES_ROOT' }],
  ['/cgi-bin/link-dir/../show.cgi', '/cgi-bin/show.cgi||'],
  ['/cgi-bin/link-dangling.cgi', none],
  ['/cgi-bin/link-loop.cgi', none],

  // There, but no script.
  ['/cgi-bin/plain.cgi', { status: 403, code: 'NOT_EXECUTABLE' }],
  ['/cgi-bin/plain.cgi/x', { status: 403, code: 'NOT_EXECUTABLE' }],
  ['/cgi-bin/data.txt', { status: 403, code: 'NOT_EXECUTABLE' }],
  // A directory without an index: a list of scripts, or nothing.
  ['/cgi-bin/bare/', { status: [200, 403, 404] }],
  ['/cgi-bin/bare', { status: [301, 308, 403, 404] }],
  ['/cgi-bin/sub/nothere', none],
  ['/cgi-bin/empty.cgi', { status: 500, code: 'SCRIPT_EMPTY' }],
  ['/cgi-bin/silent.cgi', { status: 502, code: 'REPLY_EMPTY' }],
  ['/cgi-bin/noshebang.cgi', { status: 500, code: 'SHEBANG_MISSING' }],

  // Doubled slashes: the script, or nothing; which, is for the server to say.
  ['/cgi-bin//show.cgi', { status: [200, 301, 308, 404] }],
  ['//cgi-bin/show.cgi', { status: [200, 301, 308, 404] }],
  ['///cgi-bin///show.cgi', { status: [200, 301, 308, 404] }],
  ['//cgi-bin//show.cgi//x', { status: [200, 301, 308, 404] }],
];

/** Only where there are static files. */
const staticRows: Row[] = [
  ['/', { status: 200, text: 'the index' }],
  ['/.', { status: 200, text: 'the index' }],
  ['/./', { status: 200, text: 'the index' }],
  ['/docs/..', { status: 200, text: 'the index' }],
  ['/a/b/c/../d/e/../../../../f/..', { status: 200, text: 'the index' }],
  ['/index.html', { status: 200, text: 'the index' }],
  ['/page.txt', { status: 200, text: 'the page' }],
  ['/page.txt?x=../..', { status: 200, text: 'the page' }],
  ['/%70age.txt', { status: 200, text: 'the page' }],
  ['/docs/../page.txt', { status: 200, text: 'the page' }],
  ['/docs/', { status: 200, text: 'the docs' }],
  ['/docs', { status: [301, 302, 307, 308], location: /^\/docs\/$/ }],
  ['/docs?a=b', { status: [301, 302, 307, 308], location: /^\/docs\/\?a=b$/ }],
  ['//docs', { status: [301, 302, 307, 308, 404], location: /^\/(?!\/)/ }],
  ['//example.org/..', { status: [200, 301, 302, 307, 308, 404], location: /^\/(?!\/)/ }],
  ['/\\example.org', forbidden],
  ['/page.txt%00', forbidden],
  ['/page.txt%20', none],
  ['/page.txt.', none],
  ['/PAGE.TXT', none],
  ['/page.txt/x', none],
  ['/page', none],
  ['/link-out.txt', { status: 404 }],
  ['/alias.cgi', { status: [200, 403, 404] }],
  ['/alias.txt', { status: [200, 403, 404] }],
  ['/alias-dir/show.cgi', { status: [200, 403, 404] }],
  ['/alias-dir/data.txt', { status: [403, 404] }],
];

const redirectRows: Row[] = [
  ['/cgi-bin', { status: [301, 302, 307, 308], location: /^\/cgi-bin\/$/ }],
  ['/cgi-bin/sub', { status: [301, 302, 307, 308, 403, 404], location: /^\/cgi-bin\/sub\/$/ }],
  ['/cgi-bin/sub?a=b', { status: [301, 302, 307, 308, 403, 404], location: /^\/cgi-bin\/sub\/\?a=b$/ }],
];

const decodingRows: Row[] = [
  ['/cgi-bin/show.cgi/a%2Fb', '/cgi-bin/show.cgi|/a/b|'],
  ['/cgi-bin/show.cgi/a%2fb%2F', '/cgi-bin/show.cgi|/a/b/|'],
  ['/cgi-bin/show.cgi/%2F', '/cgi-bin/show.cgi|//|'],
  ['/cgi-bin/show.cgi/a%252Fb', '/cgi-bin/show.cgi|/a%2Fb|'],
  // Only PATH_INFO may hold one: a name cannot.
  ['/cgi-bin%2Fshow.cgi', { status: [200, 404] }],
  ['/cgi-bin/sub%2Finner.cgi', { status: [200, 404] }],
  ['/%2Fcgi-bin/show.cgi', { status: [200, 404] }],
  ['/cgi-bin/show.cgi%2Ffoo', { status: [200, 404] }],
  ['/..%2Foutside%2Fevil.cgi', refused],
  ['/%2e%2e%2Foutside%2Fevil.cgi', refused],
  ['/cgi-bin/..%2F..%2Foutside%2Fevil.cgi', refused],
  ['/cgi-bin/sub%2F..%2F..%2F..%2Foutside%2Fevil.cgi', refused],
  ['/cgi-bin/show.cgi/..%2F..%2F..%2Fx', refused],
  ['/cgi-bin/show.cgi/a%2F..%2F..%2Fx', refused],
  ['/cgi-bin/show.cgi/%2F..', refused],
  ['/cgi-bin/show.cgi/a%2F..', refused],
  ['/cgi-bin/show.cgi/a%2F%00', forbidden],
  ['/cgi-bin/%2Fetc%2Fpasswd', refused],
  ['/%2Fetc%2Fpasswd', refused],
  ['/cgi-bin%2F.hidden.cgi', refused],
];

for (const [place, server, table] of [
  ['scripts inside public', h, [...rows, ...redirectRows, ...staticRows]],
  ['no public', apart, [...rows, ...redirectRows]],
  ["encodedSlashes: 'decode'", decoding, decodingRows],
] as const) {
  for (const [target, wanted] of table) {
    const name = target.length > 90 ? `${target.slice(0, 60)}… (${target.length})` : target;
    test(`paths (${place}): ${name}`, async () => {
      const answer = await get(server.port, target);
      noSource(answer);
      if (typeof wanted === 'string') {
        assert.equal(answer.status, 200, answer.text.slice(0, 600));
        assert.equal(answer.text, wanted);
        return;
      }
      const statuses = typeof wanted.status === 'number' ? [wanted.status] : wanted.status;
      assert.ok(statuses.includes(answer.status), `${answer.status}, not ${statuses.join(' or ')}: ${answer.text.slice(0, 600)}`);
      if (answer.status >= 400) assert.ok(codeOf(answer), 'no failure code');
      if (wanted.code !== undefined) assert.equal(codeOf(answer), wanted.code);
      if (wanted.text !== undefined) assert.equal(answer.text, wanted.text);
      if (wanted.location !== undefined && answer.status < 400 && answer.status >= 300) {
        assert.match(answer.get('location') ?? '', wanted.location);
      }
    });
  }
}

function noSource(answer: Answer, what = ''): void {
  assert.ok(!answer.raw.includes(secret), `the source of a script, or a file that is not public, was sent ${what} ${answer.status}`);
  assert.doesNotMatch(answer.text, /^hidden$/, `a script ran that is not to be seen ${what}`);
}

test('paths: no spelling brings the source', async () => {
  const target = '/cgi-bin/show.cgi';
  const hex = (c: string) => c.charCodeAt(0).toString(16);
  const spellings = new Set<string>();
  for (let i = 1; i <= target.length; i++) {
    const [before, after_] = [target.slice(0, i), target.slice(i)];
    for (const extra of [
      '.',
      '/',
      '//',
      '/.',
      '/./',
      '/../',
      '%2f',
      '%5c',
      '\\',
      '%00',
      '%20',
      '+',
      ';',
      ':',
      '%2e',
      '%2e%2f',
      '~',
      '%0d%0a',
      '%c0%80',
    ]) {
      spellings.add(before + extra + after_);
    }
    const c = target[i];
    if (c === undefined) continue;
    const end = target.slice(i + 1);
    spellings.add(`${before}%${hex(c)}${end}`);
    spellings.add(`${before}%${hex(c).toUpperCase()}${end}`);
    spellings.add(`${before}%25${hex(c)}${end}`);
    spellings.add(`${before}${c.toUpperCase()}${end}`);
    spellings.add(before + end);
  }
  for (const server of [h, decoding]) {
    for (const spelling of spellings) {
      const answer = await get(server.port, spelling);
      noSource(answer, spelling);
      // The script, the index, the list of scripts.
      if (answer.status === 200) assert.match(answer.text, /^(\/cgi-bin\/show\.cgi\||the index|<!doctype html>)/, spelling);
      else assert.ok(answer.status >= 300 && answer.status < 500, `${answer.status} for ${spelling}`);
    }
  }
});

test('paths: no method or field brings the source', async () => {
  for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'OPTIONS', 'PROPFIND']) {
    for (const path of ['/cgi-bin/show.cgi', '/cgi-bin/plain.cgi', '/cgi-bin/data.txt', '/alias.cgi', '/alias.txt', '//cgi-bin/show.cgi']) {
      for (const field of [
        'Range: bytes=0-9',
        'Accept-Encoding: gzip, br',
        'If-None-Match: *',
        'Translate: f',
        'X-Original-URL: /page.txt',
      ]) {
        const request = `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n${field}\r\n\r\n`;
        const answer = await talk(h.port, request, { method });
        noSource(answer);
        assert.ok(!answer.raw.includes('#!/bin'), `${method} ${path} ${field}`);
      }
    }
  }
});

test('paths: scripts are no static files under another prefix, or through a link', async (t) => {
  const elsewhere = await open({ prefix: '/run/' });
  t.after(() => elsewhere.stop());
  assert.equal((await get(elsewhere.port, '/run/show.cgi/x')).text, '/run/show.cgi|/x|');
  for (const target of ['/cgi-bin/show.cgi', '/cgi-bin/plain.cgi', '/cgi-bin/data.txt', '/cgi-bin/sub/inner.cgi', '/alias.txt']) {
    const answer = await get(elsewhere.port, target);
    noSource(answer);
    assert.ok(!answer.raw.includes('#!/bin'), target);
  }

  symlinkSync('cgi-bin', join(site, 'scripts'));
  const linked = await open({ dir: join(site, 'scripts') });
  t.after(() => linked.stop());
  assert.equal((await get(linked.port, '/cgi-bin/show.cgi/x')).text, '/cgi-bin/show.cgi|/x|');
  for (const target of ['/scripts/show.cgi', '/scripts/data.txt', '/scripts/plain.cgi']) noSource(await get(linked.port, target));
});

test('paths: what may run is no text outside the script directory either', async (t) => {
  const root = join(top, 'other');
  const other = await house({
    dir: join(root, 'cgi-bin'),
    publicDir: join(root, 'public'),
    scripts: { 'show.cgi': show, '../public/page.php': `<?php /* ${secret} */`, '../public/tool.cgi': show },
    interpreters: { '.php': '/bin/cat' },
  });
  t.after(() => other.stop());
  for (const target of ['/page.php', '/page.php/x', '/tool.cgi', '/tool.cgi/']) noSource(await get(other.port, target), target);
});

test('paths: prefixes with and without slashes, and the root itself', async (t) => {
  for (const [prefix, target, wanted] of [
    ['/run', '/run/show.cgi/x', '/run/show.cgi|/x|'],
    ['/run/', '/run/show.cgi/x', '/run/show.cgi|/x|'],
    ['/a/b/', '/a/b/show.cgi/x', '/a/b/show.cgi|/x|'],
    ['/', '/show.cgi/x', '/show.cgi|/x|'],
  ] as const) {
    const server = await open({ prefix, publicDir: false });
    t.after(() => server.stop());
    assert.equal((await get(server.port, target)).text, wanted);
    assert.equal((await get(server.port, `/../${target}`)).status, 400);
    if (prefix !== '/') assert.equal((await get(server.port, `${prefix.replace(/\/$/, '')}X/show.cgi`)).status, 404);
  }
});

test('paths: every kind of refusal on one connection, and then the script', async () => {
  const wire = await Wire.open(h.port);
  for (const target of ['/cgi-bin%2Fshow.cgi', '/cgi-bin/none', '/cgi-bin/plain.cgi', '/cgi-bin/link-out.cgi', '/nothing', '/docs']) {
    wire.send(`GET ${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    const answer = await wire.answer();
    assert.ok(answer.status >= 300 && answer.status < 500, `${answer.status} for ${target}`);
    assert.notEqual(answer.get('connection'), 'close', `${target} had no body left unread: no reason to close`);
  }
  wire.send('GET /cgi-bin/show.cgi HTTP/1.1\r\nHost: localhost\r\n\r\n');
  assert.equal((await wire.answer()).text, '/cgi-bin/show.cgi||');
  wire.close();
});
