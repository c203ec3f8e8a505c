/**
 * FastCGI §3.3 and §4 to §6: who says which record when. A request is BEGIN_REQUEST, PARAMS and STDIN; its answer is STDOUT and
 * STDERR in any order, then END_REQUEST. Streams end with an empty record.
 *
 *   web server ──▶  BEGIN_REQUEST  PARAMS … PARAMS(empty)  STDIN … STDIN(empty)  ──▶ program
 *              ◀──  STDOUT …  STDERR …  STDOUT(empty)  END_REQUEST               ◀──
 *
 * How a record is spelt is in fastcgi-records.ts. Ids would allow many requests at once on a connection; here it is one at a time.
 */
import { type Failure, type FailureCode, failure, isFailure } from '../failures.js';
import { wireVariablesBytesMax, wireVariablesMax } from '../limits.js';
import type { MetaVariables } from '../types.js';
import {
  bodyBytes,
  type FcgiRecord,
  flag,
  nullRequestId,
  protocolStatus,
  readPairs,
  recordReader,
  recordType,
  role,
  statusName,
  typeName,
  writeBegin,
  writeEnd,
  writeParams,
  writeRecord,
  writeStream,
  writeUnknownType,
  writeValues,
} from './fastcgi-records.js';
import type { Asked, Asking, AskingReader, Telling, TellingReader, Told, Wire } from './wire.js';

export type FastcgiOptions = {
  /** FastCGI §5.1 KEEP_CONN: the program leaves the connection open; without it the program closes it after the answer. */
  readonly keep: boolean;
  /** From 1 to 65535; 1 when not given. */
  readonly requestId?: number;
} & ({ readonly role: 'responder' | 'authorizer' } | { readonly role: 'filter'; readonly filterData: FilterData });

export type Role = FastcgiOptions['role'];

/** FastCGI §6.4: the file that a Filter works on. */
export interface FilterData {
  readonly bytes: Buffer;
  /** Seconds since 1970, whole. */
  readonly modifiedSeconds: number;
}

export interface Fastcgi extends Wire {
  readonly name: 'fastcgi';
  readTelling(aside?: (told: ToldAside) => void): FastcgiTellingReader;
  readAsking(aside?: (asked: AskedAside) => void, values?: ReadonlyMap<string, string>): FastcgiAskingReader;
}

/** What a program says about the connection, between answers or during one. */
export type ToldAside =
  /** The answer to `askValues()`: names the program does not know are not in it. Go sends a second one, empty: the first counts. */
  { readonly kind: 'values'; readonly values: ReadonlyMap<string, string> } | { readonly kind: 'unknownType'; readonly type: number };

export interface FastcgiTellingReader extends TellingReader {
  /**
   * The next request has been sent, under this id. After `ended` everything is ignored until then: a second END_REQUEST, late errors.
   * Take another id than the last, and such stragglers cannot be mistaken for the next answer even when they come late.
   */
  expect(requestId: number): void;
  /** Records that belonged to no awaited answer. */
  strays(): number;
}

/** What a web server says besides the request, and what the wire answers without asking the program. */
export type AskedAside =
  | { readonly kind: 'begun'; readonly requestId: number; readonly role: Role; readonly keep: boolean }
  /** To be sent: GET_VALUES_RESULT, UNKNOWN_TYPE, or the END_REQUEST of a request that is refused. */
  | { readonly kind: 'reply'; readonly bytes: Buffer }
  /** FastCGI §6.4: a Filter's file. `bodyEnd` comes when it has come too. */
  | { readonly kind: 'data'; readonly bytes: Buffer };

export interface FastcgiAskingReader extends AskingReader {
  /** END_REQUEST has been sent: the id is free again, and the connection ready for the next request. */
  answered(): void;
  /** Records that belonged to no active request. */
  strays(): number;
}

/**
 * The wire. What FastCGI says beside requests and answers goes to the `aside` of a reader. `values`: what GET_VALUES is answered.
 * A failure after `ended` is about the connection; the answer before it is whole.
 */
