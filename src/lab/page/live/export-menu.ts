/** What is kept as files for other programs (lab/exports): a list of links that a button unfolds. */
import { h } from '../dom.js';
import type { Say, Word } from '../words.js';

/** Of all that is kept, or of one exchange; `wire`: bytes of a wire may be among it. */
export const exportMenu = (say: Say, id?: string, wire = true): HTMLElement => {
  const summary = h(
    'summary',
    { 'aria-label': say(id === undefined ? 'export.all' : 'export.one') },
    id === undefined ? say('export') : '⤓',
  );
  const query = id === undefined ? '' : `?id=${encodeURIComponent(id)}`;
  const close = (): void => menu.removeAttribute('open');
  const leave = (): void => {
    close();
    summary.focus();
  };
  const links = files
    .filter(([name]) => wire || name !== 'wire.pcapng')
    .map(([name, what, why]) =>
      h(
        'li',
        {},
        h(
          'a',
          { href: `export/${name}${query}`, download: true, click: leave },
          h('strong', {}, say(what)),
          h('span', { class: 'soft' }, say(why)),
        ),
      ),
    );
  const list = h('div', { class: 'sheet', tabindex: -1 }, h('ul', {}, ...links), h('p', { class: 'soft' }, say('export.secrets')));
  const menu = h(
    'details',
    {
      class: id === undefined ? 'export' : 'export one',
      keydown: (event: KeyboardEvent) => {
        if (!menu.open) return;
        // The live screen's own keys rest while it is open.
        event.stopPropagation();
        if (event.key === 'Escape') leave();
      },
      focusout: ({ relatedTarget }: FocusEvent) => {
        if (!menu.contains(relatedTarget as Node | null)) close();
      },
    },
    summary,
    list,
  );
  return menu;
};

const files: readonly (readonly [name: string, what: Word, why: Word])[] = [
  ['har', 'export.har', 'export.har.why'],
  ['trace.json', 'export.trace', 'export.trace.why'],
  ['wire.pcapng', 'export.wire', 'export.wire.why'],
  ['exchanges.ndjson', 'export.ndjson', 'export.ndjson.why'],
];
