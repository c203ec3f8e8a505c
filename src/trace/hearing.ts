/**
 * What a reader hears in bytes: the same readers that serve live connections are given one side of a conversation, or both in one
 * file, and what they heard is collected. For explain.ts.
 */
import { type Failure, failure } from '../failures.js';
import type { MetaVariables } from '../types.js';
import { fastcgi, type Role } from '../wire/fastcgi.js';
import {
  type FcgiRecord,
  headerBytes,
  nullRequestId,
  protocolStatus,
  recordReader,
  recordType,
  statusName,
} from '../wire/fastcgi-records.js';
import type { Asked, AskingReader, TellingReader } from '../wire/wire.js';

export type Side = 'request' | 'answer';

/** One request, or one answer, as far as it came. */
export interface Heard {
  readonly side: Side;
  /** FastCGI's. */
  readonly requestId: number | undefined;
  role?: Role;
  keep?: boolean;
  meta?: MetaVariables;
  /** Of the request's body, or of the answer. */
  bodyBytes: number;
  /** A Filter's file. */
  dataBytes: number;
  errorsBytes: number;
  appStatus?: number | undefined;
  /** undefined: neither its end nor word that nobody wants it has come. */
  end?: 'whole' | 'aborted';
}

export interface Hearing {
  readonly sides: ReadonlySet<Side>;
  readonly heard: readonly Heard[];
  readonly failures: readonly Failure[];
  /** FastCGI: records of requests that were not begun, or are over. */
  readonly strays: number;
}

const begun = (side: Side, requestId?: number): Heard => ({ side, requestId, bodyBytes: 0, dataBytes: 0, errorsBytes: 0 });

// --- SCGI and uwsgi ---------------------------------------------------------------------------------------------------

export const hearOneBlock = (reader: AskingReader, bytes: Buffer): Hearing => {
  const request = begun('request');
  const failures: Failure[] = [];
  for (const event of [...reader.push(bytes), ...reader.end()]) note(request, event, failures);
  return { sides: new Set(['request'] as const), heard: request.meta === undefined ? [] : [request], failures, strays: 0 };
};

/** An answer that ends with its connection. */
export const hearUnframed = (reader: TellingReader, bytes: Buffer): Hearing => {
  const answer = begun('answer');
  const failures: Failure[] = [];
  for (const event of [...reader.push(bytes), ...reader.end()]) {
    if (event.kind === 'output') answer.bodyBytes += event.bytes.length;
    if (event.kind === 'failed') failures.push(event.why);
    if (event.kind === 'ended') answer.end = 'whole';
  }
  return { sides: new Set(['answer'] as const), heard: bytes.length === 0 ? [] : [answer], failures, strays: 0 };
};

const note = (request: Heard | undefined, event: Asked, failures: Failure[]): void => {
  if (event.kind === 'failed') failures.push(event.why);
  if (request === undefined) return;
  if (event.kind === 'variables') request.meta = event.meta;
  if (event.kind === 'body') request.bodyBytes += event.bytes.length;
  if (event.kind === 'bodyEnd') request.end = 'whole';
  if (event.kind === 'aborted') request.end = 'aborted';
};

// --- FastCGI ----------------------------------------------------------------------------------------------------------

/** What listens to one side. */
interface Ear {
  /** `record`: undefined when its end is missing. */
  hear(record: FcgiRecord | undefined, bytes: Buffer): void;
  end(): void;
  strays(): number;
}

export const hearFastcgi = (bytes: Buffer): Hearing => {
  const reader = recordReader();
  const records = reader.push(bytes);
  const cut = reader.broken() ?? reader.end();
  const heard: Heard[] = [];
  const failures: Failure[] = [];
  const ears = new Map<Side, Ear>();
  const earOf = { request: requestEar, answer: answerEar };

  let side: Side = 'request';
  const spoken = records.map((record, i) => {
    side = sideOf(record.type) ?? side;
    return { side, record, bytes: bytes.subarray(record.at, records[i + 1]?.at ?? endOf(record)) };
  });
  const last = records.at(-1);
  const rest = bytes.subarray(last === undefined ? 0 : endOf(last));
  if (rest[0] === 1 && rest.length > 1) side = sideOf(rest[1]!) ?? side;
  for (const each of new Set([...spoken.map((said) => said.side), ...(rest.length > 0 ? [side] : [])]))
    ears.set(each, earOf[each](heard, failures));

  let foreign = 0;
  for (const said of spoken) {
    for (const [each, ear] of ears) {
      if (each === said.side) ear.hear(said.record, said.bytes);
      else {
        foreign += 1;
        ear.hear(undefined, foreignized(said.bytes));
      }
    }
  }
  if (rest.length > 0) ears.get(side)!.hear(undefined, rest);
  for (const ear of ears.values()) ear.end();
  if (cut !== undefined && failures.length === 0) failures.push(cut);
  const strays = [...ears.values()].reduce((sum, ear) => sum + ear.strays(), 0) - foreign;
  return { sides: new Set(ears.keys()), heard, failures, strays };
};