export const fastcgi = (options: FastcgiOptions): Fastcgi => ({
  name: 'fastcgi',
  keeps: options.keep,
  ask: (meta, turn = 0) => ask(meta, options, idAt(options, turn)),
  readTelling: (aside = unheard) => readTelling((turn) => idAt(options, turn), aside),
  readAsking: (aside = unheard, values = oneAtATime) => readAsking(aside, values),
});

const unheard = (): void => {};

/** Two ids take turns on a kept connection, so that what comes late for one answer is not taken for the next one's. */
const idAt = ({ requestId = 1 }: FastcgiOptions, turn: number): number => (turn % 2 === 0 ? requestId : requestId === 1 ? 2 : 1);

// --- the web server's side ----------------------------------------------------------------------------------------------

const ask = (meta: MetaVariables, options: FastcgiOptions, requestId: number): Asking | Failure => {
  const { keep } = options;
  let payloadBytes = 0;
  const params = writeParams(requestId, variablesFor(meta, options), (bytes) => {
    payloadBytes += bytes;
  });
  if (isFailure(params)) return params;
  const begin = writeBegin(requestId, roles[options.role], keep ? flag.KEEP_CONN : 0);
  const opening = Buffer.concat([begin, params]);
  const abort = () => writeRecord(recordType.ABORT_REQUEST, requestId);
  // FastCGI §6.3 — an Authorizer is sent PARAMS and nothing else. libfcgi would skip even an empty STDIN, but other programs need not
  // expect one, and Apache's mod_authnz_fcgi and mod_fcgid send none.
  if (options.role === 'authorizer') return { opening, payloadBytes, body: () => [], bodyEnd: () => [], abort };
  return {
    opening,
    payloadBytes,
    body: (piece) => writeStream(recordType.STDIN, requestId, piece),
    bodyEnd: () => [
      writeRecord(recordType.STDIN, requestId),
      ...(options.role === 'filter'
        ? [...writeStream(recordType.DATA, requestId, options.filterData.bytes), writeRecord(recordType.DATA, requestId)]
        : []),
    ],
    abort,
  };
};

const roles = { responder: role.RESPONDER, authorizer: role.AUTHORIZER, filter: role.FILTER } as const;
const roleNames = Object.keys(roles) as Role[];

const variablesFor = (meta: MetaVariables, options: FastcgiOptions): MetaVariables => {
  if (options.role === 'authorizer') return new Map([...meta].filter(([name]) => !notForAuthorizers.has(name)));
  if (options.role === 'filter') {
    const { bytes, modifiedSeconds } = options.filterData;
    return new Map(meta).set('FCGI_DATA_LAST_MOD', String(modifiedSeconds)).set('FCGI_DATA_LENGTH', String(bytes.length));
  }
  return meta;
};

/** FastCGI §6.3 — they speak of the body and of the script, and an Authorizer is asked about the request alone. */
export const notForAuthorizers: ReadonlySet<string> = new Set(['CONTENT_LENGTH', 'PATH_INFO', 'PATH_TRANSLATED', 'SCRIPT_NAME']);

/** FastCGI §4.1: how many connections and requests will the program take? Each name once: libfcgi answers into 64 bytes. */
export const askValues = (): Buffer => writeValues(recordType.GET_VALUES, new Map(Array.from(oneAtATime.keys(), (name) => [name, ''])));

/** A GET_VALUES_RESULT: names and values; or WIRE_BROKEN. */
export const readValues = (record: FcgiRecord): Map<string, string> | Failure => readPairs(record.content);

