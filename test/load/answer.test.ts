/** Where an answer ends: each vector whole and byte by byte. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type AnswerReader, answerReader } from '../../src/load/answer.js';

interface Vector {
  readonly why: string;
  readonly text: string;
  readonly bodiless?: true;
  readonly status: number;
  readonly keeps: boolean;
  /** Only the end of the connection says so. */
  readonly byClose?: true;
}

const vectors: readonly Vector[] = [
  { why: 'a length', text: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello', status: 200, keeps: true },
  { why: 'no body at all', text: 'HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n', status: 404, keeps: true },
  {
    why: 'chunks',
    text: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n',
    status: 200,
    keeps: true,
  },
  {
    why: 'chunks that hold line ends, and trailers',
    text: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n\r\n\r\n\r\n0\r\nServer-Timing: a\r\nX: y\r\n\r\n',
    status: 200,
    keeps: true,
  },
  { why: 'it closes after this', text: 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\n.', status: 200, keeps: false },
  { why: 'HTTP/1.0', text: 'HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\n.', status: 200, keeps: false },
  { why: 'until it closes', text: 'HTTP/1.1 200 OK\r\n\r\nsome', status: 200, keeps: false, byClose: true },
  { why: 'to HEAD', text: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n', bodiless: true, status: 200, keeps: true },
  { why: '304', text: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n', status: 304, keeps: true },
  { why: 'an interim answer first', text: 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n', status: 204, keeps: true },
];

for (const { why, text, bodiless = false, status, keeps, byClose = false } of vectors) {
  test(`an answer: ${why}`, () => {
    const judge = (reader: AnswerReader, ended: boolean): void => {
      assert.deepEqual([ended, reader.status(), reader.keeps()], [!byClose, status, keeps]);
      assert.equal(reader.end(), byClose);
    };
    const whole = answerReader(bodiless);
    judge(whole, whole.take(Buffer.from(text)));
    const pieces = answerReader(bodiless);
    const ends = [...text].map((sign) => pieces.take(Buffer.from(sign)));
    assert.equal(ends.slice(0, -1).includes(true), false, 'ended too early');
    judge(pieces, ends.at(-1)!);
  });
}

test('what is no answer, and what comes after one, is an error', () => {
  assert.throws(() => answerReader(false).take(Buffer.from('220 mail.example.org ESMTP\r\n\r\n')));
  assert.throws(() => answerReader(false).take(Buffer.from('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n')));
  assert.throws(() => answerReader(false).take(Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n.HTTP')));
});

test('an answer that breaks off did not end', () => {
  const reader = answerReader(false);
  assert.equal(reader.take(Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel')), false);
  assert.equal(reader.end(), false);
});
