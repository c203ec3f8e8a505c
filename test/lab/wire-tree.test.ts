/** A request on each wire as the lab tells it: the tree over its fields, the lines of its hex, its size in other spellings; streams as rows. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isFailure } from '../../src/failures.js';
import { codesOf, gapBefore, offsetText, runsOf, signsOf } from '../../src/lab/page/request/hex-lines.js';
import { folded, isBinary, piecesOf, type Row, reasonOf, rowsOf } from '../../src/lab/page/request/stream-rows.js';
import { leavesOf, pathTo, treeOf, type WireNode } from '../../src/lab/page/request/wire-tree.js';
import { sayIn } from '../../src/lab/page/words.js';
import type { ToldStream, ToldWay } from '../../src/lab/told.js';
import { sizesOf } from '../../src/lab/wire-sizes.js';
import { toldWire } from '../../src/lab/wire-told.js';
import { labFieldsMax } from '../../src/limits.js';
import { judgeHead } from '../../src/script/reply.js';
import { fastcgi, telling } from '../../src/wire/fastcgi.js';
import { scgi } from '../../src/wire/scgi.js';
import { uwsgi } from '../../src/wire/uwsgi.js';
import type { Asking, Wire } from '../../src/wire/wire.js';

const codecs = { fastcgi: fastcgi({ role: 'responder', keep: true }), scgi, uwsgi: uwsgi({ modifier1: 0, modifier2: 0 }) } as const;
type Name = keyof typeof codecs;
const names = Object.keys(codecs) as Name[];
const meta = new Map([
  ['CONTENT_LENGTH', '4'],
  ['REQUEST_METHOD', 'POST'],
  ['QUERY_STRING', ''],
  ['HTTP_COOKIE', 'open sesame'],
  ['HTTP_X_LONG', 'l'.repeat(200)],
]);

const asked = (wire: Wire, variables: ReadonlyMap<string, string> = meta): Asking => {
  const asking = wire.ask(variables);
  if (isFailure(asking)) throw new Error(asking.evidence.detail);
  return asking;
};
const said = (wire: Wire, variables = meta): Buffer => {
  const asking = asked(wire, variables);
  return Buffer.concat([asking.opening, ...asking.body(Buffer.from('body')), ...asking.bodyEnd()]);
};
const answer = 'Status: 200\nContent-Type: text/plain\n\nhello';
const answered = (name: Name): Buffer => {
  if (name !== 'fastcgi') return Buffer.from(answer);
  const words = telling(1);
  return Buffer.concat([...words.errors(Buffer.from('oh')), ...words.output(Buffer.from(answer)), ...words.end(3)]);
};
/** As the page is told it, through the codecs. */
const ways = (name: Name, sent: Buffer, received: Buffer): readonly ToldWay[] =>
  toldWire({
    name,
    ...{ sent: sent.length, received: received.length, payloadSent: 0, payloadReceived: 0 },
    recorded: {
      pieces: [
        { way: 'sent', atMs: 0, bytes: sent },
        { way: 'received', atMs: 1, bytes: received },
      ],
      ...{ sentMore: 0, receivedMore: 0 },
    },
  })!.ways;
const trees = (name: Name, sent = said(codecs[name])): [WireNode[], WireNode[]] => {
  const [asking, telling] = ways(name, sent, answered(name));
  return [treeOf(name, asking!, sent), treeOf(name, telling!, answered(name))];
};

for (const name of names) {
  test(`${name}: every byte lies in one leaf, every node has a sentence, and the way to a byte leads through its node`, () => {
    for (const [i, tree] of trees(name).entries()) {
      const bytes = i === 0 ? said(codecs[name]) : answered(name);
      const leaves = leavesOf(tree);
      let at = 0;
      for (const leaf of leaves) {
        assert.equal(leaf.at, at);
        at += leaf.bytes;
        assert.notEqual(leaf.says, 'field.unknown', leaf.name);
        assert.ok(leaf.paint && leaf.rule);
        const path = pathTo(tree, leaf.at + leaf.bytes - 1);
        assert.equal(path.at(-1), leaf);
        for (const above of path) assert.ok(above.at <= leaf.at && leaf.at + leaf.bytes <= above.at + above.bytes);
      }
      assert.equal(at, bytes.length);
      assert.deepEqual(pathTo(tree, bytes.length), []);
    }
  });

  test(`${name}: each variable is a node with its name and value; a secret has none, and is struck out`, () => {
    const [tree] = trees(name);
    const pairs = tree.flatMap(({ children }) => children).filter(({ says }) => says === 'node.pair');
    const told = new Map(pairs.map((pair) => [pair.name, pair.value]));
    for (const [variable, value] of meta) assert.equal(told.get(variable), variable === 'HTTP_COOKIE' ? '' : value, variable);
    const hidden = pairs.filter((pair) => pair.hidden).map((pair) => pair.name);
    assert.deepEqual(hidden, ['HTTP_COOKIE']);
  });
}

