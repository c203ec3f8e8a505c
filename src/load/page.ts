/**
 * A comparison as a file to keep or hand on: one page that needs nothing else, in both languages, or its pictures alone. No script:
 * the switches of the page are its own style sheet's.
 */
import { htmlEscape, htmlPage } from '../http/html.js';
import { drawingOf, type Figure, figuresOf } from './figures.js';
import { type Language, onePicture, pictureStyle } from './picture.js';
import type { Comparison } from './plan.js';
import { limitSentence, omissionSentence, planInWords, warnings } from './told.js';

/** `first`: the language it opens in. */
export const reportPage = (comparison: Comparison, first: Language): string => {
  const isOpen = comparison.plan.loop.kind === 'open';
  const choice = (language: Language): string =>
    `<input type="radio" name="language" id="${language}"${language === first ? ' checked' : ''}><label for="${language}" lang="${langOf[language]}">${langName[language]}</label>`;
  const omission = `<input type="checkbox" id="sent" checked><label for="sent">Coordinated omission · 协调遗漏</label>`;
  return htmlPage({
    language: langOf[first],
    title: `cgi-serve bench · ${comparison.targets.map(({ target }) => target.name).join(' · ')}`,
    style: pictureStyle + pageStyle,
    body: `<header><form aria-label="Language · 语言">${choice('en')}${choice('zh')}${isOpen ? omission : ''}</form></header>
<main>
${inLanguage(comparison, 'en')}
${inLanguage(comparison, 'zh')}
</main>`,
  });
};

/** The pictures alone. */
export const reportPicture = (comparison: Comparison, language: Language): string =>
  onePicture(
    [comparison.targets.map(({ target }) => target.name).join(' · '), planInWords(comparison.plan)[language], madeOn(comparison)],
    figuresOf(comparison).map((figure) => ({ ...drawingOf(figure, language), title: figure.title[language] })),
    language,
  );

const langOf = { en: 'en', zh: 'zh-CN' } as const;
const langName = { en: 'English', zh: '中文' } as const;

const inLanguage = (comparison: Comparison, language: Language): string => {
  const omission = omissionSentence(comparison);
  const limit = limitSentence(comparison, [50, 90, 99, 99.9]);
  return `<article lang="${langOf[language]}">
<p class="top"><b>cgi-serve bench</b><span>${htmlEscape(comparison.version)}</span></p>
<h1>${htmlEscape(comparison.targets.map(({ target }) => target.name).join(' · '))}</h1>
<p class="lead">${htmlEscape(planInWords(comparison.plan)[language])}</p>
<p class="note">${htmlEscape(madeOn(comparison))}</p>
${figuresOf(comparison)
  .map((figure) => figureHtml(figure, language, figure.name === 'latency' ? [limit?.[language], omission?.[language]] : []))
  .join('\n')}
<ul class="warnings">${warnings(comparison)
    .map((text) => `<li>${htmlEscape(text[language])}</li>`)
    .join('')}</ul>
</article>`;
};

const figureHtml = (figure: Figure, language: Language, more: readonly (string | undefined)[]): string => {
  const { heads, rows } = figure.table(language);
  const told = [figure.sentence[language], ...more.flatMap((text) => text ?? [])];
  return `<figure>
<h2>${htmlEscape(figure.title[language])}</h2>
<figcaption>${told.map((text) => `<p>${htmlEscape(text)}</p>`).join('')}</figcaption>
<div class="wide" tabindex="0" role="group" aria-label="${htmlEscape(figure.title[language])}">${drawingOf(figure, language).svg}</div>
<details><summary>${language === 'en' ? 'The same as a table' : '数据表'}</summary>
<div class="wide" tabindex="0" role="group" aria-label="${htmlEscape(figure.title[language])}"><table>
<thead><tr>${heads.map((head) => `<th scope="col">${htmlEscape(head)}</th>`).join('')}</tr></thead>
<tbody>${rows
    .map(
      ([name = '', ...cells]) =>
        `<tr><th scope="row">${htmlEscape(name)}</th>${cells.map((cell) => `<td>${htmlEscape(cell)}</td>`).join('')}</tr>`,
    )
    .join('\n')}</tbody>
</table></div></details>
</figure>`;
};

/** When, and on what. */
export const madeOn = ({ at, machine, births, version }: Comparison): string =>
  [
    new Date(at).toISOString().replace(/\.\d+Z$/, 'Z'),
    `${machine.system}, ${machine.cpus} × ${machine.cpu}`,
    `Node ${machine.node}`,
    `cgi-serve ${version}, ${births.by}`,
  ].join(' · ');

const pageStyle = `
body:has(#zh:checked) article:lang(en), body:has(#en:checked) article:lang(zh-CN), body:has(#sent:not(:checked)) .sent { display: none }
input { margin: 0 .35rem 0 0; width: 1.1rem; height: 1.1rem; vertical-align: -.15rem; accent-color: var(--accent) }
label { margin-right: 1.2rem; padding: .3rem 0; font-size: .93rem }
figure { margin: 2.6rem 0 0 }
figure h2 { margin: 0 0 .3rem }
figcaption p { margin: .2rem 0 .6rem }
figcaption p + p { color: var(--soft); font-size: .93rem }
.wide { overflow-x: auto }
.wide svg { min-width: 36rem }
table { border-collapse: collapse; font-size: .89rem; font-variant-numeric: tabular-nums; margin-top: .5rem }
th, td { padding: .25rem .8rem .25rem 0; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap }
th:first-child { text-align: left; font-weight: 500 }
.warnings { margin: 2.6rem 0 0; padding-left: 1.2rem; color: var(--soft); font-size: .93rem }
form { margin-bottom: 1.5rem }
@media print { form, details:not([open]) { display: none } }
`;
