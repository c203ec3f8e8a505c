/**
 * NDJSON: one line for each exchange that is over, with the keys of `--log-format json`, so that the same jq works on both; and `runs`, one
 * for each program that was asked.
 */
import type { KeptExchange } from '../memory.js';
import type { ToldRun, ToldRunDetail } from '../told.js';
import type { About } from './exports.js';
import { shownText, sinceBegan, struckOut, variablesOf } from './parts.js';

export function* ndjson(kept: Iterable<KeptExchange>, { record, version }: About): Generator<string> {
  yield line({ event: 'export', version, comment: struckOut });
  for (const { detail, end } of kept) {
    if (end === undefined) continue;
    yield line({ ...record(end), runs: detail.runs.map((run, i) => runRecord(run, detail.details[i]!, detail.beganMs)) });
  }
}

/** `…_at_ms`: since the request began. */
const runRecord = (run: ToldRun, detail: ToldRunDetail, beganMs: number): object => {
  const since = (ms: number | undefined): number | null => sinceBegan(ms, beganMs) ?? null;
  return {
    backend: run.gateway,
    script: detail.file,
    pid: run.pid ?? null,
    slot: run.worker?.slot ?? null,
    generation: run.worker?.generation ?? null,
    exit_code: run.exitCode ?? null,
    signal: run.signal ?? null,
    granted_at_ms: since(run.grantedMs),
    opened_at_ms: since(run.openedMs),
    first_byte_at_ms: since(run.firstByteMs),
    head_done_at_ms: since(run.headDoneMs),
    last_byte_at_ms: since(run.lastByteMs),
    exited_at_ms: since(run.exitedMs),
    stdin_bytes: run.inputBytes,
    stdout_bytes: run.outputBytes,
    stderr_bytes: run.errorsBytes,
    stderr: shownText(detail.errors),
    variables: variablesOf(detail),
  };
};

/** JSON leaves DEL and the C1 controls as they are; on a terminal they act. */
const line = (record: object): string =>
  `${JSON.stringify(record).replace(/[\x7f-\x9f]/g, (sign) => `\\u00${sign.charCodeAt(0).toString(16)}`)}\n`;
