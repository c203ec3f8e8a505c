/**
 * The same request answered more than once: what the answers have in common, where they differ, and what each has cost. What is compared is
 * what the programs printed, as far as it is kept. Pure.
 */
import type { PhaseName, ToldDetail } from '../../told.js';
import { fromBase64, ms } from '../format.js';
import type { Say, Word } from '../words.js';
import { fromBytes, textOf } from './replay-draft.js';
import { phases } from './story.js';

/** One answer. */
export interface Side {
  readonly serial: number;
  /** `CGI`, as people write it. */
  readonly gateway: string;
  readonly target: string;
  readonly status: number;
  readonly totalMs: number;
  readonly spans: readonly { readonly phase: PhaseName; readonly ms: number }[];
  /** Asked for → first byte, of a process that was born for it. */
  readonly birthMs: number | undefined;
  readonly own: boolean;
  readonly pid: number | undefined;
  readonly bytesOut: number;
  /** Undefined: no program printed it. */
  readonly printed: Printed | undefined;
}

interface Printed {
  /** `content-type: text/html`; sorted, without those that always differ. */
  readonly fields: readonly string[];
  readonly body: Uint8Array;
  /** More came, and was not kept. */
  readonly cut: boolean;
}

export const sideOf = (detail: ToldDetail): Side => {
  const { serial, target, end, runs } = detail;
  const run = runs.at(-1);
  const spans = phases.flatMap((phase) => {
    const took = end?.phases[phase];
    return took === undefined ? [] : { phase, ms: took };
  });
  const own = run?.own === true;
  const birth = spans.filter(({ phase }) => phase === 'spawn' || phase === 'wait');
  return {
    ...{ serial, target, own, spans },
    gateway: nameOf(run?.gateway ?? end?.gateway ?? ''),
    status: end?.status ?? 0,
    totalMs: end?.totalMs ?? 0,
    birthMs: own && birth.length === 2 ? birth.reduce((sum, span) => sum + span.ms, 0) : undefined,
    pid: run?.pid,
    bytesOut: end?.bytesOut ?? 0,
    printed: printedIn(detail),
  };
};

/** As people write it. */
export const nameOf = (gateway: string): string => ({ cgi: 'CGI', fastcgi: 'FastCGI', scgi: 'SCGI', wsgi: 'WSGI' })[gateway] ?? gateway;

/** RFC 9110 §6.6.1: when an answer was made says nothing about it. §8.6: nor does its length, beside the body itself. */
const leftOut = /^(date|content-length|status):/i;

const printedIn = ({ details }: ToldDetail): Printed | undefined => {
  const run = details.at(-1);
  if (run === undefined) return undefined;
  const output = fromBytes(run.output.pieces.map(({ base64 }) => fromBase64(base64)));
  const fields = run.judged
    .filter(({ text, verdict }) => (verdict === 'sent' || verdict === 'cgi') && !leftOut.test(text))
    .map(({ text }) => text.replace(/^[^:]+:\s*/, (name) => `${name.trim().toLowerCase()} `).trimEnd());
  return { fields: fields.sort(), body: output.subarray(run.headBytes ?? 0), cut: run.output.more > 0 };
};

// --- how another differs -----------------------------------------------------------------------------------------------

export interface Difference {
  readonly status: boolean;
  /** Fields that only one of the two has. */
  readonly fields: { readonly gone: readonly string[]; readonly come: readonly string[] };
  readonly body: BodyDifference;
}

export type BodyDifference =
  | { readonly kind: 'same' }
  /** At least one of them is not kept. */
  | { readonly kind: 'unknown' }
  /** From 1 on; what stands there, `''` behind the last line. */
  | { readonly kind: 'line'; readonly line: number; readonly first: string; readonly other: string }
  /** From 0 on. */
  | { readonly kind: 'byte'; readonly at: number };

export const differenceOf = (first: Side, other: Side): Difference => {
  const [before, after] = [first.printed?.fields ?? [], other.printed?.fields ?? []];
  return {
    status: first.status !== other.status,
    fields: { gone: before.filter((field) => !after.includes(field)), come: after.filter((field) => !before.includes(field)) },
    body: first.printed && other.printed ? bodyDifference(first.printed, other.printed) : { kind: 'unknown' },
  };
};

const bodyDifference = (first: Printed, other: Printed): BodyDifference => {
  const length = Math.min(first.body.length, other.body.length);
  let at = 0;
  while (at < length && first.body[at] === other.body[at]) at++;
  const rest = (side: Printed): number => side.body.length - at;
  // Where one is cut, the other may have more.
  if (at === length && ((rest(first) === 0 && first.cut) || (rest(other) === 0 && other.cut) || rest(first) === rest(other)))
    return { kind: 'same' };
  const [one, two] = [textOf(first.body), textOf(other.body)];
  if (one === undefined || two === undefined) return { kind: 'byte', at };
  const [lines, others] = [one.split('\n'), two.split('\n')];
  const line = lines.findIndex((text, i) => text !== others[i]);
  const where = line < 0 ? lines.length : line;
  return { kind: 'line', line: where + 1, first: lines[where] ?? '', other: others[where] ?? '' };
};

// --- in one sentence ---------------------------------------------------------------------------------------------------

export const conclusionOf = (sides: readonly Side[], say: Say): string => {
  const [first, ...others] = sides;
  if (first === undefined || others.length === 0) return '';
  const differences = others.map((other) => differenceOf(first, other));
  const differing = (
    [
      ['compare.status', differences.some(({ status }) => status)],
      ['compare.fields', differences.some(({ fields }) => fields.gone.length + fields.come.length > 0)],
      ['compare.body', differences.some(({ body }) => body.kind === 'line' || body.kind === 'byte')],
    ] as const
  ).flatMap(([word, differs]): Word[] => (differs ? [word] : []));
  const known = differences.every(({ body }) => body.kind !== 'unknown');
  const whole = sides.every(({ printed }) => printed?.cut !== true);
  const answers =
    differing.length > 0
      ? say('compare.differ', { what: differing.map((word) => say(word)).join(' · ') })
      : say(!known ? 'compare.same.status' : whole ? 'compare.same' : 'compare.same.kept');
  const costs = sides.map(({ gateway, totalMs, birthMs }, i) => {
    const took = birthMs === undefined ? ms(totalMs) : say('compare.born', { ms: ms(totalMs), birth: ms(birthMs) });
    return say(i === 0 ? 'compare.cost.first' : 'compare.cost.again', { gateway, took });
  });
  // A full stop of Chinese has its space in it.
  return [answers, ...costs].join(' ').replaceAll('。 ', '。');
};