const endOf = ({ at, content, paddingBytes }: FcgiRecord): number => at + headerBytes + content.length + paddingBytes;

const byServer: readonly number[] = [
  ...[recordType.BEGIN_REQUEST, recordType.ABORT_REQUEST, recordType.PARAMS, recordType.STDIN, recordType.DATA, recordType.GET_VALUES],
];
const byProgram: readonly number[] = [
  ...[recordType.END_REQUEST, recordType.STDOUT, recordType.STDERR, recordType.GET_VALUES_RESULT, recordType.UNKNOWN_TYPE],
];

/** Who says records of this type: the server, asking, or the program, answering. */
export const sideOf = (type: number): Side | undefined =>
  byServer.includes(type) ? 'request' : byProgram.includes(type) ? 'answer' : undefined;

/**
 * Both sides in one file, as a packet sniffer saves them: in the place of what the other side said, each hears a record that is about
 * no request of its own. So each hears itself alone, and what it says of «byte 80» is true of the file.
 */
const foreignized = (bytes: Buffer): Buffer => {
  const copy = Buffer.from(bytes);
  copy[1] = recordType.STDIN;
  copy.writeUInt16BE(0xffff, 2);
  return copy;
};

const codec = fastcgi({ role: 'responder', keep: true });

const requestEar = (heard: Heard[], failures: Failure[]): Ear => {
  let open: Heard | undefined;
  const reader = codec.readAsking((aside) => {
    if (aside.kind === 'begun') {
      open = { ...begun('request', aside.requestId), role: aside.role, keep: aside.keep };
      heard.push(open);
    } else if (aside.kind === 'data') open!.dataBytes += aside.bytes.length;
    else if (aside.bytes[1] === recordType.END_REQUEST) failures.push(refusal(aside.bytes));
  });
  // Nobody answers here: what was heard to its end has had its answer.
  const answered = () => {
    if (open?.end !== undefined) reader.answered();
  };
  return {
    hear(record, bytes) {
      if (record?.type === recordType.BEGIN_REQUEST) answered();
      for (const event of reader.push(bytes)) note(open, event, failures);
    },
    end() {
      answered();
      for (const event of reader.end()) note(open, event, failures);
    },
    strays: () => reader.strays(),
  };
};

/** The END_REQUEST with which a reader refuses a request. */
const refusal = (end: Buffer): Failure => {
  const status = end[headerBytes + 4]!;
  const code = status === protocolStatus.CANT_MPX_CONN ? 'WIRE_CANT_MULTIPLEX' : 'WIRE_UNKNOWN_ROLE';
  return failure(code, { detail: `a reader refuses request ${end.readUInt16BE(2)}: ${statusName(status)}` });
};

const answerEar = (heard: Heard[], failures: Failure[]): Ear => {
  const reader = codec.readTelling();
  let open: Heard | undefined;
  let over = true;
  const listen = (told: ReturnType<typeof reader.push>) => {
    for (const event of told) {
      if (event.kind === 'output') open!.bodyBytes += event.bytes.length;
      if (event.kind === 'errors') open!.errorsBytes += event.bytes.length;
      if (event.kind === 'failed') failures.push(event.why);
      if (event.kind === 'ended') Object.assign(open!, { appStatus: event.appStatus, end: 'whole' });
      over ||= event.kind === 'ended' || event.kind === 'failed';
    }
  };
  /** The first record of an answer. Behind an answer's end only what has content begins another: some say their end twice. */
  const begins = ({ requestId, type, content }: FcgiRecord): boolean =>
    requestId !== nullRequestId && over && (requestId !== open?.requestId || (content.length > 0 && type !== recordType.END_REQUEST));
  return {
    hear(record, bytes) {
      if (record !== undefined && begins(record)) {
        reader.expect(record.requestId);
        open = begun('answer', record.requestId);
        over = false;
        heard.push(open);
      }
      listen(reader.push(bytes));
    },
    end() {
      if (!over) listen(reader.end());
    },
    strays: () => reader.strays(),
  };
};
