/**
 * What a person sees when an exchange fails: what happened, why we think so, how to mend it. RFC 9110 §15.5 and §15.6 ask for
 * such words with every 4xx and 5xx. HTML, plain text or JSON as Accept asks, English or Chinese as Accept-Language asks.
 * Pure: a Failure in, text out. Everything a program or client wrote is evidence, and is escaped.
 */
import { STATUS_CODES } from 'node:http';
import { type Evidence, explain, type Failure, type FailureRow } from '../failures.js';
import type { MetaVariables } from '../types.js';
import { htmlEscape, htmlPage, htmlProse } from './html.js';
import { inLanguage, type PageLanguage, preferredLanguage, preferredType } from './negotiate.js';
import { hex, hexLines, type Sign, shellWord, signsOf, visibleText } from './visible.js';
import { exitMeaning, type PageWords, signalMeaning, wordsIn } from './words.js';

export { pageHeaders } from './html.js';
export { startPage } from './startpage.js';

export interface FailureAsk {
  readonly accept: string | undefined;
  readonly acceptLanguage: string | undefined;
  /** The path the client asked for, as sent. */
  readonly path: string;
  /** The exchange's id: the same in the log. */
  readonly id: string;
  /** Show evidence, rule and remedy: to the one who runs the server. Others learn what happened and the id, no more. */
  readonly details: boolean;
  /** A command that does the same exchange again in a terminal. */
  readonly rerun?: string;
  /** What the script was told (RFC 3875 §4.1), when it came that far. */
  readonly environment?: MetaVariables;
}

export interface Page {
  /** Content-Type. */
  readonly type: string;
  /** Content-Language. */
  readonly language: PageLanguage;
  readonly body: string;
}

export const failurePage = (failure: Failure, ask: FailureAsk): Page => {
  const language = preferredLanguage(ask.acceptLanguage);
  const told: Told = { failure, row: explain(failure), ask, language, words: wordsIn(language) };
  const type = preferredType(ask.accept);
  if (type === 'application/json') return { type, language, body: asJson(told) };
  if (type === 'text/plain') return { type: 'text/plain; charset=utf-8', language, body: asText(told) };
  return { type: 'text/html; charset=utf-8', language, body: asHtml(told) };
};

/** All that the three forms are made from. */
interface Told {
  readonly failure: Failure;
  readonly row: FailureRow;
  readonly ask: FailureAsk;
  readonly language: PageLanguage;
  readonly words: PageWords;
}

// --- JSON ---------------------------------------------------------------------------------------------------

const asJson = ({ failure, row, ask, language }: Told): string => {
  const seen = { code: failure.code, status: row.status, what: inLanguage(row.what, language), id: ask.id };
  if (!ask.details) return `${JSON.stringify(seen)}\n`;
  const { output, ...evidence } = failure.evidence;
  const { code, status, what, id } = seen;
  const whole = {
    code,
    status,
    what,
    mend: mendFor(failure, row, language),
    rule: row.rule,
    // `output` to be read, `outputBase64` to be exact.
    evidence: output === undefined ? evidence : { ...evidence, output: output.toString('utf8'), outputBase64: output.toString('base64') },
    id,
    rerun: ask.rerun,
    environment: ask.environment && Object.fromEntries(masked(ask.environment)),
  };
  return `${JSON.stringify(whole, undefined, 2)}\n`;
};

// --- plain text ---------------------------------------------------------------------------------------------

const asText = ({ failure, row, ask, language, words }: Told): string => {
  const title = [row.status || '', STATUS_CODES[row.status] ?? '', failure.code].filter(Boolean).join(' · ');
  const what = inLanguage(row.what, language);
  if (!ask.details) return `${title}\n\n${what}\n\n${words.exchange} ${ask.id}\n`;

  const evidence = ofProgram(failure.evidence);
  const lines = [title, '', words.whatHappened, `  ${what}`, `  ${words.fault[row.fault]}`];
  const facts = factsOf(evidence, words);
  if (facts.length > 0 || hasTexts(evidence)) lines.push('', words.whyWeThinkSo);
  for (const fact of facts) lines.push(`  ${fact.name}: ${fact.value}`);
  if (evidence.output !== undefined) {
    const shown = showOutput(evidence);
    lines.push('', `  ${outputCaption(evidence, words)}`);
    const text = shown
      .map(({ sign, marked }) => `${marked ? `»${sign.text || words.end}«` : sign.text}${sign.breaks ? '\n' : ''}`)
      .join('');
    if (text !== '') lines.push(...barred(text));
    lines.push(...outputNotes(evidence, words).map((note) => `  ${note}`));
  }
  if (evidence.stderr) lines.push('', `  ${words.stderr}`, ...barred(visibleText(evidence.stderr)));
  lines.push('', words.howToMend, `  ${mendFor(failure, row, language)}`);
  if (ask.rerun !== undefined) lines.push('', `  ${words.rerun}`, `    ${ask.rerun}`);
  lines.push('', [row.rule, `${words.exchange} ${ask.id}`].filter(Boolean).join(' · '));
  return `${lines.join('\n')}\n`;
};

