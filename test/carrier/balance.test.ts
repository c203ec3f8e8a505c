/**
 * Which address a request goes to: the least busy of those that are well; who failed too often rests, and comes back on probation.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Balance, balance, type Peer } from '../../src/carrier/balance.js';

const nobody: readonly Peer<string>[] = [];
const bounds = { failuresMax: 3, outMs: 1_000, probed: false, changed() {} };
const two = () => balance(['a', 'b'], bounds);

const take = (peers: Balance<string>, atMs = 0, tried = nobody): Peer<string> => {
  const peer = peers.take(atMs, tried);
  assert.ok(peer, 'somebody takes it');
  return peer;
};
const of = (peers: Balance<string>, address: string): Peer<string> => peers.peers.find((peer) => peer.address === address)!;
const fail = (peers: Balance<string>, address: string, times: number, atMs = 0): void => {
  const peer = of(peers, address);
  for (let i = 0; i < times; i++) {
    peer.inFlight += 1;
    peers.give(peer, false, atMs, 'broken');
  }
};
/** Two addresses, and all that is told of them: `a out: why, 1 well`. */
const told = (probed: boolean) => {
  const story: string[] = [];
  const changed = (address: string, why: string | undefined, wellCount: number) =>
    void story.push(`${address} ${why === undefined ? 'back' : `out: ${why}`}, ${wellCount} well`);
  return { peers: balance(['a', 'b'], { ...bounds, probed, changed }), story };
};

test('equals take turns', () => {
  const peers = balance(['a', 'b', 'c'], bounds);
  const seen = Array.from({ length: 6 }, () => {
    const peer = take(peers);
    peers.give(peer, true, 0);
    return peer.address;
  });
  assert.equal(new Set(seen.slice(0, 3)).size, 3);
  assert.deepEqual(seen.slice(3), seen.slice(0, 3));
});

test('the least in flight is taken', () => {
  const peers = two();
  of(peers, 'a').inFlight = 2;
  assert.equal(take(peers).address, 'b');
  assert.equal(take(peers).address, 'b');
  assert.equal(of(peers, 'b').inFlight, 2);
});

test('one that was tried in vain is not tried again; when all were, there is nobody', () => {
  const peers = two();
  const first = take(peers);
  peers.give(first, false, 0);
  const second = take(peers, 0, [first]);
  assert.notEqual(second, first);
  assert.equal(peers.take(0, [first, second]), undefined);
});

test('so many failures in a row take it out; a success between them starts the count anew', () => {
  const peers = two();
  fail(peers, 'a', 2);
  const peer = of(peers, 'a');
  peer.inFlight += 1;
  peers.give(peer, true, 0);
  fail(peers, 'a', 2);
  of(peers, 'b').inFlight = 5;
  assert.equal(take(peers).address, 'a', 'two in a row are not three');
  fail(peers, 'a', 1);
  for (let i = 0; i < 5; i++) assert.equal(take(peers, 999).address, 'b');
});

test('after its rest it gets one request at a time, until one has gone well', () => {
  const peers = two();
  fail(peers, 'a', 3);
  of(peers, 'b').inFlight = 9;
  const probe = take(peers, 1_000);
  assert.equal(probe.address, 'a');
  assert.equal(take(peers, 1_000).address, 'b', 'no second one beside the probe');
  peers.give(probe, true, 1_001);
  assert.equal(take(peers, 1_001).address, 'a');
  assert.equal(take(peers, 1_001).address, 'a');
});

test('a probe that fails sends it to rest again, at once', () => {
  const peers = two();
  fail(peers, 'a', 3);
  of(peers, 'b').inFlight = 9;
  const probe = take(peers, 1_500);
  assert.equal(probe.address, 'a');
  peers.give(probe, false, 1_600);
  assert.equal(take(peers, 2_599).address, 'b');
  assert.equal(take(peers, 2_600).address, 'a');
});

test('when none is well all are tried: a refusal costs less than an answer that never comes', () => {
  const peers = two();
  fail(peers, 'a', 3);
  fail(peers, 'b', 3);
  const first = take(peers, 1);
  const second = take(peers, 1, [first]);
  assert.deepEqual(new Set([first.address, second.address]), new Set(['a', 'b']));
});

test('a client that left says nothing of the program', () => {
  const peers = two();
  fail(peers, 'a', 2);
  const peer = of(peers, 'a');
  peer.inFlight += 1;
  peers.give(peer, undefined, 0);
  assert.equal(peer.failures, 2);
  assert.equal(peer.inFlight, 0);
});

test('a request that lasts does not keep its address out', () => {
  const peers = two();
  of(peers, 'a').inFlight = 1;
  fail(peers, 'a', 3);
  of(peers, 'b').inFlight = 9;
  assert.equal(take(peers, 999).address, 'b');
  assert.equal(take(peers, 1_000).address, 'a');
  assert.equal(take(peers, 1_000).address, 'b', 'one at a time');
});

test('one whose client left says nothing: another follows, as long after', () => {
  const peers = two();
  fail(peers, 'a', 3);
  of(peers, 'b').inFlight = 9;
  peers.give(take(peers, 1_000), undefined, 1_001);
  assert.equal(take(peers, 1_999).address, 'b');
  assert.equal(take(peers, 2_000).address, 'a');
});

test('out and back are told, each once', () => {
  const { peers, story } = told(false);
  fail(peers, 'a', 5);
  assert.deepEqual(story, ['a out: broken, 1 well']);
  fail(peers, 'b', 3);
  assert.deepEqual(story.splice(0), ['a out: broken, 1 well', 'b out: broken, 0 well']);
  const peer = of(peers, 'a');
  for (let i = 0; i < 2; i++) {
    peer.inFlight += 1;
    peers.give(peer, true, 0);
  }
  assert.deepEqual(story, ['a back, 1 well']);
});

test('probed: no request is sent to find out; a connection brings it back, and the next failure out again', () => {
  const { peers, story } = told(true);
  fail(peers, 'a', 3);
  of(peers, 'b').inFlight = 9;
  assert.deepEqual(peers.doubtful(999), [], 'a has its rest, b its requests');
  assert.deepEqual(peers.doubtful(1_000), [of(peers, 'a')]);
  assert.equal(take(peers, 1_000).address, 'b');
  peers.probed(of(peers, 'a'), 'ECONNREFUSED', 1_000);
  assert.deepEqual(peers.doubtful(1_999), []);
  peers.probed(of(peers, 'a'), undefined, 2_000);
  assert.deepEqual(story.splice(0), ['a out: broken, 1 well', 'a back, 2 well']);
  assert.equal(take(peers, 2_000).address, 'a');
  fail(peers, 'a', 1, 2_001);
  assert.deepEqual(story, ['a out: broken, 1 well']);
});

test('probed: one that takes no connection is out at once; one that takes them is no better for it', () => {
  const { peers, story } = told(true);
  assert.deepEqual(
    peers.doubtful(0).map(({ address }) => address),
    ['a', 'b'],
  );
  fail(peers, 'a', 2);
  peers.probed(of(peers, 'a'), undefined, 0);
  assert.equal(of(peers, 'a').failures, 2);
  peers.probed(of(peers, 'b'), 'ENOENT', 0);
  assert.deepEqual(story, ['b out: ENOENT, 1 well']);
  for (let i = 0; i < 4; i++) assert.equal(take(peers, 1).address, 'a');
});
