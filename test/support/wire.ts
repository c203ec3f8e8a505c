/**
 * An HTTP client that believes nothing: one TCP connection, bytes in, bytes out. It sends what a test says, however wrong,
 * and takes answers apart by RFC 9112 §6 (Content-Length, chunked with trailers, until close, none), so that a test can tell
 * an answer that ended from one that was broken off.
 */
import { connect, type Socket } from 'node:net';

export interface Answer {
  status: number;
  reason: string;
  /** `HTTP/1.1` */
  version: string;
  headers: [name: string, value: string][];
  /** All values of a field joined by `, `; undefined when it is absent. */
  get(name: string): string | undefined;
  all(name: string): string[];
  body: Buffer;
  /** The body as UTF-8. */
  text: string;
  chunked: boolean;
  trailers: [name: string, value: string][];
  /** The framing ended properly: last chunk seen, Content-Length reached, or a clean FIN where only that ends it. */
  complete: boolean;
  /** Every byte of this answer, as it came. */
  raw: Buffer;
}

export interface AnswerOptions {
  /** The request's method: the answer to HEAD has no body, nor has a 2xx to CONNECT. */
  method?: string;
  timeoutMs?: number;
}

const patienceMs = 20_000;

export class Wire {
  /** `end`: FIN, everything arrived. `reset`: broken off. */
  readonly closed: Promise<'end' | 'reset'>;
  private pieces: Buffer[] = [];
  private held = 0;
  private taken: Buffer[] = [];
  private over: 'end' | 'reset' | undefined;
  private wake = () => {};

