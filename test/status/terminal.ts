/**
 * A program on a terminal of its own: a pseudo-terminal made by Python's standard library, because Node's has none. What is typed
 * goes in, what is drawn comes out.
 */
import { spawn } from 'node:child_process';
import type { TestContext } from 'node:test';

export interface OnTerminal {
  /** All that was drawn so far, escape sequences included. */
  said(): string;
  /** The last whole picture: what was drawn since the cursor was last sent home, lines without escape sequences. */
  screen(): string[];
  type(keys: string): void;
  kill(signal: NodeJS.Signals): void;
  resize(columns: number, rows: number): void;
  /** The exit code; 128 and the signal when one ended it. */
  readonly ended: Promise<number | null>;
}

export interface TerminalOptions {
  readonly columns: number;
  readonly rows: number;
  readonly env?: Record<string, string | undefined>;
}

/** Needs python3. Ended with the test. */
export function onTerminal(t: TestContext, program: readonly string[], { columns, rows, env = {} }: TerminalOptions): OnTerminal {
  const child = spawn('python3', ['-c', relay, String(rows), String(columns), ...program], {
    env: { ...process.env, TERM: 'xterm', LC_ALL: 'C.UTF-8', NO_COLOR: undefined, FORCE_COLOR: undefined, NODE_OPTIONS: undefined, ...env },
    stdio: ['pipe', 'pipe', 'inherit', 'pipe'],
  });
  let text = '';
  child.stdout!.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
  });
  child.stdin!.on('error', () => {});
  const orders = child.stdio[3] as NodeJS.WritableStream;
  orders.on('error', () => {});
  const ended = new Promise<number | null>((resolve) => child.once('close', (code) => resolve(code)));
  t.after(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return {
    said: () => text,
    screen: () => {
      const pictures = text.split('\x1b[H').slice(1);
      const whole = pictures.filter((picture) => picture.includes('\x1b[J')).at(-1) ?? '';
      return whole
        .slice(0, whole.indexOf('\x1b[J'))
        .replace(/\x1b\[[0-9;?]*[A-Za-z]/g, '')
        .split('\r\n');
    },
    type: (keys) => child.stdin!.write(keys),
    kill: (signal) => void orders.write(`kill ${signal}\n`),
    resize: (columns, rows) => void orders.write(`size ${rows} ${columns}\n`),
    ended,
  };
}

/** Ends when the program has; when we end, the terminal is hung up and takes the program along. */
const relay = `
import fcntl, os, pty, select, signal, struct, sys, termios
rows, columns, *program = sys.argv[1:]
def size(fd, rows, columns): fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', int(rows), int(columns), 0, 0))
pid, terminal = pty.fork()
if pid == 0:
    os.close(3)
    size(0, rows, columns)
    os.execvp(program[0], program)
sources = [terminal, 0, 3]
while True:
    for source in select.select(sources, [], [])[0]:
        try: data = os.read(source, 65536)
        except OSError: data = b''
        if source == terminal:
            if not data:
                code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
                sys.exit(code if code >= 0 else 128 - code)
            while data: data = data[os.write(1, data):]
        elif not data: sources.remove(source)
        elif source == 0: os.write(terminal, data)
        else:
            for order, *words in map(str.split, data.decode().splitlines()):
                if order == 'size': size(terminal, *words)
                else: os.kill(pid, getattr(signal, words[0]))
`;