test('a secret is known by the whole of its name, however long that is', () => {
  const name = `HTTP_${'X'.repeat(300)}_TOKEN`;
  for (const wire of names) {
    const sent = said(codecs[wire], new Map([...meta, [name, 'sesame']]));
    const [way] = ways(wire, sent, Buffer.alloc(0));
    assert.ok(!Buffer.from(way!.base64, 'base64').includes('sesame'), wire);
    assert.ok(!JSON.stringify(way!.fields).includes('sesame'), wire);
  }
});

test('FastCGI: records with their headers, one behind the other, on both ways', () => {
  const [sent, received] = trees('fastcgi');
  const brief = (tree: WireNode[]) => tree.map(({ name, value, note }) => [name, value || note].join(' '));
  const { length } = asked(codecs.fastcgi).opening;
  assert.deepEqual(brief(sent), ['BEGIN_REQUEST RESPONDER', 'PARAMS ', 'PARAMS node.ends', 'STDIN ', 'STDIN node.ends']);
  assert.deepEqual(brief(received), [...['STDERR ', 'STDOUT ', 'STDOUT node.ends', 'STDERR node.ends', 'END_REQUEST REQUEST_COMPLETE']]);
  assert.equal(sent[3]?.at, length);
  const [begin] = sent;
  assert.deepEqual(
    begin?.children.map(({ title, name }) => title ?? name),
    ['node.header', 'role', 'flags', 'reserved'],
  );
  assert.deepEqual(
    begin?.children[0]?.children.map(({ name }) => name),
    [...['version', 'type', 'requestId', 'contentLength', 'paddingLength', 'reserved']],
  );
  assert.equal(received[4]?.children.find(({ name }) => name === 'appStatus')?.value, '3');
  assert.deepEqual(received[1]?.children.at(-1)?.paint, 'padding');
});

test('SCGI is a netstring and a body, uwsgi a header, variables and a body; their answers have a head and a body', () => {
  const brief = (tree: WireNode[]) => tree.map(({ title, name }) => title ?? name);
  assert.deepEqual(brief(trees('scgi')[0]), ['node.netstring', 'body']);
  assert.deepEqual(brief(trees('uwsgi')[0]), ['node.header', 'node.variables', 'body']);
  for (const name of ['scgi', 'uwsgi'] as const) {
    const [, received] = trees(name);
    assert.deepEqual(brief(received), ['node.answer.head', 'node.answer.body']);
    assert.equal(received[0]?.bytes, answer.indexOf('hello'));
  }
});

test('what is cut, or is no such wire, is in the tree as far as it goes', () => {
  for (const name of names) {
    const whole = said(codecs[name]);
    for (let bytes = 1; bytes < whole.length; bytes++) {
      const leaves = leavesOf(trees(name, whole.subarray(0, bytes))[0]);
      assert.equal(
        leaves.reduce((sum, leaf) => sum + leaf.bytes, 0),
        bytes,
      );
    }
    const strange = Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const unread = leavesOf(trees(name, strange)[0]).filter(({ paint }) => paint === 'unread');
    assert.equal(unread.length, 1, name);
  }
  const broken = Buffer.concat([said(codecs.fastcgi), Buffer.from('HTTP/1.1 400')]);
  assert.deepEqual(trees('fastcgi', broken)[0].at(-1)?.name, 'not FastCGI');
});

test('more fields than are told: the tree ends there, and the hex goes on without colours', () => {
  const many = new Map(Array.from({ length: labFieldsMax }, (_, i) => [`NAME_${i}`, 'v']));
  const sent = said(scgi, new Map([...meta, ...many]));
  const [way] = ways('scgi', sent, Buffer.alloc(0));
  assert.equal(way!.fields.length, labFieldsMax);
  assert.ok(way!.fieldsMore > labFieldsMax);
  const leaves = leavesOf(treeOf('scgi', way!, sent));
  assert.equal(leaves.length, labFieldsMax);
  assert.deepEqual(runsOf(leaves, sent.length - 10, sent.length), [{ at: sent.length - 10, end: sent.length, stretch: undefined }]);
});

