/**
 * What the lab keeps, as files that other programs open: each a piece at a time, so that whoever fetches 500 exchanges slowly makes
 * nobody hold them as one text.
 *
 *   memory.ts `each` → [har | chrome-trace | wire-capture | ndjson] → lab.ts `GET export/…`
 *
 * Nothing here unmasks anything: secret values are `***` in every one of them, and each says so.
 */
import type { Exchange } from '../../trace/trace.js';
import type { KeptExchange } from '../memory.js';
import { chromeTrace } from './chrome-trace.js';
import { har } from './har.js';
import { ndjson } from './ndjson.js';
import { wireCapture } from './wire-capture.js';

/** What an export says besides the exchanges. */
export interface About {
  readonly version: string;
  /** Of the server that is shown: `http://127.0.0.1:8000`. */
  readonly url: string;
  /** Of the server's process. */
  readonly pid: number;
  /** An exchange as the log tells it (`--log-format json`). */
  readonly record: (exchange: Exchange) => object;
}

export interface Export {
  readonly type: string;
  /** The name it is saved under. */
  readonly file: string;
  readonly pieces: (kept: Iterable<KeptExchange>, about: About) => Iterable<string | Buffer>;
}

/** By what stands behind `export/`. */
export const exports: ReadonlyMap<string, Export> = new Map<string, Export>([
  ['har', { type: 'application/json', file: 'cgi-serve.har', pieces: har }],
  ['trace.json', { type: 'application/json', file: 'cgi-serve-trace.json', pieces: chromeTrace }],
  ['exchanges.ndjson', { type: 'application/x-ndjson', file: 'cgi-serve.ndjson', pieces: ndjson }],
  ['wire.pcapng', { type: 'application/octet-stream', file: 'cgi-serve-wire.pcapng', pieces: wireCapture }],
]);
