/**
 * A hex dump with colours: offset, bytes, ASCII; sixteen bytes in a line where they fit, else eight. Only the lines in sight are made into
 * elements, a span for each run of a field: 64 KiB are as cheap as 64 bytes.
 */
import { h, put } from '../dom.js';
import { codesOf, gapBefore, offsetText, type Run, runsOf, type Stretch, signsOf } from './hex-lines.js';
import type { Paint } from './wire-tree.js';

export interface Painted extends Stretch {
  readonly paint?: Paint;
  readonly hidden?: boolean;
}

export interface HexView {
  readonly element: HTMLElement;
  /** Shows which bytes are meant; `reveal`: and scrolls so far. */
  mark(stretch: Stretch | undefined, reveal: boolean): void;
}

export interface HexEvents {
  /** The pointer is over this byte; undefined: over none any more. */
  readonly point: (at: number | undefined) => void;
  readonly pick: (at: number) => void;
  /** Enter: the reader wants to go where this byte is explained. */
  readonly leave: () => void;
}

export const hexView = (bytes: Uint8Array, stretches: readonly Painted[], label: string, events?: HexEvents): HexView => {
  const sheet = h('div', { class: 'sheet' });
  const lines = h('div', { class: 'lines' });
  const box = h('div', { class: 'hex', tabindex: 0, role: 'group', 'aria-label': label }, sheet);
  sheet.append(lines);
  let perLine = 16;
  let first = -1;
  let marked: Stretch | undefined;
  /** Where the keys are. */
  let cursor = 0;
  let runs: { readonly run: Run<Painted>; readonly elements: readonly HTMLElement[] }[] = [];

  const lineCount = (): number => Math.ceil(bytes.length / perLine);
  const draw = (): void => {
    const from = Math.max(0, Math.floor(box.scrollTop / lineHeight) - linesAhead);
    if (from === first) return;
    first = from;
    runs = [];
    const to = Math.min(lineCount(), from + Math.ceil(box.clientHeight / lineHeight) + 2 * linesAhead);
    put(lines, ...Array.from({ length: Math.max(0, to - from) }, (_, i) => lineOf((from + i) * perLine)));
    lines.style.top = `${from * lineHeight}px`;
    show();
  };
  const lineOf = (at: number): HTMLElement => {
    const end = Math.min(bytes.length, at + perLine);
    const codes = h('span', { class: 'codes' });
    const signs = h('span', { class: 'signs' });
    for (const run of runsOf(stretches, at, end)) {
      const { paint, hidden = false } = run.stretch ?? {};
      const named = { class: `run ${paint ?? ''}${hidden ? ' struck' : ''}`, 'data-at': run.at };
      const code = h('span', named, codesOf(bytes, run, at, hidden));
      const sign = h('span', named, signsOf(bytes, run));
      codes.append(gapBefore(run.at, at), code);
      signs.append(sign);
      runs.push({ run, elements: [code, sign] });
    }
    return h('div', { class: 'line' }, h('span', { class: 'offset' }, offsetText(at, bytes.length)), codes, signs);
  };
  const show = (): void => {
    for (const { run, elements } of runs) {
      const on = marked !== undefined && run.end > marked.at && run.at < marked.at + marked.bytes;
      for (const element of elements) element.classList.toggle('on', on);
    }
  };
  const reveal = (at: number): void => {
    const top = Math.floor(at / perLine) * lineHeight;
    if (top < box.scrollTop || top + lineHeight > box.scrollTop + box.clientHeight) box.scrollTop = Math.max(0, top - 2 * lineHeight);
  };
  const measure = (): void => {
    const probe = h('span', { class: 'line' }, '0'.repeat(16));
    box.append(probe);
    const letter = probe.getBoundingClientRect().width / 16;
    probe.remove();
    perLine = box.clientWidth >= letter * lettersOf(16) + margins ? 16 : 8;
    box.classList.toggle('narrow', perLine === 8);
    sheet.style.height = `${lineCount() * lineHeight}px`;
    first = -1;
    draw();
  };
  // In the next frame: what it changes is measured again.
  new ResizeObserver(() => requestAnimationFrame(measure)).observe(box);
  box.addEventListener('scroll', draw);

  if (events) {
    const atOf = (event: Event): number | undefined => {
      const said = (event.target as HTMLElement).closest<HTMLElement>('[data-at]')?.dataset.at;
      return said === undefined ? undefined : Number(said);
    };
    box.addEventListener('pointerover', (event) => events.point(atOf(event)));
    box.addEventListener('pointerleave', () => events.point(undefined));
    box.addEventListener('click', (event) => {
      const at = atOf(event);
      if (at === undefined) return;
      cursor = at;
      events.pick(at);
    });
    const goTo = (at: number): void => {
      cursor = Math.min(bytes.length - 1, Math.max(0, at));
      events.pick(cursor);
      reveal(cursor);
    };
    const fieldAt = (at: number): Run<Painted> | undefined => runsOf(stretches, at, at + 1)[0];
    const keys: Readonly<Record<string, () => void>> = {
      ArrowRight() {
        const here = fieldAt(cursor)?.stretch;
        goTo(here === undefined ? cursor + 1 : here.at + here.bytes);
      },
      ArrowLeft() {
        const at = fieldAt(cursor)?.stretch?.at ?? cursor;
        goTo(fieldAt(Math.max(0, at - 1))?.stretch?.at ?? at - 1);
      },
      ArrowDown: () => goTo(cursor + perLine),
      ArrowUp: () => goTo(cursor - perLine),
      PageDown: () => goTo(cursor + perLine * linesAPage),
      PageUp: () => goTo(cursor - perLine * linesAPage),
      Home: () => goTo(0),
      End: () => goTo(bytes.length - 1),
      Enter: events.leave,
    };
    box.addEventListener('keydown', (event) => {
      const act = keys[event.key];
      if (act === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      event.stopPropagation();
      act();
    });
  } else box.addEventListener('keydown', (event) => scrolling.has(event.key) && event.stopPropagation());

  return {
    element: box,
    mark(stretch, scroll) {
      marked = stretch;
      if (stretch && scroll) {
        cursor = stretch.at;
        reveal(stretch.at);
      }
      show();
    },
  };
};

/** As the style sheet has it, in pixels. */
const lineHeight = 22;
const margins = 26;
/** Lines made above and below those in sight. */
const linesAhead = 6;
const linesAPage = 12;
/** Offset, codes and signs of one line, with the gaps between them. */
const lettersOf = (perLine: number): number => 4 + 2 + perLine * 3 + perLine / 8 - 1 + 1 + perLine;
/** Keys that scroll the box; the page has other uses for them elsewhere. */
const scrolling: ReadonlySet<string> = new Set(['ArrowUp', 'ArrowDown', 'PageUp', 'PageDown', 'Home', 'End', ' ']);
