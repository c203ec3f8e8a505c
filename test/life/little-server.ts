/**
 * The library in a process of its own, so that limits can be set on it: descriptors, processes, a full disk, another user.
 * argv[2] is its options in JSON; stdout tells its port, then every exchange, a JSON line each. Started by little.ts.
 */
import { writeSync } from 'node:fs';
import { createServer } from '../../src/index.js';
import type { LittleOptions } from './little.js';

const { uid, ...options } = JSON.parse(process.argv[2] ?? '{}') as LittleOptions;
const tell = (what: object): void => void writeSync(1, `${JSON.stringify(what)}\n`);

const server = createServer({
  spawn: process.env.CGI_SERVE_SPAWN === 'portable' ? 'portable' : 'auto',
  ...options,
  onExchange: (exchange) => tell({ exchange }),
});
const [endpoint] = await server.listen({ port: 0, host: '127.0.0.1' });
if (uid !== undefined) {
  // Only now, when every module is loaded: that user may not be allowed to read them.
  process.setgroups?.([]);
  process.setgid?.(uid);
  process.setuid?.(uid);
}
process.on('SIGTERM', () => {
  void server.close(50).then(() => process.exit(0));
});
tell({ port: endpoint!.port });
