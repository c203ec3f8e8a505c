/** What `npm run bench` was asked for: programs × connections × rounds × servers. */
import { parseArgs } from 'node:util';
import { type Program, programs } from './programs.js';
import { type Server, servers } from './servers.js';

const gateways = [...new Set(programs.map(({ gateway }) => gateway))];

const usage = `npm run bench -- [options]
  --quick           two rounds with slices half as long: for a look while you work
  --rounds N        rounds for each program and number of connections (default 3)
  --only LIST       these programs: ${programs.map(({ name }) => name).join(', ')},
                    or all that are reached by ${gateways.join(', ')}
  --servers LIST    servers whose name contains one of these words; they are
                    ${[...new Set(servers.map(({ name }) => name))].join(' · ')} · raw
  --connections LIST  default 1,8,64
  --memory          also: our resident memory at start, after 10,000 and after 100,000 requests
A whole run is written to bench/results/latest.md and latest.svg; a shortened one to partial.md and partial.svg beside them.`;

export interface Plan {
  readonly sliceSeconds: number;
  readonly rounds: number;
  readonly programs: readonly Program[];
  readonly servers: readonly Server[];
  readonly raw: boolean;
  readonly connections: readonly number[];
  readonly memory: boolean;
  readonly whole: boolean;
}

export function readPlan(): Plan | undefined {
  try {
    const { values } = parseArgs({
      options: {
        quick: { type: 'boolean', default: false },
        rounds: { type: 'string' },
        only: { type: 'string' },
        servers: { type: 'string' },
        connections: { type: 'string' },
        memory: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help) {
      console.log(usage);
      return undefined;
    }
    const words = values.servers?.split(',');
    return {
      sliceSeconds: values.quick ? 1 : 2,
      rounds: number(values.rounds ?? (values.quick ? '2' : '3'), 'rounds', 100),
      programs: named(programs, values.only?.split(','), (one, word) => one.name === word || one.gateway === word),
      servers: named(
        // Who is asked for by name is measured with every program.
        words === undefined ? servers : servers.map((one) => ({ ...one, programs: undefined })),
        words?.filter((word) => word !== 'raw'),
        (one, word) =>
          servers.some(({ name }) => name === word) ? one.name === word : one.name.toLowerCase().includes(word.toLowerCase()),
      ),
      raw: words?.includes('raw') ?? true,
      connections: values.connections?.split(',').map((n) => number(n, 'connections', 256)) ?? [1, 8, 64],
      memory: values.memory,
      whole: !values.quick && [values.rounds, values.only, values.servers, values.connections].every((value) => value === undefined),
    };
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`);
    process.exitCode = 2;
    return undefined;
  }
}

function number(text: string, what: string, max: number): number {
  const n = Number(text);
  if (!Number.isInteger(n) || n < 1 || n > max) throw new Error(`--${what}: expected 1 to ${max}, got '${text}'`);
  return n;
}

function named<T>(all: readonly T[], words: readonly string[] | undefined, fits: (one: T, word: string) => boolean): readonly T[] {
  if (words === undefined) return all;
  const unknown = words.find((word) => !all.some((one) => fits(one, word)));
  if (unknown !== undefined) throw new Error(`nothing is called '${unknown}'`);
  return all.filter((one) => words.some((word) => fits(one, word)));
}