const readTelling = (idAt: (turn: number) => number, aside: (told: ToldAside) => void): FastcgiTellingReader => {
  /** The id of the answer that is awaited; undefined between answers. */
  let awaited: number | undefined = idAt(0);
  let strays = 0;
  let outputBytes = 0;

  const listener = listen<Told>((record, tell) => {
    const { type, requestId, content } = record;
    if (requestId === nullRequestId) return hearManagement(record);
    // FastCGI §3.3 — records of an id that is not active are no error: the two sides cross on the way.
    if (requestId !== awaited) {
      strays += 1;
      return undefined;
    }
    if (type === recordType.END_REQUEST) return hearEnd(record, tell);
    if (type !== recordType.STDOUT && type !== recordType.STDERR) return misplaced(record, 'STDOUT, STDERR or END_REQUEST');
    // An empty record ends the stream; but php-fpm sends none, others send several, and only END_REQUEST can be relied on.
    if (content.length === 0) return undefined;
    if (type === recordType.STDOUT) outputBytes += content.length;
    tell({ kind: type === recordType.STDOUT ? 'output' : 'errors', bytes: content });
    return undefined;
  });

  const hearManagement = (record: FcgiRecord): Failure | undefined => {
    if (record.type === recordType.UNKNOWN_TYPE && record.content.length > 0) aside({ kind: 'unknownType', type: record.content[0]! });
    else if (record.type === recordType.GET_VALUES_RESULT) {
      const values = readValues(record);
      if (isFailure(values)) return values;
      aside({ kind: 'values', values });
    } else if (record.type <= recordType.DATA) {
      return misplaced(record, 'the id of a request'); // FastCGI appendix A — types 1 to 8 are about a request.
    } else strays += 1;
    return undefined;
  };

  const hearEnd = (record: FcgiRecord, tell: (told: Told) => void): Failure | undefined => {
    if (record.content.length < bodyBytes) return shortBody(record);
    const appStatus = record.content.readUInt32BE(0);
    const status = record.content[4]!;
    awaited = undefined;
    if (status === protocolStatus.REQUEST_COMPLETE) {
      tell({ kind: 'ended', appStatus });
      return undefined;
    }
    const detail = `END_REQUEST of request ${record.requestId} says ${statusName(status)}`;
    const code = refusals.get(status);
    if (code === undefined) return failure('WIRE_BROKEN', { detail });
    tell({ kind: 'failed', why: failure(code, { detail }) });
    return undefined;
  };

  const expect = (requestId: number): void => {
    awaited = requestId;
    outputBytes = 0;
  };

  return {
    push: listener.push,
    expect,
    next: (turn) => expect(idAt(turn)),
    strays: () => strays,
    end() {
      if (listener.over()) return [];
      const cut = listener.end();
      if (awaited === undefined) return [];
      if (cut?.code === 'WIRE_BROKEN') return [{ kind: 'failed', why: cut }];
      const where = cut ? `: ${cut.evidence.detail}` : '';
      const detail = `the connection ended after ${outputBytes} bytes of STDOUT and before END_REQUEST${where}`;
      return [{ kind: 'failed', why: failure('WIRE_TRUNCATED', { detail, outputBytes }) }];
    },
  };
};

/** FastCGI §5.5. The connection stays as good as it was. */
const refusals = new Map<number, FailureCode>([
  [protocolStatus.CANT_MPX_CONN, 'WIRE_CANT_MULTIPLEX'],
  [protocolStatus.OVERLOADED, 'WIRE_OVERLOADED'],
  [protocolStatus.UNKNOWN_ROLE, 'WIRE_UNKNOWN_ROLE'],
]);

// --- the program's side -------------------------------------------------------------------------------------------------

/** The records of one answer. */
export const telling = (requestId: number): FastcgiTelling => {
  let errorsTold = false;
  return {
    output: (piece) => writeStream(recordType.STDOUT, requestId, piece),
    errors(piece) {
      errorsTold ||= piece.length > 0;
      return writeStream(recordType.STDERR, requestId, piece);
    },
    end(appStatus, status = protocolStatus.REQUEST_COMPLETE) {
      const end = writeEnd(requestId, appStatus, status);
      if (status !== protocolStatus.REQUEST_COMPLETE) return [end]; // Refused: no stream was begun.
      // FastCGI §6.1 — every stream has its empty record, even if it held nothing; STDERR only if it held something.
      const streams = errorsTold ? [recordType.STDOUT, recordType.STDERR] : [recordType.STDOUT];
      return [Buffer.concat([...streams.map((type) => writeRecord(type, requestId)), end])];
    },
  };
};

export interface FastcgiTelling extends Telling {
  end(appStatus: number, status?: number): Buffer[];
}

