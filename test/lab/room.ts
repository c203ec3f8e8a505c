/** A server with scripts of its own and a lab that shows it, for one test. */
import type { TestContext } from 'node:test';
import { createLab, type Lab, type LabOptions } from '../../src/lab/lab.js';
import { type House, type HouseOptions, house } from '../support/house.js';
import { type Answer, requestText, talk } from '../support/wire.js';

export interface Room {
  readonly h: House;
  readonly lab: Lab;
  readonly port: number;
  /** `http://127.0.0.1:PORT` */
  readonly origin: string;
  /** What a browser has after `/enter`. */
  enter(): Promise<{ home: string; cookie: string }>;
  /** One request to the lab, with its right Host unless `headers` says otherwise. */
  ask(method: string, target: string, headers?: Record<string, string>, body?: string): Promise<Answer>;
  /** The same with the key, as a program does it; the answer's JSON. */
  json<T>(target: string): Promise<T>;
}

export async function room(t: TestContext, site: HouseOptions = {}, options: Partial<LabOptions> & { demo?: string } = {}): Promise<Room> {
  const lab = createLab({ present: false, pools: () => h.server.site.pools, ...options });
  const h = await house({ ...site, tap: lab.tap, onExchange: lab.exchange });
  const shown = {
    ...{ url: `http://127.0.0.1:${h.port}`, demo: options.demo },
    house: { aim: { address: '127.0.0.1', port: h.port }, births: h.server.births },
  };
  const { port } = await lab.listen({ port: 0, host: '127.0.0.1' }, shown);
  t.after(async () => {
    await lab.close();
    await h.stop();
  });
  const origin = `http://127.0.0.1:${port}`;
  const ask: Room['ask'] = (method, target, headers = {}, body = '') => {
    const length = body === '' ? {} : { 'Content-Length': String(Buffer.byteLength(body)) };
    return talk(port, requestText(method, target, { Host: `127.0.0.1:${port}`, ...length, ...headers }) + body, { method });
  };
  return {
    h,
    lab,
    port,
    origin,
    ask,
    async enter() {
      const answer = await ask('POST', '/enter', { Origin: origin }, lab.key);
      const { home } = JSON.parse(answer.text) as { home: string };
      return { home, cookie: (answer.get('set-cookie') ?? '').split(';', 1)[0]! };
    },
    async json<T>(target: string) {
      return JSON.parse((await ask('GET', target, { Authorization: `Bearer ${lab.key}` })).text) as T;
    },
  };
}
