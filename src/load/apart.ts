/**
 * The load generator's own process (generator.ts starts it): its CPU is not the server's, and a server that stalls does not stall the
 * clock that measures it. Jobs come in, harvests go out. It ends with its parent.
 */
import { generate, type Job } from './generate.js';

process.on('message', (job: Job) => {
  void generate(job).then((harvest) => process.send?.(harvest));
});
process.once('disconnect', () => process.exit());
// Ctrl-C in a terminal is for the parent, which ends this one when it has told what it knows.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});
