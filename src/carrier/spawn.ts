/**
 * The carrier of CGI: one process for one request. The variables travel as its environment, the body on its stdin, the answer
 * on its stdout, complaints on its stderr; all three are always drained at once, because a program blocked on one of them is
 * a request that never ends.
 */
import { type Failure, failure } from '../failures.js';
import { killGraceMs as killGraceDefaultMs, stderrLingerMs } from '../limits.js';
import type { BearChild, Child } from '../process/child.js';
import { endGroup, groupLives } from '../process/kill.js';
import { type Member, Roster } from '../roster.js';
import type { Carrier, Channel, ChannelEvents } from './channel.js';

export interface SpawnOptions {
  readonly bear: BearChild;
  /** Milliseconds between TERM and KILL. */
  readonly killGraceMs?: number;
  /** Makes ENOENT and its like a failure with a mend: the file tells more than the errno. */
  readonly diagnose: (file: string, errno: string) => Failure | undefined;
}

/** A born child, as its end comes bit by bit. */
interface Life {
  readonly channel: Channel;
  endOutput(): void;
  endErrors(): void;
  exited(): void;
}

export const spawnCarrier = ({ bear, killGraceMs = killGraceDefaultMs, diagnose }: SpawnOptions): Carrier => {
  const living = new Roster<Channel & Member>();
  /** Groups whose leader has exited and left others behind: a script may start a job in the background, and a shutdown ends it. */
  const orphaned = new Set<number>();
  let ladders = 0;
  let sweeper: NodeJS.Timeout | undefined;

  const ladderDone = (): void => {
    ladders -= 1;
  };
  const adopt = (pid: number): void => {
    orphaned.add(pid);
    // A number that is free again may be given to somebody else: it is forgotten as soon as the group is gone.
    sweeper ??= setInterval(() => {
      for (const group of orphaned) if (!groupLives(group)) orphaned.delete(group);
      if (orphaned.size === 0) {
        clearInterval(sweeper);
        sweeper = undefined;
      }
    }, 1000).unref();
  };

  const converseWith = (child: Child, events: ChannelEvents): Life => {
    const { pid, stdin, stdout } = child;
    let exited = false;
    let errorsEnded = false;
    let outputEnded = false;
    let stopping = false;
    let finished = false;
    let errorsLinger: NodeJS.Timeout | undefined;

    const maybeOver = (): void => {
      if (!finished && exited && outputEnded && errorsEnded) {
        finished = true;
        living.remove(channel);
        events.over();
      }
    };
    const endOutput = (): void => {
      if (outputEnded) return;
      outputEnded = true;
      events.outputEnd();
      maybeOver();
    };
    const endErrors = (): void => {
      if (errorsEnded) return;
      errorsEnded = true;
      clearTimeout(errorsLinger);
      maybeOver();
    };

    stdin?.on('drain', () => events.drain());
    stdin?.on('close', () => events.inputClosed());

    const channel: Channel & Member = {
      pid,
      place: -1,
      write: (piece, written) => stdin === undefined || stdin.destroyed || stdin.write(piece, written),
      end: () => void stdin?.end(),
      pause: () => stdout.pause(),
      resume: () => stdout.resume(),
      hangUp: () => void stdout.close(),
      stop(graceMs = killGraceMs) {
        if (stopping || finished) return;
        stopping = true;
        ladders += 1;
        endGroup(pid, graceMs, () => exited, ladderDone);
        // After TERM: a script that saw its input end first could take the part for the whole.
        stdin?.destroy();
        // Its last words are read and thrown away, lest it blocks on them.
        stdout.resume();
      },
    };
    living.add(channel);
    return {
      channel,
      endOutput,
      endErrors,
      exited() {
        exited = true;
        stdin?.destroy();
        if (!stopping && child.groupLives()) adopt(pid);
        // A grandchild may hold stderr open for ever.
        if (!errorsEnded) {
          errorsLinger = setTimeout(() => child.closeErrors(), stderrLingerMs);
        }
        maybeOver();
      },
    };
  };

  return {
    takesFiles: true,
    open(request, events) {
      const { script, meta, body } = request;
      let life: Life | undefined;
      bear(
        {
          program: script.program,
          args: script.args,
          env: meta,
          cwd: script.cwd,
          stdin: body === undefined ? 'none' : (body.fd ?? 'pipe'),
          stdinBytes: body?.bytes,
        },
        {
          born(child) {
            life = converseWith(child, events);
            events.opened(life.channel);
          },
          unborn(errno) {
            events.failed(birthFailure(errno, script.file, script.program, diagnose));
            events.over();
          },
          output: (piece) => events.output(piece),
          outputEnd: () => life?.endOutput(),
          errors: (piece) => events.errors(piece),
          errorsEnd: () => life?.endErrors(),
          exited(code, signal, account) {
            events.exited(code, signal, account);
            life?.exited();
          },
        },
      );
    },
    async close() {
      living.forEach((channel) => void channel.stop());
      for (const group of orphaned) {
        ladders += 1;
        endGroup(group, killGraceMs, () => true, ladderDone);
      }
      clearInterval(sweeper);
      while (living.size > 0 || ladders > 0) await new Promise((resolve) => setTimeout(resolve, 10));
    },
  };
};

/** The system's errno as a failure of ours. ENOENT alone never means 404: the file was there when we looked. */
const birthFailure = (errno: string, file: string, program: string, diagnose: SpawnOptions['diagnose']): Failure => {
  const evidence = { file, detail: `${errno}: ${program}` };
  if (['EAGAIN', 'EMFILE', 'ENFILE', 'ENOMEM'].includes(errno)) return failure('SPAWN_EXHAUSTED', evidence);
  return diagnose(file, errno) ?? failure('SPAWN_FAILED', evidence);
};