/** What libfcgi says of itself. */
export const oneAtATime: ReadonlyMap<string, string> = new Map([
  ['FCGI_MAX_CONNS', '1'],
  ['FCGI_MAX_REQS', '1'],
  ['FCGI_MPXS_CONNS', '0'],
]);

/** A request that has begun and is not answered yet. */
interface Active {
  readonly requestId: number;
  readonly role: Role;
  /** FastCGI §6.1 — streams come one after the other: which one is being heard, or what came of them. */
  stage: 'PARAMS' | 'STDIN' | 'DATA' | 'heard' | 'aborted';
  readonly params: ReturnType<typeof gather>;
  /** What CONTENT_LENGTH said, when it said something. */
  announcedBytes: number | undefined;
  bodyBytes: number;
}

const readAsking = (aside: (asked: AskedAside) => void, values: ReadonlyMap<string, string>): FastcgiAskingReader => {
  let active: Active | undefined;
  let strays = 0;

  const listener = listen<Asked>((record, say) => {
    if (record.requestId === nullRequestId) return hearManagement(record);
    if (record.type === recordType.BEGIN_REQUEST) return hearBegin(record);
    // FastCGI §3.3 — what is not about the active request is ignored. So is an Authorizer's STDIN, which lighttpd sends.
    const needless = active?.role === 'authorizer' && active.stage === 'heard' && record.type === recordType.STDIN;
    if (record.requestId !== active?.requestId || active.stage === 'aborted' || needless) {
      strays += 1;
      return undefined;
    }
    if (record.type === recordType.ABORT_REQUEST) {
      active.stage = 'aborted';
      say({ kind: 'aborted' });
      return undefined;
    }
    if (active.stage === 'heard') return misplaced(record, 'nothing more');
    if (record.type !== recordType[active.stage]) return misplaced(record, active.stage);
    if (record.type === recordType.PARAMS) return hearParams(active, record.content, say);
    if (record.type === recordType.STDIN) return hearBody(active, record.content, say);
    if (record.content.length > 0) aside({ kind: 'data', bytes: record.content });
    else heardAll(active, say);
    return undefined;
  });

  const hearManagement = (record: FcgiRecord): Failure | undefined => {
    if (record.type !== recordType.GET_VALUES) {
      aside({ kind: 'reply', bytes: writeUnknownType(record.type) });
      return undefined;
    }
    const asked = readPairs(record.content);
    if (isFailure(asked)) return asked;
    const known = new Map([...values].filter(([name]) => asked.has(name)));
    aside({ kind: 'reply', bytes: writeValues(recordType.GET_VALUES_RESULT, known) });
    return undefined;
  };

  const hearBegin = (record: FcgiRecord): Failure | undefined => {
    const { requestId, content } = record;
    if (content.length < bodyBytes) return shortBody(record);
    if (requestId === active?.requestId) return misplaced(record, 'the end of that request');
    const refuse = (status: number) => aside({ kind: 'reply', bytes: writeEnd(requestId, 0, status) });
    const played = roleNames.find((name) => roles[name] === content.readUInt16BE(0));
    if (active !== undefined) refuse(protocolStatus.CANT_MPX_CONN);
    else if (played === undefined) refuse(protocolStatus.UNKNOWN_ROLE);
    else {
      active = { requestId, role: played, stage: 'PARAMS', params: gather(), announcedBytes: undefined, bodyBytes: 0 };
      aside({ kind: 'begun', requestId, role: played, keep: (content[2]! & flag.KEEP_CONN) !== 0 });
    }
    return undefined;
  };

  return {
    push: listener.push,
    answered() {
      active = undefined;
    },
    strays: () => strays,
    end() {
      if (listener.over()) return [];
      const cut = listener.end();
      const stage = active?.stage;
      // FastCGI §5.4 — a server that does not multiplex may abort by closing the connection.
      if (stage === 'heard') return [{ kind: 'aborted' }];
      if (cut?.code === 'WIRE_BROKEN') return [{ kind: 'failed', why: cut }];
      if (stage === 'aborted' || (stage === undefined && cut === undefined)) return [];
      const where = [stage && `the connection ended before ${stage} did`, cut?.evidence.detail].filter(Boolean).join(': ');
      return [{ kind: 'failed', why: failure('WIRE_TRUNCATED', { detail: where }) }];
    },
  };
};

