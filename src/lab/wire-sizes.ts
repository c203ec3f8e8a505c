/**
 * How many bytes the same request takes in each spelling: as an environment, and on each wire. The codecs that serve live connections spell
 * it, and what they give is counted.
 */
import { isFailure } from '../failures.js';
import { recordContentBytesMax } from '../limits.js';
import type { MetaVariables } from '../types.js';
import { fastcgi } from '../wire/fastcgi.js';
import { scgi } from '../wire/scgi.js';
import { uwsgi } from '../wire/uwsgi.js';
import { byteText } from '../wire/variables.js';
import type { Asking, Wire } from '../wire/wire.js';
import type { ToldSize, ToldSizes } from './told.js';

/** `bodyBytes`: of the request's body, whether or not it has come. */
export const sizesOf = (meta: MetaVariables, bodyBytes: number): ToldSizes => {
  let variables = 0;
  for (const [name, value] of meta) variables += byteText(name).length + byteText(value).length;
  return {
    variables,
    // execve(2) — `NAME=value`, ended by NUL.
    environment: variables + 2 * meta.size,
    body: bodyBytes,
    wires: wires.map((wire) => sizeOn(wire, meta, bodyBytes)),
  };
};

const wires: readonly Wire[] = [scgi, uwsgi({ modifier1: 0, modifier2: 0 }), fastcgi({ role: 'responder', keep: true })];

const sizeOn = (wire: Wire, meta: MetaVariables, bodyBytes: number): ToldSize => {
  const asking = wire.ask(meta);
  return isFailure(asking) ? { name: wire.name } : { name: wire.name, head: asking.opening.length, body: framed(asking, bodyBytes) };
};

/** In the largest pieces that a record takes: no spelling of the body is shorter. */
const framed = (asking: Asking, bodyBytes: number): number => {
  const length = (bytes: number): number => sum(asking.body(whole.subarray(0, bytes)));
  const records = Math.floor(bodyBytes / whole.length);
  return records * length(whole.length) + length(bodyBytes % whole.length) + sum(asking.bodyEnd());
};

const whole = Buffer.alloc(recordContentBytesMax);
const sum = (pieces: readonly Buffer[]): number => pieces.reduce((bytes, piece) => bytes + piece.length, 0);
