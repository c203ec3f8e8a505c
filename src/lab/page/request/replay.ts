/**
 * A request sent again: changed where somebody wants it changed, through any gateway that serves the same program; beside the answer that
 * was there, the answers that came. The commands that send it from a terminal follow what is written here.
 */
import type { ToldDetail, ToldPlace, ToldPlaces, ToldReplay } from '../../told.js';
import { type Child, h, put } from '../dom.js';
import { bytes } from '../format.js';
import { refusalIn } from '../words.js';
import { curlOf, rerunOf } from './again.js';
import { nameOf, sideOf } from './compare.js';
import { compareView } from './compare-view.js';
import {
  againOf,
  type Draft,
  hidden,
  type Original,
  originalOf,
  rerunFrom,
  typedTarget,
  type Way,
  wantedOf,
  waysOf,
} from './replay-draft.js';
import type { RequestView } from './request.js';

/** What is being written, and what has come of it; kept while somebody looks at other requests. */
interface Desk {
  readonly original: Original;
  readonly draft: Draft;
  answers: readonly ToldDetail[];
  busy: boolean;
  /** What became of the last attempt, in words. */
  news: string;
  /** Shows all that on the panel that is there now. */
  show: () => void;
}

const desks = new Map<string, Desk>();
const desksMax = 20;

const deskOf = (detail: ToldDetail): Desk => {
  const known = desks.get(detail.id);
  // A request that still runs may have more of a body by now.
  if (known && (known.original.body.length > 0 || detail.details.every(({ input }) => input.bytes === 0))) return known;
  const original = originalOf(detail);
  const { method, target, head } = original;
  const draft = { method, target, head, typed: undefined };
  const desk: Desk = { original, draft, answers: [], busy: false, news: '', show: () => {} };
  desks.set(detail.id, desk);
  for (const id of [...desks.keys()].slice(0, -desksMax)) desks.delete(id);
  return desk;
};

/** As the lab told them last. */
let places: readonly ToldPlace[] = [];

export const replay = (view: RequestView): Child[] => {
  const { detail, say, present } = view;
  const desk = deskOf(detail);
  const { draft } = desk;
  const commands = h('section', { class: 'again' });
  const sending = h('div', { class: 'sending' });
  const compared = h('section', {});
  const news = h('p', { class: 'soft', role: 'status' });

  const rewritten = (): void => {
    put(commands, ...commandsFor(view, desk));
    fillSending();
  };
  const fillSending = (): void => {
    const focused = document.activeElement?.id;
    put(sending, ...(present ? [] : sendingFrom(view, desk, choose)));
    if (focused) document.getElementById(focused)?.focus();
  };
  const fields = fieldsFor(view, desk, rewritten);
  const choose = (way: Way): void => {
    draft.target = way.target;
    fields.target.value = way.target;
    rewritten();
  };
  desk.show = () => {
    fillSending();
    put(news, desk.news);
    const sides = [detail, ...desk.answers].map(sideOf);
    put(compared, ...(desk.answers.length === 0 ? [] : [h('h3', {}, say('compare.title')), ...compareView({ ...view, sides })]));
  };
  rewritten();
  desk.show();
  void freshPlaces().then(fillSending);
  return [
    h('p', { class: 'soft' }, say(present ? 'replay.lead.present' : 'replay.lead')),
    h(
      'form',
      {
        // What is typed here is text, and no key of the page's.
        keydown: (event: KeyboardEvent) => event.stopPropagation(),
        submit: (event: Event) => {
          event.preventDefault();
          if (!present) void send(view, desk, [typedTarget(draft.target)]);
        },
      },
      ...fields.elements,
      sending,
    ),
    news,
    compared,
    commands,
  ];
};

const freshPlaces = async (): Promise<void> => {
  const answer = await fetch('places').catch(() => undefined);
  if (answer?.ok) ({ places } = (await answer.json()) as ToldPlaces);
};

// --- what is sent ------------------------------------------------------------------------------------------------------

const fieldsFor = (
  { detail, say, present }: RequestView,
  { draft, original }: Desk,
  rewritten: () => void,
): { readonly target: HTMLInputElement; readonly elements: Child[] } => {
  const hearing = (write: (text: string) => void) => (event: Event) => {
    write((event.target as HTMLInputElement | HTMLTextAreaElement).value);
    rewritten();
  };
  const usual = { readonly: present, spellcheck: 'false', autocomplete: 'off', autocapitalize: 'off' };
  const method = h('input', { ...usual, id: 'replay-method', value: draft.method, input: hearing((text) => (draft.method = text)) });
  const target = h('input', { ...usual, id: 'replay-target', value: draft.target, input: hearing((text) => (draft.target = text)) });
  const rows = Math.min(12, Math.max(2, draft.head.split('\n').length));
  const head = h('textarea', { ...usual, id: 'replay-head', rows, input: hearing((text) => (draft.head = text)) }, draft.head);
  const masked = original.head.includes(hidden) && say('replay.hidden', { sign: hidden });
  return {
    target,
    elements: [
      h('div', { class: 'line' }, labelled(method, say('replay.method')), labelled(target, say('replay.target'))),
      labelled(head, say('replay.head')),
      h('p', { class: 'hint' }, masked, masked && ' ', say(detail.details.length === 0 ? 'replay.nohead' : 'replay.framing')),
      ...bodyFor({ draft, original }, { say, present }, usual, hearing),
    ],
  };
};

