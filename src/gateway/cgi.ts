/**
 * The gateway `cgi`: no wire, because the variables *are* the environment; the carrier `spawn`, because a process is born for
 * each request and dies with it. Everything a kept worker saves is paid here, and the trace shows it.
 */
import { basename } from 'node:path';
import type { Carrier } from '../carrier/channel.js';
import { slots } from '../carrier/slots.js';
import { queueMs } from '../limits.js';
import type { StderrLine } from '../trace/trace.js';
import type { Call, Gateway } from '../types.js';
import { converse, type Patience } from './converse.js';
import { errorLog } from './errors.js';

export interface CgiGatewayOptions extends Patience {
  readonly maxProcesses: number;
  readonly maxQueue: number;
  readonly onStderr: (line: StderrLine) => void;
}

export const cgiGateway = (name: string, carrier: Carrier, options: CgiGatewayOptions): Gateway => {
  const places = slots(options.maxProcesses, options.maxQueue, queueMs);

  return {
    name,
    call(request, sink, trace) {
      let call: Call | undefined;
      trace.gateway = name;
      trace.script = request.script.file;
      const script = basename(request.script.file);
      const errors = errorLog((text) => options.onStderr({ id: trace.id, script, pid: trace.pid, text }));

      const leave = places.acquire(
        (release) => {
          trace.mark('granted');
          call = converse((events) => carrier.open(request, events), request, sink, errors, options, trace, release);
        },
        (why) => {
          request.body?.discard();
          sink.fail(why);
          sink.over();
        },
      );
      return {
        resume: () => call?.resume(),
        abort(why) {
          if (call) return call.abort(why);
          leave();
          trace.failure ??= why;
          request.body?.discard();
          sink.over();
        },
      };
    },
    async close(graceMs) {
      places.close();
      // Whoever runs may finish; whoever has not by then is told to.
      const patience = setTimeout(() => void carrier.close(), graceMs);
      while (places.busy > 0) await new Promise((resolve) => setTimeout(resolve, 10));
      clearTimeout(patience);
      await carrier.close();
    },
  };
};