const hearParams = (active: Active, content: Buffer, say: (asked: Asked) => void): Failure | undefined => {
  if (content.length > 0) return active.params.add(content);
  const meta = readPairs(active.params.all(), wireVariablesMax);
  if (isFailure(meta)) return meta;
  const length = meta.get('CONTENT_LENGTH') ?? '';
  active.announcedBytes = /^\d{1,15}$/.test(length) ? Number(length) : undefined;
  active.stage = 'STDIN';
  say({ kind: 'variables', meta });
  if (active.role === 'authorizer') heardAll(active, say);
  return undefined;
};

/** FastCGI §6.2 — a program should compare CONTENT_LENGTH with what came, and not act on half an upload. */
const hearBody = (active: Active, content: Buffer, say: (asked: Asked) => void): Failure | undefined => {
  const { announcedBytes } = active;
  active.bodyBytes += content.length;
  const detail = `CONTENT_LENGTH is ${announcedBytes}, STDIN has ${active.bodyBytes} bytes`;
  if (announcedBytes !== undefined && active.bodyBytes > announcedBytes) return failure('WIRE_BROKEN', { detail });
  if (content.length > 0) {
    say({ kind: 'body', bytes: content });
    return undefined;
  }
  if (announcedBytes !== undefined && active.bodyBytes < announcedBytes) return failure('WIRE_TRUNCATED', { detail });
  if (active.role === 'filter') active.stage = 'DATA';
  else heardAll(active, say);
  return undefined;
};

const heardAll = (active: Active, say: (asked: Asked) => void): void => {
  active.stage = 'heard';
  say({ kind: 'bodyEnd' });
};

// --- both sides ---------------------------------------------------------------------------------------------------------

/** Hands each record to `hear`, until the bytes or what they mean break the wire: that is said last, and then nothing more. */
const listen = <Event>(hear: (record: FcgiRecord, say: (event: Event | Failed) => void) => Failure | undefined) => {
  const records = recordReader();
  let over = false;
  return {
    over: () => over,
    push(bytes: Buffer): (Event | Failed)[] {
      const events: (Event | Failed)[] = [];
      if (over) return events;
      let broken: Failure | undefined;
      for (const record of records.push(bytes)) {
        broken = hear(record, (event) => events.push(event));
        if (broken !== undefined) break;
      }
      broken ??= records.broken();
      if (broken !== undefined) events.push({ kind: 'failed', why: broken });
      over = broken !== undefined;
      return events;
    },
    /** What the end of the connection cuts off. */
    end(): Failure | undefined {
      over = true;
      return records.end();
    },
  };
};

type Failed = Extract<Told, { kind: 'failed' }>;

const misplaced = ({ at, type, requestId }: FcgiRecord, instead: string): Failure =>
  failure('WIRE_BROKEN', { detail: `byte ${at}: ${typeName(type)} of request ${requestId}, where ${instead} is expected` });

const shortBody = ({ at, type, content }: FcgiRecord): Failure =>
  failure('WIRE_BROKEN', { detail: `byte ${at}: ${typeName(type)} has a body of ${content.length} bytes, not ${bodyBytes}` });

/** Pieces of PARAMS in one place that doubles: linear and bounded, however small they are. */
const gather = () => {
  let place = Buffer.alloc(0);
  let filled = 0;
  return {
    add(piece: Buffer): Failure | undefined {
      const bytes = filled + piece.length;
      if (bytes > wireVariablesBytesMax)
        return failure('WIRE_VARIABLES_TOO_LARGE', { detail: `more than ${wireVariablesBytesMax} bytes of PARAMS` });
      if (bytes > place.length) {
        const larger = Buffer.allocUnsafe(Math.max(bytes, 2 * place.length));
        place.copy(larger, 0, 0, filled);
        place = larger;
      }
      piece.copy(place, filled);
      filled = bytes;
      return undefined;
    },
    all: () => place.subarray(0, filled),
  };
};
