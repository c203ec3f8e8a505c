/** The port policy, against a system that answers as told; and who holds a port, on this one. */
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { holderOf, type Listen, listenSomewhere } from '../../src/cli/port.js';
import { Mistake } from '../../src/cli/words.js';

const system =
  (busy: readonly number[], code = 'EADDRINUSE'): Listen =>
  async ({ port, host }) => {
    if (busy.includes(port)) throw Object.assign(new Error(code), { code, address: host[0] });
    return host.map((address) => ({ address, port: port || 49_000 }));
  };

const refused = async (act: Promise<unknown>, expected: RegExp): Promise<void> => {
  await assert.rejects(act, (error) => {
    assert.ok(error instanceof Mistake, String(error));
    assert.equal(error.exitCode, 3);
    assert.match(error.what.en, expected);
    return true;
  });
};

test('the default port moves on when it is taken, and says so', async () => {
  assert.deepEqual(await listenSomewhere(system([]), undefined, undefined), {
    endpoints: [
      { address: '127.0.0.1', port: 8000 },
      { address: '::1', port: 8000 },
    ],
    busyPort: undefined,
  });
  const moved = await listenSomewhere(system([8000, 8001]), undefined, ['0.0.0.0']);
  assert.deepEqual(moved, { endpoints: [{ address: '0.0.0.0', port: 8002 }], busyPort: 8000 });
});

test('it does not move for ever, nor for another reason', async () => {
  const all = Array.from({ length: 1000 }, (_, i) => 8000 + i);
  await refused(listenSomewhere(system(all), undefined, undefined), /ports 8000 to 8049 are all taken/);
  await refused(listenSomewhere(system([8000], 'EACCES'), undefined, undefined), /may not listen on port 8000/);
});

test('a port somebody named is that port or an error', async () => {
  await refused(listenSomewhere(system([8000]), 8000, undefined), /port 8000 is taken/);
  await refused(listenSomewhere(system([80], 'EACCES'), 80, undefined), /may not listen on port 80/);
  await refused(
    listenSomewhere(system([80], 'EADDRNOTAVAIL'), 80, ['10.9.9.9']),
    /no interface of this machine has the address 10\.9\.9\.9/,
  );
  await refused(listenSomewhere(system([80], 'ENOTFOUND'), 80, ['nowhere.invalid']), /no address has this name/);
  assert.equal((await listenSomewhere(system([]), 0, undefined)).endpoints[0]!.port, 49_000);
  await assert.rejects(listenSomewhere(system([80], 'EWHATEVER'), 80, undefined), { code: 'EWHATEVER' });
});

test('who holds a port, where /proc tells', async (t) => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address() as { port: number };
  if (process.platform === 'linux') assert.match(holderOf(port) ?? '', new RegExp(`\\(pid ${process.pid}\\)$`));
  else assert.equal(holderOf(port), undefined);
  assert.equal(holderOf(0), undefined);
});