const barred = (text: string): string[] =>
  text
    .replace(/\n$/, '')
    .split('\n')
    .map((line) => `    | ${line}`);

// --- HTML ---------------------------------------------------------------------------------------------------

const asHtml = (told: Told): string => {
  const { failure, row, ask, language, words } = told;
  const what = inLanguage(row.what, language);
  const status = [row.status || '', STATUS_CODES[row.status] ?? ''].filter(Boolean).join(' ');
  const body = [
    '<header>',
    `<p class="top">${status === '' ? '' : `<b>${htmlEscape(status)}</b>`}<code>${htmlEscape(failure.code)}</code></p>`,
    `<h1>${htmlProse(what)}</h1>`,
    ...(ask.details ? [`<p class="asked mono">${htmlEscape(visibleText(ask.path))}</p>`, wayHtml(row, words)] : []),
    '</header>',
    ...(ask.details ? ['<main>', ...whyHtml(told), ...mendHtml(told), ...environmentHtml(told), '</main>'] : []),
    '<footer>',
    `<span>${words.exchange} <span class="mono">${htmlEscape(ask.id)}</span></span>`,
    ...(ask.details && row.rule !== '' ? [`<span>${ruleHtml(row.rule, words)}</span>`] : []),
    '</footer>',
  ].join('\n');
  return htmlPage({ language, title: `${row.status || ''} ${plainProse(what)}`.trim(), body, tone: row.fault });
};

/** client — server — script: how far the request came, and where it went wrong. */
const wayHtml = (row: FailureRow, words: PageWords): string => {
  const stations = ['client', 'server', 'script'] as const;
  const here = stations.indexOf(row.fault);
  const items = stations.map((station, index) => {
    const state = index < here ? ['past', '✓'] : index === here ? ['here', '✕'] : ['later', ''];
    return `<li class="${state[0]}"><i aria-hidden="true">${state[1]}</i>${words.station[station]}</li>`;
  });
  return `<ul class="way" aria-label="${htmlEscape(words.fault[row.fault])}">${items.join('')}</ul>`;
};

const whyHtml = ({ failure, words }: Told): string[] => {
  const evidence = ofProgram(failure.evidence);
  const facts = factsOf(evidence, words);
  if (facts.length === 0 && !hasTexts(evidence)) return [];
  const parts = [`<section aria-labelledby="why">`, `<h2 id="why">${words.whyWeThinkSo}</h2>`];
  if (facts.length > 0) {
    const rows = facts.map(({ name, value, mono }) => `<dt>${name}</dt><dd${mono ? ' class="mono"' : ''}>${htmlEscape(value)}</dd>`);
    parts.push(`<dl>${rows.join('')}</dl>`);
  }
  if (evidence.output !== undefined) {
    parts.push(`<h3 id="out">${htmlEscape(outputCaption(evidence, words))}</h3>`);
    if (evidence.output.length > 0) {
      const dump = htmlEscape(hexLines(evidence.output));
      parts.push(
        `<pre aria-labelledby="out"><code>${outputHtml(evidence, words)}</code></pre>`,
        ...outputNotes(evidence, words).map((note) => `<p class="note">${htmlEscape(note)}</p>`),
        `<details><summary>${words.asBytes}</summary><pre tabindex="0" aria-label="${words.asBytes}"><code>${dump}</code></pre></details>`,
      );
    }
  }
  if (evidence.stderr) {
    parts.push(
      `<h3 id="err">${words.stderr}</h3>`,
      `<pre aria-labelledby="err"><code>${htmlEscape(visibleText(evidence.stderr))}</code></pre>`,
    );
  }
  parts.push('</section>');
  return parts;
};

const environmentHtml = ({ ask, words }: Told): string[] => {
  if (ask.environment === undefined) return [];
  const rows = masked(ask.environment).map(
    ([name, value]) => `<dt class="mono">${htmlEscape(name)}</dt><dd class="mono">${htmlEscape(visibleText(value))}</dd>`,
  );
  return [`<details class="environment"><summary>${words.environment} (${rows.length})</summary><dl>${rows.join('')}</dl></details>`];
};

/** A page is shown to a class, or pasted into a question: what would open a door is not on it. */
const masked = (environment: MetaVariables): [name: string, value: string][] =>
  [...environment].map(([name, value]) => [
    name,
    /^HTTP_(AUTHORIZATION|COOKIE)$|TOKEN|SECRET|PASSWORD|PASSWD|_KEY$/i.test(name) ? '••••' : value,
  ]);

const mendHtml = ({ failure, row, ask, language, words }: Told): string[] => [
  `<section class="mend" aria-labelledby="mend">`,
  `<h2 id="mend">${words.howToMend}</h2>`,
  `<p>${htmlProse(mendFor(failure, row, language))}</p>`,
  ...(ask.rerun === undefined ? [] : [`<h3>${words.rerun}</h3>`, `<pre><code class="copy">${htmlEscape(ask.rerun)}</code></pre>`]),
  '</section>',
];

