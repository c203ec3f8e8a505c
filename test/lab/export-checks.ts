/** Checkers that are as strict as the formats' own descriptions: each returns what is wrong. */

type Json = Record<string, unknown>;

/** HAR 1.2: required fields and their types, times that add up, no field that is neither known nor marked as custom by `_`. */
export const harComplaints = (har: unknown): string[] => {
  const wrong: string[] = [];
  const check = (ok: boolean, what: string): void => void (ok || wrong.push(what));
  const record = (value: unknown, at: string, required: Record<string, string>, optional: Record<string, string> = {}): Json => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      wrong.push(`${at} is no object`);
      return {};
    }
    const known: Record<string, string> = { ...required, ...optional, comment: 'string' };
    for (const name of Object.keys(required)) check(name in value, `${at}.${name} is missing`);
    for (const [name, inside] of Object.entries(value)) {
      if (name.startsWith('_')) continue;
      const type = Array.isArray(inside) ? 'array' : inside === null ? 'null' : typeof inside;
      check(known[name] === type, `${at}.${name} is ${type}, not ${known[name] ?? 'known'}`);
    }
    return value as Json;
  };
  const pairs = (value: unknown, at: string): void => {
    for (const [i, pair] of (value as unknown[]).entries()) record(pair, `${at}[${i}]`, { name: 'string', value: 'string' });
  };

  const { log } = record(har, 'har', { log: 'object' });
  const {
    version,
    creator,
    entries = [],
  } = record(log, 'log', { version: 'string', creator: 'object', entries: 'array' }, { pages: 'array' });
  check(version === '1.2', 'log.version');
  record(creator, 'log.creator', { name: 'string', version: 'string' });
  let last = '';
  for (const [i, one] of (entries as unknown[]).entries()) {
    const at = `entries[${i}]`;
    const entry = record(
      one,
      at,
      ...[{ startedDateTime: 'string', time: 'number', request: 'object', response: 'object', cache: 'object', timings: 'object' }],
    );
    const started = String(entry.startedDateTime);
    check(
      /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(started) && !Number.isNaN(Date.parse(started)),
      `${at}.startedDateTime ${started}`,
    );
    last = started;

    const numbers = { send: 'number', wait: 'number', receive: 'number' };
    const timings = record(entry.timings, `${at}.timings`, numbers, { blocked: 'number', dns: 'number', connect: 'number', ssl: 'number' });
    let sum = 0;
    for (const [name, ms] of Object.entries(timings) as [string, number][]) {
      check(ms >= 0 || (ms === -1 && !(name in numbers)), `${at}.timings.${name} is ${ms}`);
      sum += Math.max(0, ms);
    }
    check(Math.abs(sum - (entry.time as number)) < 0.001, `${at}.time ${entry.time} is not the sum of its timings ${sum}`);

    const common = { httpVersion: 'string', cookies: 'array', headers: 'array', headersSize: 'number', bodySize: 'number' };
    const request = record(
      ...([
        entry.request,
        `${at}.request`,
        { ...common, method: 'string', url: 'string', queryString: 'array' },
        { postData: 'object' },
      ] as const),
    );
    check(URL.canParse(String(request.url)), `${at}.request.url`);
    pairs(request.headers, `${at}.request.headers`);
    pairs(request.queryString, `${at}.request.queryString`);
    if (request.postData) {
      const posted = record(request.postData, `${at}.postData`, { mimeType: 'string' }, { params: 'array', text: 'string' });
      check(!('params' in posted && 'text' in posted), `${at}.postData has params and text`);
    }
    const response = record(
      ...([
        entry.response,
        `${at}.response`,
        { ...common, status: 'number', statusText: 'string', content: 'object', redirectURL: 'string' },
      ] as const),
    );
    pairs(response.headers, `${at}.response.headers`);
    const optional = { text: 'string', encoding: 'string', compression: 'number' };
    const content = record(response.content, `${at}.content`, { size: 'number', mimeType: 'string' }, optional);
    check(content.encoding === undefined || content.encoding === 'base64', `${at}.content.encoding`);
    check(content.mimeType !== '', `${at}.content.mimeType is empty`);
    for (const [name, size] of Object.entries({ ...request, ...response })) {
      if (/Size$/.test(name)) check(Number.isInteger(size) && (size as number) >= -1, `${at} ${name} ${size}`);
    }
  }
  check(last !== '' || (entries as unknown[]).length === 0, 'no entry has a time');
  return wrong;
};

