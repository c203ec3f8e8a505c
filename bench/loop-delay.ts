/**
 * Loaded into the server before anything else (`node --import`): how late a timer fires there, how much of the time the main thread
 * had work, and for how much it had work but no core, because programs had them all. On SIGUSR2 it adds a line of JSON to the file
 * LOOP_DELAY_FILE and begins anew.
 */
import { appendFileSync, readFileSync } from 'node:fs';
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';

/** The timer's interval. What Node counts is interval and delay together. */
const resolution = 5;

const histogram = monitorEventLoopDelay({ resolution });
const late = (ns: number): number => Math.max(0, ns / 1e6 - resolution);
histogram.enable();

/** schedstat's second figure, in nanoseconds: runnable and not running. */
const unservedMs = (): number => Number(readFileSync('/proc/self/schedstat', 'utf8').split(' ')[1]) / 1e6;
const start = () => ({ atMs: performance.now(), use: performance.eventLoopUtilization(), unservedMs: unservedMs() });
let began = start();

process.on('SIGUSR2', () => {
  const { max } = histogram;
  const [p50, p99] = [50, 99].map((n) => late(histogram.percentile(n)));
  const now = start();
  const busy = performance.eventLoopUtilization(now.use, began.use).utilization;
  const noCore = (now.unservedMs - began.unservedMs) / (now.atMs - began.atMs);
  appendFileSync(process.env.LOOP_DELAY_FILE!, `${JSON.stringify({ p50, p99, max: late(max), busy, noCore })}\n`);
  histogram.reset();
  began = start();
});
