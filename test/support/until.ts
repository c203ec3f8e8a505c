/**
 * Tests wait for conditions, never for time: a fixed sleep is too short on a busy machine and too long on an idle one.
 */
import { setTimeout as sleep } from 'node:timers/promises';

/** Polls every 20 ms until `condition` gives something truthy, and returns that. Throws an Error that names `what`. */
export async function until<T>(condition: () => T | Promise<T>, what: string, timeoutMs = 15_000): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain for ${what}`);
    await sleep(20);
  }
}
