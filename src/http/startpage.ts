/**
 * `/` when there is no static index: the scripts that are here, what runs each, and (for the one who runs the server) which
 * would fail and how to mend them. With none at all, how to write the first. Pure: route/list.ts has looked.
 */
import { type FailureCode, failureTable } from '../failures.js';
import { scriptsListedMax } from '../limits.js';
import type { ScriptReport } from '../route/list.js';
import { htmlEscape, htmlPage, htmlProse } from './html.js';
import { inLanguage, type PageLanguage, preferredLanguage } from './negotiate.js';
import { shellWord, visibleText } from './visible.js';
import { type PageWords, wordsIn } from './words.js';

export interface StartAsk {
  readonly acceptLanguage: string | undefined;
  /** The URL path of the script directory: `/cgi-bin/`. */
  readonly prefix: string;
  /** Show what would fail and why: to the one who runs the server. */
  readonly details: boolean;
  readonly version: string;
}

export const startPage = (listing: readonly ScriptReport[], ask: StartAsk): string => {
  const language = preferredLanguage(ask.acceptLanguage);
  const words = wordsIn(language);
  const { start } = words;
  const runnable = listing.filter((script) => script.failure === undefined);
  const failing = ask.details ? listing.filter((script) => script.failure !== undefined) : [];
  const none = !ask.details ? start.nothingPublic : listing.length === 0 ? start.noneYet : start.noneRuns;
  const title = runnable.length > 0 ? start.title(ask.prefix) : none;

  const body = [
    '<header>',
    `<p class="top"><b>cgi-serve</b><span>${htmlEscape(ask.version)}</span></p>`,
    `<h1>${htmlEscape(title)}</h1>`,
    ...(runnable.length > 0 ? [`<p class="lead">${start.lead(runnable.length)}</p>`] : []),
    '</header>',
    '<main>',
    ...(runnable.length > 0 ? [`<ul class="list">${runnable.map((script) => scriptHtml(script, ask, words)).join('\n')}</ul>`] : []),
    ...(listing.length >= scriptsListedMax ? [`<p class="note">${start.listCut(scriptsListedMax)}</p>`] : []),
    ...(failing.length > 0 ? failingHtml(failing, language, words) : []),
    ...(listing.length === 0 && ask.details ? firstScriptHtml(ask.prefix, words) : []),
    '</main>',
  ].join('\n');
  return htmlPage({ language, title: `cgi-serve · ${title}`, body });
};

const scriptHtml = (script: ScriptReport, ask: StartAsk, { start }: PageWords): string => {
  // Which interpreter is on this machine, and where, is nobody's business but its owner's.
  const by = ask.details ? script.runBy : script.runBy.replace(/ \(.*$/s, '');
  const parts = [
    `<div class="row"><a class="mono" href="${htmlEscape(script.url)}">${htmlEscape(visibleText(script.path))}</a>`,
    `<span class="by mono">${htmlEscape(visibleText(by))}</span></div>`,
  ];
  if (script.title) parts.push(`<p class="title">${htmlEscape(visibleText(script.title))}</p>`);
  if (ask.details && script.writableByOthers) {
    const command = (code: string) => (code === 'chmod o-w' ? `${code} ${shellWord(visibleText(script.file))}` : code);
    parts.push(`<p class="warn">⚠ ${htmlProse(start.writable, command)}</p>`);
  }
  return `<li>${parts.join('')}</li>`;
};

/** One paragraph for each way to fail, and under it the files: forty notes that lack the X bit have one remedy. */
const failingHtml = (failing: readonly ScriptReport[], language: PageLanguage, { start }: PageWords): string[] => {
  const byCode = new Map<FailureCode, ScriptReport[]>();
  for (const script of failing) {
    const code = script.failure?.code;
    if (code !== undefined) byCode.set(code, [...(byCode.get(code) ?? []), script]);
  }
  const groups = [...byCode].map(([code, scripts]) => {
    const row = failureTable[code];
    const files = scripts.map(({ path, failure }) => {
      const detail = failure?.evidence.detail;
      return `<li><code>${htmlEscape(visibleText(path))}</code>${detail === undefined ? '' : ` <span>${htmlEscape(visibleText(detail))}</span>`}</li>`;
    });
    return `<div class="why"><p>${htmlProse(inLanguage(row.what, language))}</p><p>${htmlProse(inLanguage(row.mend, language))}</p><ul>${files.join('')}</ul></div>`;
  });
  return [
    '<section aria-labelledby="failing">',
    `<h2 id="failing">${start.wouldFail}</h2>`,
    `<p>${start.wouldFailLead}</p>`,
    ...groups,
    '</section>',
  ];
};

const firstScriptHtml = (prefix: string, { start }: PageWords): string[] => {
  const url = `${prefix.replace(/\/?$/, '/')}hello.cgi`;
  const script = [
    "cat > hello.cgi <<'END'",
    '#!/bin/sh',
    "echo 'Content-Type: text/plain; charset=utf-8'",
    'echo',
    `echo "${start.hello} $$"`,
    'END',
  ];
  return [
    '<section class="mend" aria-labelledby="first">',
    `<h2 id="first">${start.firstScript}</h2>`,
    '<ol class="steps">',
    `<li>${htmlEscape(start.stepWrite)}<pre><code class="copy">${htmlEscape(script.join('\n'))}</code></pre></li>`,
    `<li>${htmlEscape(start.stepMode)}<pre><code class="copy">chmod +x hello.cgi</code></pre></li>`,
    `<li>${htmlEscape(start.stepOpen)} <a class="mono" href="${htmlEscape(url)}">${htmlEscape(url)}</a></li>`,
    '</ol>',
    '</section>',
  ];
};