  static open(port: number, host = '127.0.0.1'): Promise<Wire> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host, noDelay: true });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new Wire(socket));
      });
    });
  }

  private constructor(readonly socket: Socket) {
    this.closed = new Promise((resolve) => {
      const finish = (how: 'end' | 'reset') => {
        this.over ??= how;
        resolve(this.over);
        this.wake();
      };
      // A reset that is there when the last bytes are read looks like an end to libuv; but the kernel no longer knows the peer then.
      // Prepended, because Node's own listener half-closes, after which it may not know it either.
      socket.prependListener('end', () => finish(!socket.writableEnded && socket.remoteAddress === undefined ? 'reset' : 'end'));
      socket.on('error', () => finish('reset'));
      socket.on('close', () => finish('end'));
    });
    socket.on('data', (piece) => {
      this.pieces.push(piece);
      this.held += piece.length;
      this.wake();
    });
  }

  /** Strings go out as ISO-8859-1: `'\xff'` is one byte. */
  send(data: string | Buffer): void {
    this.socket.write(typeof data === 'string' ? Buffer.from(data, 'latin1') : data);
  }

  /** Like `send`, but resolves when the kernel has taken all of it; false when the connection broke first. */
  sent(data: string | Buffer): Promise<boolean> {
    const bytes = typeof data === 'string' ? Buffer.from(data, 'latin1') : data;
    return new Promise((resolve) => {
      this.socket.write(bytes, (error) => resolve(!error));
      void this.closed.then((how) => how === 'reset' && resolve(false));
    });
  }

  /** FIN: nothing more to send, still reading. */
  end(): void {
    this.socket.end();
  }

  /** RST. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  /** Takes nothing from the network until `resume()`, as a stalled client does. */
  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  close(): void {
    this.socket.destroy();
  }

  /** The next answer on the connection, interim (1xx) ones included. Throws when there is none, or it is not HTTP. */
  async answer(options: AnswerOptions = {}): Promise<Answer> {
    const deadline = Date.now() + (options.timeoutMs ?? patienceMs);
    this.taken = [];
    const statusLine = await this.line(deadline, 'a status line');
    const [, version, code, reason] = /^(HTTP\/\d\.\d) (\d{3})(?: (.*))?$/s.exec(statusLine) ?? [];
    if (version === undefined) throw new Error(`not a status line: ${JSON.stringify(statusLine)}, then ${this.preview()}`);
    const status = Number(code);
    const headers = await this.fields(deadline);
    const all = (name: string) => headers.filter(([n]) => n.toLowerCase() === name.toLowerCase()).map(([, value]) => value);
    const get = (name: string) => (all(name).length > 0 ? all(name).join(', ') : undefined);

    const chunked = /(^|,)\s*chunked\s*$/i.test(get('transfer-encoding') ?? '');
    const lengths = all('content-length');
    if (chunked && lengths.length > 0) throw new Error(`the answer has Transfer-Encoding and Content-Length: ${statusLine}`);
    if (lengths.length > 1) throw new Error(`the answer has ${lengths.length} Content-Length fields: ${statusLine}`);

    const none =
      status < 200 || status === 204 || status === 304 || options.method === 'HEAD' || (options.method === 'CONNECT' && status < 300);
    let body: Buffer = Buffer.alloc(0);
    let trailers: [string, string][] = [];
    let complete = true;
    if (none) {
      // RFC 9112 §6.3: these end with their head, whatever it says of a length.
    } else if (chunked) {
      ({ body, trailers, complete } = await this.chunks(deadline));
    } else if (lengths[0] !== undefined) {
      if (!/^\d+$/.test(lengths[0])) throw new Error(`the answer's Content-Length is ${JSON.stringify(lengths[0])}`);
      body = await this.take(Number(lengths[0]), deadline);
      complete = body.length === Number(lengths[0]);
    } else {
      await this.wait(() => this.over !== undefined, deadline, 'the connection to close');
      body = this.shift(this.held);
      complete = this.over === 'end';
    }
    const raw = Buffer.concat(this.taken);
    return { status, reason: reason ?? '', version, headers, get, all, body, text: body.toString(), chunked, trailers, complete, raw };
  }

  /** The next answer that is not interim. */
  async finalAnswer(options: AnswerOptions = {}): Promise<Answer> {
    for (;;) {
      const answer = await this.answer(options);
      if (answer.status >= 200 || answer.status === 101) return answer;
    }
  }

  /** Every byte from here until the connection is over. */
  async rest(timeoutMs = patienceMs): Promise<Buffer> {
    await this.wait(() => this.over !== undefined, Date.now() + timeoutMs, 'the connection to close');
    return this.shift(this.held);
  }

  /** Waits until the bytes that are here, and not yet taken by `answer` or `rest`, contain `text`. Takes nothing. */
  async seen(text: string, timeoutMs = patienceMs): Promise<void> {
    const found = () => this.joined().includes(text, 0, 'latin1');
    await this.wait(() => found() || this.over !== undefined, Date.now() + timeoutMs, JSON.stringify(text));
    if (!found()) throw new Error(`the connection closed before ${JSON.stringify(text)}: ${this.preview()}`);
  }

  /** What is here and not yet taken. */
  waiting(): Buffer {
    return this.joined();
  }

  private async chunks(deadline: number): Promise<Pick<Answer, 'body' | 'trailers' | 'complete'>> {
    const parts: Buffer[] = [];
    const broken = () => ({ body: Buffer.concat(parts), trailers: [], complete: false });
    for (;;) {
      const sizeLine = await this.line(deadline, 'a chunk size').catch((error) => error as Error);
      if (sizeLine instanceof Error) {
        if (this.over === undefined) throw sizeLine;
        return broken();
      }
      const size = /^([0-9a-f]{1,12})\s*(;.*)?$/i.exec(sizeLine)?.[1];
      if (size === undefined) throw new Error(`not a chunk size: ${JSON.stringify(sizeLine)}`);
      if (/^0+$/.test(size)) {
        const trailers = await this.fields(deadline).catch((error) => {
          if (this.over === undefined) throw error;
          return undefined;
        });
        return trailers ? { body: Buffer.concat(parts), trailers, complete: true } : broken();
      }
      const bytes = await this.take(Number.parseInt(size, 16), deadline);
      parts.push(bytes);
      if (bytes.length < Number.parseInt(size, 16)) return broken();
      const crlf = await this.take(2, deadline);
      if (crlf.length < 2) return broken();
      if (crlf.toString('latin1') !== '\r\n') throw new Error('a chunk is longer than its size says');
    }
  }

  private async fields(deadline: number): Promise<[string, string][]> {
    const fields: [string, string][] = [];
    for (;;) {
      const line = await this.line(deadline, 'a header field');
      if (line === '') return fields;
      const colon = line.indexOf(':');
      if (colon < 1) throw new Error(`not a header field: ${JSON.stringify(line)}`);
      fields.push([line.slice(0, colon), line.slice(colon + 1).trim()]);
    }
  }

  /** Up to LF, without its LF or CRLF: NPH scripts may write either. */
  private async line(deadline: number, what: string): Promise<string> {
    let at = -1;
    await this.wait(
      () => {
        at = this.joined().indexOf(0x0a);
        return at >= 0 || this.over !== undefined;
      },
      deadline,
      what,
    );
    if (at < 0) throw new Error(`the connection closed (${this.over}) where ${what} was expected; last bytes: ${this.preview()}`);
    return this.shift(at + 1)
      .toString('latin1')
      .replace(/\r?\n$/, '');
  }

  /** `count` bytes, or fewer when the connection is over. */
  private async take(count: number, deadline: number): Promise<Buffer> {
    await this.wait(() => this.held >= count || this.over !== undefined, deadline, `${count} bytes`);
    return this.shift(Math.min(count, this.held));
  }

  private shift(count: number): Buffer {
    const all = this.joined();
    const part = all.subarray(0, count);
    this.pieces = count < all.length ? [all.subarray(count)] : [];
    this.held -= count;
    this.taken.push(part);
    return part;
  }

  private joined(): Buffer {
    if (this.pieces.length !== 1) this.pieces = [Buffer.concat(this.pieces)];
    return this.pieces[0]!;
  }

  private wait(condition: () => boolean, deadline: number, what: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (!condition()) return;
        clearTimeout(timer);
        this.wake = () => {};
        resolve();
      };
      const timer = setTimeout(
        () => {
          this.wake = () => {};
          reject(new Error(`timed out waiting for ${what}; ${this.held} bytes here: ${this.preview()}`));
        },
        Math.max(0, deadline - Date.now()),
      );
      this.wake = look;
      look();
    });
  }

  private preview(): string {
    return JSON.stringify(
      Buffer.concat([...this.taken, this.joined()])
        .subarray(-300)
        .toString('latin1'),
    );
  }
}

/** One connection, one final answer, then closed. */
export async function talk(port: number, request: string | Buffer, options: AnswerOptions = {}): Promise<Answer> {
  const wire = await Wire.open(port);
  try {
    wire.send(request);
    return await wire.finalAnswer(options);
  } finally {
    wire.close();
  }
}

export function get(port: number, target: string, headers: Record<string, string> = {}): Promise<Answer> {
  return talk(port, requestText('GET', target, headers));
}

export function post(port: number, target: string, body: string | Buffer, headers: Record<string, string> = {}): Promise<Answer> {
  const bytes = Buffer.from(body);
  const head = requestText('POST', target, { 'Content-Length': String(bytes.length), ...headers });
  return talk(port, Buffer.concat([Buffer.from(head, 'latin1'), bytes]));
}

/** A request head with `Host: localhost` and `Connection: close` unless `headers` says otherwise. */
export function requestText(method: string, target: string, headers: Record<string, string> = {}): string {
  const has = (name: string) => Object.keys(headers).some((key) => key.toLowerCase() === name);
  const fields = { ...(has('host') ? {} : { Host: 'localhost' }), ...(has('connection') ? {} : { Connection: 'close' }), ...headers };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`;
}
