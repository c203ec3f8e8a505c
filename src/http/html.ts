/**
 * The frame of every page we make ourselves: one document, one style sheet, no script, nothing loaded from anywhere.
 * Calm on paper and in the dark, on a phone and on a projector; colour never says anything that words or shapes do not.
 */

/** Text as it may stand between tags and inside quoted attributes. */
export const htmlEscape = (text: string): string => text.replace(/[&<>"']/g, (sign) => entities[sign] ?? sign);

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Escaped, and what stands between back-ticks set as code: the way failures.ts writes. */
export const htmlProse = (text: string, code: (text: string) => string = (t) => t): string =>
  text
    .split('`')
    .map((part, index) => (index % 2 === 1 ? `<code>${htmlEscape(code(part))}</code>` : htmlEscape(part)))
    .join('');

/** A whole document around `body`, which is HTML already. `style`: what it needs beyond ours. */
export const htmlPage = (page: { language: string; title: string; body: string; tone?: string; style?: string }): string => `<!doctype html>
<html lang="${htmlEscape(page.language)}">
<head>
<meta charset="utf-8">
<title>${htmlEscape(page.title)}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<link rel="icon" href="data:,">
<style>${style}${page.style ?? ''}</style>
</head>
<body${page.tone === undefined ? '' : ` class="${htmlEscape(page.tone)}"`}>
${page.body}
</body>
</html>
`;

/** What goes with each of our pages: nothing may be loaded, framed, sniffed or kept. Name, value, … */
export const pageHeaders: readonly string[] = [
  'Content-Security-Policy',
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options',
  'nosniff',
  'Referrer-Policy',
  'no-referrer',
  'Cache-Control',
  'no-store',
];

const style = `
:root {
  color-scheme: light dark;
  --paper: #fcfbf9; --sheet: #f4f2ed; --line: #e3dfd6; --ink: #23262b; --soft: #5e6269;
  --accent: #2f5f8a; --tint: #e6eef5; --mark: #ffdf8a; --mark-ink: #3d2b00;
}
body.script { --accent: #9a4a12; --tint: #f8eadd }
body.server { --accent: #7a3e6f; --tint: #f4e8f1 }
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #15171a; --sheet: #1d2024; --line: #31353b; --ink: #e4e3df; --soft: #a2a5aa;
    --accent: #8fbde6; --tint: #1d2a36; --mark: #6b5110; --mark-ink: #fff3cf;
  }
  body.script { --accent: #eba873; --tint: #33241a }
  body.server { --accent: #d9a3cd; --tint: #30212d }
}
* { box-sizing: border-box }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100% }
body {
  margin: 0 auto; padding: clamp(1.5rem, 5vw, 4.5rem) max(1.25rem, env(safe-area-inset-right)) 3rem max(1.25rem, env(safe-area-inset-left));
  max-width: 48rem; background: var(--paper); color: var(--ink);
  font: 1.0625rem/1.65 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "PingFang SC", "Hiragino Sans GB", "Microsoft YaHei", "Noto Sans CJK SC", sans-serif;
  overflow-wrap: break-word;
}
code, pre, .mono { font-family: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", "Noto Sans Mono CJK SC", monospace; font-size: .89em; font-variant-ligatures: none }
code { background: var(--sheet); border-radius: .3em; padding: .1em .35em; overflow-wrap: anywhere; -webkit-box-decoration-break: clone; box-decoration-break: clone }
pre {
  margin: .5rem 0 0; padding: .9rem 1.1rem; background: var(--sheet); border: 1px solid var(--line); border-radius: .6rem;
  line-height: 1.55; white-space: pre-wrap; overflow-wrap: anywhere; tab-size: 4;
}
pre code { background: none; padding: 0; font-size: 1em }
a { color: var(--accent); text-underline-offset: .18em; text-decoration-thickness: .06em }
a:hover { text-decoration-thickness: .12em }
a:focus-visible, summary:focus-visible { outline: 2px solid var(--accent); outline-offset: 3px; border-radius: 3px }
h1 { margin: .4rem 0 0; font-size: clamp(1.35rem, 1.05rem + 1.7vw, 2.1rem); line-height: 1.3; font-weight: 600; letter-spacing: -.012em; text-wrap: balance }
:lang(zh) h1 { letter-spacing: 0; line-height: 1.4 }
h2 { margin: 2.6rem 0 .7rem; font-size: .95rem; line-height: 1.4; font-weight: 600; color: var(--accent) }
h3 { margin: 1.5rem 0 .3rem; font-size: .93rem; font-weight: 500; color: var(--soft) }
p { margin: .6rem 0 }
.top { display: flex; flex-wrap: wrap; gap: .3rem .8rem; align-items: baseline; margin: 0; color: var(--soft); font-size: .93rem }
.top b { color: var(--accent); font-weight: 600; font-variant-numeric: tabular-nums }
.asked { margin-top: .8rem; color: var(--soft); overflow-wrap: anywhere }
.way { display: flex; align-items: center; gap: .6rem; list-style: none; margin: 1.7rem 0 0; padding: 0; font-size: .93rem; color: var(--soft) }
.way li { display: flex; align-items: center; gap: .6rem; white-space: nowrap }
.way li + li::before { content: ""; width: clamp(1rem, 6vw, 3.2rem); border-top: 1.5px solid var(--line) }
.way .later + .later::before, .way .here + .later::before { border-top-style: dashed }
.way i { display: grid; place-items: center; width: 1.45rem; height: 1.45rem; border: 1.5px solid var(--line); border-radius: 50%; font: 600 .78rem/1 system-ui, sans-serif }
.way .here { color: var(--ink); font-weight: 600 }
.way .here i { background: var(--accent); border-color: var(--accent); color: var(--paper) }
.way .later i { border-style: dashed }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .4rem 1.4rem; margin: 0; align-items: baseline }
dt { color: var(--soft) }
dd { margin: 0; min-width: 0; overflow-wrap: anywhere }
mark { background: var(--mark); color: var(--mark-ink); border-radius: .2em; padding: .08em .12em; box-shadow: 0 0 0 1.5px var(--mark-ink) }
.sign { color: var(--soft); user-select: none; -webkit-user-select: none }
.note { margin: .45rem 0 0; color: var(--soft); font-size: .93rem }
.copy { user-select: all; -webkit-user-select: all }
.mend { background: var(--tint); border-radius: .8rem; padding: 1.1rem 1.35rem 1.25rem; margin-top: 2.6rem }
.mend h2 { margin-top: 0 }
.mend p { margin: .3rem 0 0 }
.mend code, .mend pre { background: var(--paper) }
.mend pre code { background: none }
.mend h3 { margin-top: 1.1rem }
details { margin-top: .7rem }
summary { color: var(--soft); font-size: .93rem; cursor: pointer; width: max-content; max-width: 100% }
details dl { margin-top: .7rem; font-size: .85rem }
.environment { margin-top: 2.6rem }
details pre { white-space: pre; overflow-x: auto; overflow-wrap: normal; font-size: .8rem }
footer { margin-top: 3rem; padding-top: 1rem; border-top: 1px solid var(--line); color: var(--soft); font-size: .89rem; display: flex; flex-wrap: wrap; gap: .25rem 1.5rem }
.list { list-style: none; margin: 1.1rem 0 0; padding: 0 }
.list li { padding: .85rem 0; border-top: 1px solid var(--line) }
.list li:last-child { border-bottom: 1px solid var(--line) }
.list .row { display: flex; flex-wrap: wrap; gap: .1rem 1.2rem; align-items: baseline; justify-content: space-between }
.list a { font-weight: 500; overflow-wrap: anywhere; padding: .2rem 0 }
.list .by { color: var(--soft); font-size: .85rem; overflow-wrap: anywhere }
.list .title { margin: .1rem 0 0; font-size: .97rem; color: var(--soft) }
.warn { margin: .2rem 0 0; font-size: .89rem; color: var(--accent) }
.lead { color: var(--soft); margin: .9rem 0 0 }
.why { margin: 1.5rem 0 0; padding: .1rem 0 .1rem 1.1rem; border-left: 3px solid var(--line) }
.why p { margin: .15rem 0 0 }
.why ul { margin: .5rem 0 0; padding: 0; list-style: none }
.why li { margin: .2rem 0; overflow-wrap: anywhere }
.why li span { color: var(--soft); font-size: .89rem }
ol.steps { padding-left: 1.3rem; margin: .8rem 0 0 }
ol.steps li { margin: .9rem 0 }
@media (max-width: 30rem) {
  dl { grid-template-columns: 1fr; gap: 0 } dt { font-size: .89rem } dd + dt { margin-top: .55rem }
  pre { padding: .75rem .85rem } .mend { margin-inline: -.5rem; padding-inline: 1rem }
}
@media (forced-colors: active) { mark, .way .here i { forced-color-adjust: none; outline: 2px solid CanvasText } }
@media print { body { max-width: none; padding: 0 } }
`.replace(/\n\s*/g, '\n');