const outputHtml = (evidence: Evidence, words: PageWords): string => {
  // Neighbours that look alike share one element: a page of binary output stays a page.
  const parts: string[] = [];
  let run = '';
  let soft = false;
  const flush = () => {
    if (run !== '') parts.push(soft ? `<span class="sign">${run}</span>` : run);
    run = '';
  };
  for (const { sign, marked } of showOutput(evidence)) {
    if (marked) {
      flush();
      parts.push(`<mark title="${htmlEscape(words.refused)}">${htmlEscape(sign.text || words.end)}</mark>`);
    } else {
      if (soft !== sign.standsIn) flush();
      soft = sign.standsIn;
      run += htmlEscape(sign.text);
    }
    if (sign.breaks) {
      flush();
      parts.push('\n');
    }
  }
  flush();
  return parts.join('');
};

/** `RFC 3875 §6.2.2`, linked to where everybody can read it. */
const ruleHtml = (rule: string, words: PageWords): string => {
  const [, rfc, section] = /^RFC (\d+) §([\d.]+)$/.exec(rule) ?? [];
  if (rfc === undefined) return `${words.rule} ${htmlEscape(rule)}`;
  return `${words.rule} <a href="https://www.rfc-editor.org/rfc/rfc${rfc}#section-${section}">${htmlEscape(rule)}</a>`;
};

// --- what is said in more than one form ----------------------------------------------------------------------

/** A program that never started has not "printed nothing", and took no time. */
const ofProgram = (evidence: Evidence): Evidence => {
  if (evidence.pid !== undefined || evidence.exitCode !== undefined || evidence.output?.length) return evidence;
  const { output, outputBytes, afterMs, ...rest } = evidence;
  return rest;
};

interface Fact {
  readonly name: string;
  readonly value: string;
  readonly mono: boolean;
}

const factsOf = (evidence: Evidence, words: PageWords): Fact[] => {
  const facts: Fact[] = [];
  if (evidence.file !== undefined) facts.push({ name: words.file, value: visibleText(evidence.file), mono: true });
  if (evidence.detail !== undefined) facts.push({ name: words.detail, value: visibleText(evidence.detail), mono: true });
  if (evidence.signal)
    facts.push({ name: words.ended, value: words.bySignal(evidence.signal, signalMeaning(evidence.signal, words)), mono: false });
  else if (typeof evidence.exitCode === 'number') {
    facts.push({ name: words.ended, value: words.byExit(evidence.exitCode, exitMeaning(evidence.exitCode, words)), mono: false });
  }
  if (evidence.afterMs !== undefined) facts.push({ name: words.after, value: words.duration(evidence.afterMs), mono: false });
  if (evidence.pid !== undefined) facts.push({ name: words.process, value: String(evidence.pid), mono: true });
  return facts;
};

const hasTexts = (evidence: Evidence): boolean => evidence.output !== undefined || Boolean(evidence.stderr);

/** "The first 64 of 1,234 bytes it printed". */
const outputCaption = ({ output, outputBytes }: Evidence, words: PageWords): string => {
  const shown = output?.length ?? 0;
  const all = Math.max(outputBytes ?? shown, shown);
  if (all === 0) return words.printedNothing;
  return shown < all ? words.printedFirst(shown, all) : words.printedAll(all);
};

/** Which byte was refused, in words: a mark alone says nothing to somebody who cannot see it. */
const outputNotes = ({ output, offset }: Evidence, words: PageWords): string[] => {
  const byte = offset === undefined ? undefined : output?.[offset];
  return byte === undefined || offset === undefined ? [] : [words.refusedByte(offset, hex(byte))];
};

interface ShownSign {
  readonly sign: Sign;
  readonly marked: boolean;
}

/** The output, sign by sign, and one without text behind the last when that is where something is missing. */
const showOutput = ({ output, offset, outputBytes }: Evidence): ShownSign[] => {
  if (output === undefined) return [];
  const shown = signsOf(output).map((sign) => ({ sign, marked: offset !== undefined && offset >= sign.start && offset < sign.end }));
  const whole = (outputBytes ?? output.length) <= output.length;
  if (whole && output.length > 0 && offset !== undefined && offset >= output.length) {
    shown.push({ sign: { start: output.length, end: output.length, text: '', standsIn: true, breaks: false }, marked: true });
  }
  return shown;
};

/** The remedy, with the file's name put into the commands it names. */
const mendFor = ({ evidence }: Failure, row: FailureRow, language: PageLanguage): string => {
  const mend = inLanguage(row.mend, language);
  if (evidence.file === undefined) return mend;
  const file = shellWord(visibleText(evidence.file));
  return mend
    .replace(/`chmod \+x`(?: it)?/, '`chmod +x FILE`')
    .replace(/`([^`]*)`/g, (_, code: string) => `\`${code.replace(/(?<=\s)(?:FILE|文件)$/, () => file)}\``);
};

const plainProse = (text: string): string => text.replaceAll('`', '');
