/**
 * The gateway `cgi`: no wire, because the variables *are* the environment; the carrier `spawn`, because a process is born for
 * each request and dies with it. Everything a kept worker saves is paid here, and the trace shows it.
 */
import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import type { Carrier, ChannelEvents } from '../carrier/channel.js';
import { slots } from '../carrier/slots.js';
import { type Failure, failure } from '../failures.js';
import { newbornsPerProcessor, queueMs } from '../limits.js';
import { works } from '../process/works.js';
import { Roster } from '../roster.js';
import type { StderrLine } from '../trace/trace.js';
import type { Gateway } from '../types.js';
import { type Conversation, converse, type Patience } from './converse.js';
import { errorLog } from './errors.js';

export interface CgiGatewayOptions extends Patience {
  readonly maxProcesses: number;
  readonly maxQueue: number;
  readonly onStderr: (line: StderrLine) => void;
}

export const cgiGateway = (name: string, carrier: Carrier, options: CgiGatewayOptions): Gateway => {
  const running = new Roster<Conversation>();
  const newbornsMax = newbornsPerProcessor * availableParallelism();
  const places = slots({ atOnceMax: options.maxProcesses, newbornsMax, queueMax: options.maxQueue, queueMs });

  return {
    name,
    call(request, sink, trace) {
      let call: Conversation | undefined;
      trace.gateway = name;
      trace.script = request.script.file;
      const script = basename(request.script.file);
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
        works: () => trace.pid === undefined || works(trace.pid),
        granted(release) {
          trace.mark('granted');
          const open = (events: ChannelEvents): void => carrier.open(request, events);
          call = converse(open, request, sink, errors, options, trace, () => {
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
          // It never had a process; its place in the queue is free.
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
