/** Clients that ask again and again, each on a connection that it keeps: how many of them get no answer at all. */
import { requestText, Wire } from '../test/support/wire.js';

export const starvedSeconds = 3;

export const starved = async (port: number, path: string, clients: number): Promise<number> => {
  const request = requestText('GET', path, { Connection: 'keep-alive' });
  const untilMs = Date.now() + starvedSeconds * 1000;
  const one = async (): Promise<number> => {
    let answers = 0;
    let wire: Wire | undefined;
    // Whoever closes after an answer is asked anew; when the time is over the wait for an answer ends.
    while (Date.now() < untilMs) {
      try {
        wire ??= await Wire.open(port);
        wire.send(request);
        const { get } = await wire.answer({ timeoutMs: untilMs - Date.now() });
        answers += 1;
        if (get('connection') !== 'close') continue;
      } catch {
        // No answer: closed, or too late.
      }
      wire?.close();
      wire = undefined;
    }
    wire?.close();
    return answers;
  };
  const answers = await Promise.all(Array.from({ length: clients }, one));
  return answers.filter((count) => count === 0).length;
};