const labelled = (field: HTMLElement, words: string): HTMLElement =>
  h('div', { class: 'field' }, h('label', { for: field.id }, words), field);

const bodyFor = (
  { draft, original }: Pick<Desk, 'draft' | 'original'>,
  { say, present }: Pick<RequestView, 'say' | 'present'>,
  usual: Record<string, string | boolean>,
  hearing: (write: (text: string) => void) => (event: Event) => void,
): Child[] => {
  const { body, more, text } = original;
  const field = h('textarea', {
    ...{ ...usual, id: 'replay-body', rows: Math.min(10, Math.max(2, (text ?? '').split('\n').length)) },
    input: hearing((typed) => (draft.typed = typed)),
  });
  field.value = draft.typed ?? text ?? '';
  const writing = labelled(field, say('replay.body'));
  const binary = text === undefined && draft.typed === undefined;
  const note = h('p', { class: 'hint' }, say('replay.body.binary', { bytes: bytes(body.length) }), ' ');
  const write = (): void => {
    draft.typed = '';
    note.replaceWith(writing);
    field.focus();
    field.dispatchEvent(new Event('input'));
  };
  if (!present) note.append(h('button', { type: 'button', click: write }, say('replay.body.write')));
  return [
    binary ? note : writing,
    more > 0 && h('p', { class: 'hint warn' }, say('replay.body.cut', { kept: bytes(body.length), more: bytes(more) })),
    !binary && new TextDecoder().decode(body).includes('\r\n') && h('p', { class: 'hint' }, say('replay.body.crlf')),
  ];
};

/** The gateways that serve the program which the target names; the buttons. */
const sendingFrom = (view: RequestView, desk: Desk, choose: (way: Way) => void): Child[] => {
  const { say } = view;
  const target = typedTarget(desk.draft.target);
  // In an order of their own: what is chosen does not move.
  const ways = waysOf(target, places).sort((a, b) => places.indexOf(a.place) - places.indexOf(b.place));
  return [
    ways.length > 1 &&
      h(
        'fieldset',
        {},
        h('legend', {}, say('replay.ways')),
        ...ways.map((way, i) => {
          const id = `replay-way-${i}`;
          const radio = { type: 'radio', name: 'replay-way', id, checked: way.target === target, change: () => choose(way) };
          return h(
            'label',
            { for: id },
            h('input', radio),
            h('span', {}, say('replay.way', { gateway: nameOf(way.place.gateway) }), ' ', h('code', {}, way.place.path)),
          );
        }),
      ),
    h(
      'div',
      { class: 'buttons' },
      h('button', { type: 'submit', class: 'main', id: 'replay-send', disabled: desk.busy }, say('replay.send')),
      ways.length > 1 &&
        h(
          'button',
          {
            ...{ type: 'button', id: 'replay-all', disabled: desk.busy },
            click: () =>
              void send(
                view,
                desk,
                ways.map((way) => way.target),
              ),
          },
          say('replay.send.all', { count: ways.length }),
        ),
    ),
  ];
};

/** One after the other: at once they would take each other's time. */
const send = async ({ say, lang }: RequestView, desk: Desk, targets: readonly string[]): Promise<void> => {
  if (desk.busy) return;
  const tell = (news: string, busy: boolean): void => {
    Object.assign(desk, { news, busy });
    desk.show();
  };
  desk.answers = [];
  tell(say('replay.sending'), true);
  for (const target of targets) {
    const wanted = wantedOf(desk.draft, desk.original, target);
    if (typeof wanted === 'number') return tell(say('replay.line', { line: wanted }), false);
    const answer = await fetch('replay', { method: 'POST', body: JSON.stringify(wanted) }).catch(() => undefined);
    if (!answer?.ok) return tell(refusalIn(await answer?.text(), lang) ?? say('replay.failed'), false);
    const { id } = (await answer.json()) as ToldReplay;
    const found = await fetch(`exchanges/${id}`).catch(() => undefined);
    if (!found?.ok) return tell(say('replay.failed'), false);
    desk.answers = [...desk.answers, (await found.json()) as ToldDetail];
    desk.show();
  }
  tell(say('replay.done'), false);
};

// --- in a terminal -----------------------------------------------------------------------------------------------------

const commandsFor = ({ detail, url, say }: RequestView, { draft, original }: Desk): Child[] => {
  const again = againOf(draft, original);
  if (again === undefined) return [];
  const rerun = rerunFrom(detail, draft);
  const lines = [curlOf(again, url), ...(rerun === undefined ? [] : [rerunOf(again, rerun)])];
  const copied = h('p', { class: 'soft', role: 'status' });
  return [
    h('h3', {}, say('replay.again')),
    ...lines.map((line) => {
      const text = h('pre', { tabindex: 0 }, line);
      const copy = async (): Promise<void> => {
        // Only where the page is thought to be safe: not on a projector's, reached by its address.
        const done = await (navigator.clipboard as Clipboard | undefined)?.writeText(line).then(
          () => true,
          () => false,
        );
        if (!done) getSelection()?.selectAllChildren(text);
        put(copied, say(done ? 'replay.copied' : 'replay.selected'));
      };
      return h('div', { class: 'command' }, text, h('button', { type: 'button', click: () => void copy() }, say('replay.copy')));
    }),
    copied,
    h('p', { class: 'soft' }, say('replay.again.less'), lines[0]!.includes('@FILE') && ` ${say('replay.again.file')}`),
  ];
};