export interface TraceEvent {
  ph: string;
  name: string;
  pid: number;
  tid: number;
  ts: number;
  dur: number;
  cat?: string;
  id?: number;
  bp?: string;
  args?: Record<string, unknown>;
}

/** Trace Event Format: numbers, names, bars that nest, every B with its E, every arrow with two ends that lie in bars. */
export const traceComplaints = ({ traceEvents }: { traceEvents: TraceEvent[] }): string[] => {
  const wrong: string[] = [];
  const whole = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
  const threads = new Map<string, TraceEvent[]>();
  const named = new Set<number>();
  for (const [i, event] of traceEvents.entries()) {
    const at = `event ${i} (${event.ph} ${event.name})`;
    if (!['X', 'M', 's', 'f', 'B', 'E'].includes(event.ph)) wrong.push(`${at}: a phase that is not expected`);
    if (typeof event.name !== 'string' || event.name === '') wrong.push(`${at}: no name`);
    if (!whole(event.pid) || !whole(event.tid)) wrong.push(`${at}: pid ${event.pid}, tid ${event.tid}`);
    if (event.ph === 'M') {
      if (event.name !== 'process_name' || typeof event.args?.name !== 'string') wrong.push(`${at}: metadata`);
      if (named.has(event.pid)) wrong.push(`${at}: process ${event.pid} is named twice`);
      named.add(event.pid);
      continue;
    }
    if (!whole(event.ts)) wrong.push(`${at}: ts ${event.ts}`);
    if (event.ph === 'X' && !whole(event.dur)) wrong.push(`${at}: dur ${event.dur}`);
    if (event.ph === 'f' && event.bp !== 'e') wrong.push(`${at}: an arrow's end binds to the next bar`);
    const key = `${event.pid} ${event.tid}`;
    threads.set(key, [...(threads.get(key) ?? []), event]);
  }
  for (const [key, events] of threads) {
    if (!named.has(events[0]!.pid)) wrong.push(`process ${events[0]!.pid} has no name`);
    const bars = events.filter(({ ph }) => ph === 'X').sort((a, b) => a.ts - b.ts || b.dur - a.dur);
    const open: TraceEvent[] = [];
    for (const bar of bars) {
      while (open.length > 0 && open.at(-1)!.ts + open.at(-1)!.dur <= bar.ts) open.pop();
      const outer = open.at(-1);
      if (outer && outer.ts + outer.dur < bar.ts + bar.dur)
        wrong.push(`thread ${key}: ${bar.name} begins in ${outer.name} and ends after it`);
      open.push(bar);
    }
    let depth = 0;
    for (const { ph } of events) depth += ph === 'B' ? 1 : ph === 'E' ? -1 : 0;
    if (depth !== 0) wrong.push(`thread ${key}: ${depth} more B than E`);
    for (const arrow of events.filter(({ ph }) => ph === 's' || ph === 'f')) {
      if (!bars.some(({ ts, dur }) => ts <= arrow.ts && arrow.ts <= ts + dur))
        wrong.push(`thread ${key}: arrow ${arrow.id} ends in no bar`);
    }
  }
  const ends = new Map<number, string>();
  for (const { ph, id } of traceEvents) if (ph === 's' || ph === 'f') ends.set(id!, (ends.get(id!) ?? '') + ph);
  for (const [id, both] of ends) if (both !== 'sf') wrong.push(`arrow ${id} is ${both}`);
  return wrong;
};
