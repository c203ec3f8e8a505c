/**
 * Any row of the catalog at work: a request waits for its slot, then converses with a program over the row's carrier. How the
 * variables are spelt and where the bytes travel is the carrier's business; queue, clocks, errors and the end are the same for all.
 */
import { basename } from 'node:path';
import type { Carrier } from '../carrier/channel.js';
import type { Slots } from '../carrier/slots.js';
import { type Failure, failure } from '../failures.js';
import { Roster } from '../roster.js';
import type { StderrLine, Trace } from '../trace/trace.js';
import type { Gateway } from '../types.js';
import { type Conversation, converse, type Patience } from './converse.js';
import { errorLog } from './errors.js';

export interface GatewayOptions extends Patience {
  readonly slots: Slots;
  /** Whether the request's process is computing, or not born yet (carrier/slots.ts). */
  readonly works: (trace: Trace) => boolean;
  readonly onStderr: (line: StderrLine) => void;
  /** What the log calls the program; default: its file's name. */
  readonly label?: string;
}

export const gatewayOver = (name: string, carrier: Carrier, options: GatewayOptions): Gateway => {
  const running = new Roster<Conversation>();
  const { slots: places } = options;

  return {
    name,
    call(request, sink, trace) {
      let call: Conversation | undefined;
      trace.gateway = name;
      trace.script = request.script.file;
      const script = options.label ?? basename(request.script.file);
      const errors = errorLog((text) => options.onStderr({ id: trace.id, script, pid: trace.pid, text }));

      let over = false;
      const refuse = (why: Failure): void => {
        over = true;
        request.body?.discard();
        sink.fail(why);
        sink.over();
      };
      const leave = places.acquire({
        refused: refuse,
        works: () => options.works(trace),
        granted(release) {
          trace.mark('granted');
          call = converse(carrier, request, sink, errors, options, trace, () => {
            over = true;
            if (call) running.remove(call);
            release();
          });
          if (!over) running.add(call);
        },
      });
      return {
        resume: () => call?.resume(),
        abort(why) {
          if (call) return call.abort(why);
          if (over) return;
          // It never had a program; its place in the queue is free.
          leave();
          over = true;
          trace.failure ??= why;
          request.body?.discard();
          sink.over();
        },
      };
    },
    async close(graceMs) {
      places.close();
      // Whoever runs may finish; whoever has not by then is told to.
      const patience = setTimeout(() => {
        running.forEach((call) => void call.fail(failure('SHUTTING_DOWN')));
        void carrier.close();
      }, graceMs);
      while (places.busy() > 0) await new Promise((resolve) => setTimeout(resolve, 10));
      clearTimeout(patience);
      await carrier.close();
    },
  };
};
