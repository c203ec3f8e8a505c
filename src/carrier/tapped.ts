/**
 * To observe is to wrap: a carrier whose exchanges are heard. It goes on as it is, and what flows through is told to the tap first;
 * without a tap nothing of this is there.
 */
import type { Tap } from '../trace/tap.js';
import type { Carrier, ChannelEvents } from './channel.js';

export const tapped = (carrier: Carrier, tap: Tap): Carrier => ({
  takesFiles: carrier.takesFiles,
  close: () => carrier.close(),
  open(request, events, trace) {
    const ear = tap.asked(request, trace);
    if (ear === undefined) return carrier.open(request, events, trace);
    const { fd, bytes = 0 } = request.body ?? {};
    if (carrier.takesFiles && fd !== undefined) ear.inputFile(fd, bytes);
    const told: ChannelEvents = {
      ...events,
      opened(channel) {
        // A pool knows which of its workers it is; before a local redirect the trace had another program's pid.
        ear.opened(channel.pid ?? (trace.worker && trace.pid));
        events.opened({
          pid: channel.pid,
          write(piece, written) {
            ear.input(piece);
            return channel.write(piece, written);
          },
          end() {
            ear.inputEnd();
            channel.end();
          },
          pause: () => channel.pause(),
          resume: () => channel.resume(),
          hangUp: () => channel.hangUp(),
          stop: (graceMs) => channel.stop(graceMs),
        });
      },
      output(piece) {
        ear.output(piece);
        events.output(piece);
      },
      outputEnd() {
        ear.outputEnd();
        events.outputEnd();
      },
      errors(piece) {
        ear.errors(piece);
        events.errors(piece);
      },
      exited(code, signal, account) {
        ear.exited(code, signal);
        events.exited(code, signal, account);
      },
      over() {
        ear.over();
        events.over();
      },
    };
    carrier.open(request, told, trace);
  },
});