test('the lines of a hex dump: every byte in one run, of the field it belongs to', () => {
  const bytes = said(codecs.fastcgi);
  const leaves = leavesOf(trees('fastcgi')[0]);
  for (const perLine of [8, 16]) {
    for (let at = 0; at < bytes.length; at += perLine) {
      const end = Math.min(bytes.length, at + perLine);
      const runs = runsOf(leaves, at, end);
      assert.equal(runs[0]?.at, at);
      assert.equal(runs.at(-1)?.end, end);
      for (const [i, run] of runs.entries()) {
        if (i > 0) assert.equal(run.at, runs[i - 1]?.end);
        assert.equal(
          run.stretch,
          leaves.find((leaf) => leaf.at <= run.at && run.at < leaf.at + leaf.bytes),
        );
      }
      const text = runs.map((run) => gapBefore(run.at, at) + codesOf(bytes, run, at)).join('');
      assert.equal(text.replaceAll(' ', ''), bytes.toString('hex', at, end));
      assert.equal(text.indexOf('  '), perLine === 16 && end - at > 8 ? 8 * 3 - 1 : -1);
    }
  }
  assert.equal(codesOf(bytes, { at: 0, end: 3 }, 0, true), '** ** **');
  assert.equal(signsOf(Buffer.from('a\0\u00e9~'), { at: 0, end: 5 }), 'a···~');
  assert.deepEqual([offsetText(16, 100), offsetText(0x10000, 0x20000)], ['0010', '10000']);
});

test('gaps between fields are runs of nothing', () => {
  const stretches = [
    { at: 2, bytes: 3 },
    { at: 9, bytes: 1 },
  ];
  assert.deepEqual(
    runsOf(stretches, 0, 12).map(({ at, end, stretch }) => [at, end, stretch?.at]),
    [
      [0, 2, undefined],
      [2, 5, 2],
      [5, 9, undefined],
      [9, 10, 9],
      [10, 12, undefined],
    ],
  );
});

test('the same request in each spelling: the codecs’ own bytes, whatever the length of the body', () => {
  for (const bodyBytes of [0, 1, 65_528, 65_529, 200_000]) {
    const variables = new Map([...meta, ['CONTENT_LENGTH', String(bodyBytes)]]);
    const sizes = sizesOf(variables, bodyBytes);
    const environment = [...variables].map(([name, value]) => `${name}=${value}\0`).join('');
    assert.equal(sizes.environment, environment.length);
    assert.equal(sizes.variables, environment.length - 2 * variables.size);
    for (const { name, head, body } of sizes.wires) {
      const asking = asked(codecs[name], variables);
      const framed = Buffer.concat([...asking.body(Buffer.alloc(bodyBytes)), ...asking.bodyEnd()]).length;
      assert.deepEqual([head, body], [asking.opening.length, framed], `${name}, ${bodyBytes}`);
      assert.ok(head! > sizes.variables);
    }
  }
  const large = sizesOf(new Map([...meta, ['HTTP_X_LARGE', 'l'.repeat(65_536)]]), 0).wires;
  assert.deepEqual(
    large.map(({ name, head }) => [name, head === undefined]),
    [
      ['scgi', false],
      ['uwsgi', true],
      ['fastcgi', true],
    ],
  );
  assert.equal(sizesOf(new Map([['A', 'é']]), 0).environment, 'A=xx\0'.length);
});

// --- streams -----------------------------------------------------------------------------------------------------------

const streamOf = (...texts: (string | Buffer)[]): ToldStream => ({
  bytes: texts.reduce((sum, text) => sum + Buffer.byteLength(text as string), 0),
  pieces: texts.map((text, i) => ({ atMs: i * 10, base64: Buffer.from(text as string).toString('base64') })),
  more: 0,
});
/** An answer as memory.ts tells it: judged by the parser that served it. */
const rowsFor = (...texts: string[]): Row[] => {
  const whole = texts.join('');
  const end = /\r?\n\r?\n/.exec(whole);
  const blank = /^\r?\n/.exec(whole)?.[0].length ?? (end ? end.index + end[0].length : undefined);
  return rowsOf(piecesOf(streamOf(...texts)), judgeHead(Buffer.from(whole)).lines, blank);
};
const briefly = (rows: readonly Row[]) =>
  rows.map((row) => {
    if (row.kind === 'border') return '—';
    if (row.kind === 'verdict') return `! ${row.judged.text} (${row.judged.verdict})`;
    const when = row.piece === undefined ? '' : `+${row.piece.atMs} `;
    return when + (row.kind === 'line' ? `${row.text} (${row.judged.verdict}${row.pieces > 1 ? `, ${row.pieces}` : ''})` : row.text);
  });

