/**
 * A house whose `/app` is answered by a scripted program, over one connection at a time: a slot that leaks is a request that waits.
 */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { type House, type HouseOptions, house } from '../support/house.js';
import { type Answer, get } from '../support/wire.js';
import { type Peer, type PeerOptions, peerOf, type Visit, type WireName } from './peers.js';

export interface Talk extends House {
  readonly peer: Peer;
  /** The program's slot is free and the program well: the next request is answered as if nothing had been. */
  well(): Promise<void>;
}

export async function talkTo(
  t: TestContext,
  wire: WireName,
  visit: (visit: Visit) => void,
  options: HouseOptions & PeerOptions = {},
): Promise<Talk> {
  const { over, connected, ...rest } = options;
  const peer = await peerOf(t, wire, (one) => (one.meta.get('PATH_INFO') === '/well' ? one.answer('well') : visit(one)), {
    ...(over ? { over } : {}),
    ...(connected ? { connected } : {}),
  });
  const h = await house({ mounts: [{ wire, where: '/app', address: peer.address }], connections: 1, ...rest });
  t.after(() => h.stop());
  const well = async () => {
    const answer = await get(h.port, '/app/well');
    assert.equal(`${answer.status} ${answer.text}`, '200 well');
    assert.ok(answer.complete);
  };
  return { ...h, peer, well };
}

/** An answer that is whole, or says honestly that it is not. */
export const is = (answer: Answer, status: number, text?: string): void => {
  assert.equal(answer.status, status, answer.raw.toString('latin1').slice(0, 600));
  assert.ok(answer.complete, 'the answer is whole');
  if (text !== undefined) assert.equal(answer.text, text);
};
