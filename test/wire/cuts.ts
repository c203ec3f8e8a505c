/**
 * Bytes cut into pieces, and the story a reader tells of them: one line for each event, so that a difference can be read. Where
 * the cuts were must not show in it.
 */
import assert from 'node:assert/strict';
import type { Failure } from '../../src/failures.js';
import type { Asked, Field, Told } from '../../src/wire/wire.js';
import { type Chance, chance } from '../life/seeded.js';

export const bytes = (latin1: string): Buffer => Buffer.from(latin1, 'latin1');

export const oneByOne = (all: Buffer): Buffer[] => Array.from(all, (_, at) => all.subarray(at, at + 1));

/** Pieces of any size, none at all included. */
export const cutAnywhere = (all: Buffer, luck: Chance): Buffer[] => {
  const pieces: Buffer[] = [];
  for (let at = 0; at < all.length; ) {
    const end = at + luck.below(luck.pick([2, 5, 40, all.length + 1]));
    pieces.push(all.subarray(at, end));
    at = end;
  }
  return pieces;
};

interface Reader<Event> {
  push(piece: Buffer): Event[];
  end(): Event[];
}

export const tell = <Event extends Asked | Told>(reader: Reader<Event>, pieces: Buffer[]): string[] =>
  story([...pieces.flatMap((piece) => reader.push(piece)), ...reader.end()]);

/** `variables ["A","1"]`, `body abc`, `failed WIRE_BROKEN SCGI §4: …`. Pieces of one body are one line. */
export const story = (events: (Asked | Told)[]): string[] => {
  const lines: string[] = [];
  let before: string | undefined;
  for (const event of events) {
    const { kind } = event;
    if ('bytes' in event) {
      assert.ok(event.bytes.length > 0, `${kind} without bytes`);
      const text = event.bytes.toString('latin1');
      if (kind === before) lines.push(lines.pop() + text);
      else lines.push(`${kind} ${text}`);
    } else if (kind === 'variables') lines.push(`variables ${JSON.stringify([...event.meta].flat())}`);
    else if (kind === 'failed') lines.push(`failed ${event.why.code} ${event.why.evidence.detail ?? ''}`.trimEnd());
    else if (kind === 'ended') lines.push(`ended ${event.appStatus}`);
    else lines.push(kind);
    before = kind;
  }
  return lines;
};

interface Hearing {
  readonly hear: () => Reader<Asked>;
  readonly fieldsOf: (request: Buffer) => Field[];
  /** Bytes that are nearly a request, each as one character. */
  readonly someBytes: (luck: Chance) => string;
}

/**
 * Garbage gives events or one coded failure, which is the last word, the same however it is cut; and its fields cover it. One byte in
 * some of it is changed, doubled or lost.
 */
export const garbageLaw = ({ hear, fieldsOf, someBytes }: Hearing): void => {
  const luck = chance(2);
  const ends = new Map<string, number>();
  for (let round = 0; round < 4_000; round++) {
    let request = someBytes(luck);
    if (luck.maybe(0.3)) {
      const at = luck.below(request.length + 1);
      request = request.slice(0, at) + luck.bytes(1).toString('latin1') + request.slice(at + luck.below(2));
    }
    const all = bytes(request);
    const told = tell(hear(), [all]);
    const failed = told.findIndex((line) => line.startsWith('failed'));
    if (failed >= 0) {
      assert.equal(failed, told.length - 1);
      assert.match(told[failed]!, /^failed WIRE_(BROKEN|TRUNCATED|VARIABLES_TOO_LARGE) \S/);
    } else if (request !== '') assert.equal(told.at(-1), 'bodyEnd');
    assert.deepEqual(tell(hear(), cutAnywhere(all, luck)), told, JSON.stringify(request));
    assertTiles(fieldsOf(all), all);
    const end = told.at(-1)?.split(' ', 2).join(' ') ?? 'nothing';
    ends.set(end, (ends.get(end) ?? 0) + 1);
  }
  for (const end of ['bodyEnd', 'failed WIRE_BROKEN', 'failed WIRE_TRUNCATED'])
    assert.ok((ends.get(end) ?? 0) > 50, `${end}: ${ends.get(end)}`);
};

export const asFailure = (outcome: object): Failure => {
  assert.ok('code' in outcome, 'a failure');
  return outcome as Failure;
};

/** Fields stand one behind the other, cover the bytes, and only the last may be cut. */
export const assertTiles = (fields: Field[], all: Buffer): void => {
  let at = 0;
  for (const [i, field] of fields.entries()) {
    assert.equal(field.at, at, field.name);
    assert.ok(field.bytes > 0, field.name);
    assert.ok(field.partial === undefined || i === fields.length - 1, `${field.name} is partial`);
    assert.match(field.says, /\S/);
    at += field.bytes;
  }
  assert.equal(at, all.length);
};