test('output: each header line with its verdict, the border, and the pieces with the time at which they came', () => {
  assert.deepEqual(briefly(rowsFor('Content-Type: text/plain\nX-A: 1\nServer: me\n\nbody', ' and more')), [
    ...['+0 Content-Type: text/plain (cgi)', 'X-A: 1 (sent)', 'Server: me (dropped)', '—', 'body', '+10  and more'],
  ]);
  assert.deepEqual(briefly(rowsFor('Content-', 'Type: a/b\r\nX', '-A: 1\r\n\r', '\nbody')), [
    ...['+0 Content-Type: a/b\\r (cgi, 2)', 'X-A: 1\\r (sent, 2)', '—', '+30 body'],
  ]);
  assert.deepEqual(briefly(rowsFor('\nbody')), ['—', '+0 body']);
  assert.deepEqual(briefly(rowsFor('Status: 99\n\nbody')), ['+0 Status: 99 (cgi)', '—', '! Status: 99 (refused)', 'body']);
  // What is no header is refused, and what comes behind it is judged no more.
  assert.deepEqual(briefly(rowsFor('X-A: 1\nTraceback!\nmore\n\nand more')), [
    ...['+0 X-A: 1 (sent)', 'Traceback! (refused)', 'more\n\nand more'],
  ]);
  assert.deepEqual(briefly(rowsFor('no header')), ['+0 no header (refused)']);
  assert.deepEqual(briefly(rowsOf(piecesOf(streamOf('one\n', 'two')))), ['+0 one\n', '+10 two']);
});

test('a sign that two pieces share is shown whole, control bytes are seen', () => {
  const [first, second] = [Buffer.from('中').subarray(0, 1), Buffer.from('中\u0007').subarray(1)];
  assert.deepEqual(briefly(rowsOf(piecesOf(streamOf(first, second)))), ['+0 ', '+10 中\\x07']);
});

test('long streams are folded by lines as they will be seen', () => {
  const rows = rowsOf(piecesOf(streamOf('a\nb\nc\n', `${'x'.repeat(250)}\n`, 'd\n')));
  const texts = (max: number) => folded(rows, max).rows.map((row) => (row.kind === 'piece' ? row.text : ''));
  assert.equal(folded(rows, 2).lines, 3 + 3 + 1);
  assert.deepEqual(texts(2), ['a\nb']);
  assert.deepEqual(texts(4), ['a\nb\nc\n', 'x'.repeat(100)]);
  assert.equal(folded(rows, 7).rows.length, rows.length);
});

test('pictures are told from texts', () => {
  assert.ok(isBinary(Buffer.from('89504e470d0a1a0a0000000d', 'hex')));
  assert.ok(isBinary(Buffer.from(Array.from({ length: 200 }, (_, i) => 0x80 + (i % 0x40)))));
  assert.ok(
    !isBinary(Buffer.from('hello, 世界\n')) && !isBinary(Buffer.from('世'.repeat(2000)).subarray(0, 4096)) && !isBinary(Buffer.alloc(0)),
  );
});

test('why a line was judged so is said in Chinese, too: every reason that the parser has', () => {
  const many = `${'A: 1\n'.repeat(2000)}\n`;
  const outputs = [
    'Status: 200\nLocation: /a\nContent-Type: a/b\nContent-Length: 1\nServer: x\nX-CGI-A: 1\nDate: a\nDate: b\nX-A: 1\n\n',
    ...[many, 'A: 1\n b\n\n', 'prose\n\n', 'Bad Name: 1\n\n', 'A: \x01\n\n', 'Status: 200\nStatus: 200\n\n'],
    ...['Transfer-Encoding: chunked\n\n', 'Status: 99\n\n', 'Content-Length: x\n\n', 'Location:\n\n'],
  ];
  const whys = new Set(outputs.flatMap((output) => judgeHead(Buffer.from(output)).lines.map(({ why }) => why)));
  assert.ok(whys.size >= 18, [...whys].join());
  for (const why of whys) {
    assert.equal(reasonOf(why, sayIn('en')), why);
    assert.match(reasonOf(why, sayIn('zh-CN')), /[\u4e00-\u9fff]/, why);
  }
});
