/**
 * Every variable that the program saw: what it is, and which bytes of the HTTP request it is made of; what of the request is no variable,
 * and why; how another request's variables differ. What is pointed at, or has the focus, is framed in the request's head.
 */
import type { ToldDetail, ToldExchange, ToldHeadField, ToldRunDetail, ToldVariable } from '../../told.js';
import { type Child, h, put } from '../dom.js';
import { bytes, clock } from '../format.js';
import type { Say, Word } from '../words.js';
import { type Change, type Difference, differences } from './difference.js';
import { rfcVariables } from './environment-words.js';
import { cutHead, originOf, type Piece } from './origins.js';
import { prose } from './prose.js';
import type { RequestView } from './request.js';
import { requestOf } from './story.js';

type Kind = 'all' | 'rfc' | 'http' | 'extra';
/** Kept while the page lives: whoever goes from one request to the next wants the same rows. */
const wish = { kind: 'all' as Kind, against: '', only: false };

interface Row extends Omit<Difference, 'change'> {
  readonly change: Change | undefined;
}

interface Beside {
  readonly serial: number;
  readonly variables: readonly ToldVariable[];
}

export const environment = (view: RequestView): Child[] => {
  const { detail, say } = view;
  const holder = h('div');
  let other: ToldDetail | undefined;
  let gone = false;
  const fill = (): void => {
    const focused = document.activeElement?.id;
    const runs = detail.details.flatMap((run, i): Child[] => {
      const there = other && (other.details[i] ?? other.details.at(-1));
      const title = detail.details.length > 1 && h('h3', {}, detail.runs[i]?.script ?? '');
      return [title, ...environmentOf(run, i, view, there && { serial: other!.serial, variables: there.variables })];
    });
    put(holder, ...choices(view, other !== undefined, fill, ask), gone && h('p', { class: 'soft' }, say('env.gone')), ...runs);
    if (focused) document.getElementById(focused)?.focus();
  };
  const ask = async (): Promise<void> => {
    const { against } = wish;
    const answer = against === '' || against === detail.id ? undefined : await fetch(`exchanges/${against}`).catch(() => undefined);
    if (against !== wish.against) return;
    other = answer?.ok ? ((await answer.json()) as ToldDetail) : undefined;
    gone = answer !== undefined && other === undefined;
    fill();
  };
  fill();
  if (wish.against !== '') void ask();
  return [holder];
};

// --- which rows ------------------------------------------------------------------------------------------------------

const kinds: readonly (readonly [Kind, Word])[] = [
  ['all', 'env.all'],
  ['rfc', 'env.rfc'],
  ['http', 'env.http'],
  ['extra', 'env.extra'],
];

const kindOf = ({ name, section }: ToldVariable): Kind => (name.startsWith('HTTP_') ? 'http' : section === undefined ? 'extra' : 'rfc');

const choices = ({ detail, say, others }: RequestView, compared: boolean, fill: () => void, ask: () => Promise<void>): Child[] => {
  const count = detail.details.reduce((sum, { variables }) => sum + variables.length, 0);
  const choice = (id: string, text: string, pressed: boolean, wished: Partial<typeof wish>): HTMLElement => {
    const click = (): void => {
      Object.assign(wish, wished);
      fill();
    };
    return h('button', { type: 'button', id, 'aria-pressed': String(pressed), click }, text);
  };
  const select = h('select', {
    id: 'env-against',
    change: () => {
      wish.against = select.value;
      void ask();
    },
  });
  const offer = (): void => {
    const asked = others().filter(({ id, runs }) => id !== detail.id && runs.length > 0);
    const options = asked.slice(0, offersMax).map((exchange) => h('option', { value: exchange.id }, nameOf(exchange)));
    put(select, h('option', { value: '' }, say('env.against.none')), ...options);
    select.value = wish.against;
    if (select.selectedIndex < 0) select.value = '';
  };
  offer();
  // Others come while this panel is read.
  for (const event of ['focus', 'pointerenter']) select.addEventListener(event, offer);
  return [
    h(
      'div',
      { class: 'choices' },
      ...kinds.map(([kind, word]) => choice(`env-${kind}`, say(word, { count }), kind === wish.kind, { kind })),
    ),
    h(
      'div',
      { class: 'choices' },
      h('label', {}, say('env.against'), ' ', select),
      compared && choice('env-only', say('env.only'), wish.only, { only: !wish.only }),
    ),
  ];
};

/** A list that is longer is searched in the table of requests. */
const offersMax = 100;

const nameOf = (exchange: ToldExchange): string => {
  const request = requestOf(exchange);
  return `#${exchange.serial} · ${request.length > 48 ? `${request.slice(0, 47)}…` : request} · ${clock(exchange.at)}`;
};

// --- one program's variables -------------------------------------------------------------------------------------------

const environmentOf = (run: ToldRunDetail, i: number, view: RequestView, there: Beside | undefined): Child[] => {
  const { say } = view;
  const head = headOf(run, i, view);
  const all: readonly Row[] = there
    ? differences(run.variables, there.variables)
    : run.variables.map((variable) => ({ variable, there: undefined, change: undefined }));
  const wanted = ({ change }: Row): boolean => !(wish.only && (change === 'same' || change === 'hidden'));
  const rows = (wish.kind === 'all' ? (['rfc', 'http', 'extra'] as const) : [wish.kind]).flatMap((kind) =>
    all.filter((row) => kindOf(row.variable) === kind && wanted(row)),
  );
  const firstField = rows.find(({ variable }) => kindOf(variable) === 'http');
  const columns = (['name', 'value', 'from'] as const).map((word) => h('th', { scope: 'col' }, say(`env.${word}`)));
  const known = new Set(run.variables.map(({ name }) => name));
  return [
    head.element,
    ...(there ? [h('p', { class: 'conclusion' }, ...summaryOf(all, there.serial, say))] : []),
    rows.length === 0 && h('p', { class: 'soft' }, say('env.alike')),
    rows.length > 0 &&
      h(
        'table',
        { class: 'facts variables' },
        h('thead', {}, h('tr', {}, ...columns)),
        walked(
          rows.map((row) => {
            const { variable, change } = row;
            const cells = [
              h('th', { scope: 'row' }, change && change !== 'same' && changeIn(change, say), nameIn(variable.name)),
              h('td', {}, ...valuesOf(row, there?.serial ?? 0, i, view)),
              h('td', { class: 'soft' }, ...meaningOf(variable, row === firstField, say)),
            ];
            return { row: h('tr', { class: change }, ...cells), show: () => head.show(variable, change === 'removed') };
          }),
        ),
      ),
    ...droppedOf(run, head, say),
    h(
      'details',
      {},
      h('summary', {}, say('env.absent', { count: rfcVariables.filter((name) => !known.has(name)).length })),
      h(
        'dl',
        {},
        ...rfcVariables.flatMap((name, at) =>
          known.has(name) ? [] : [h('dt', {}, h('code', {}, name), ` · RFC 3875 §4.1.${at + 1}`), h('dd', {}, say(`rfc.${name}` as Word))],
        ),
      ),
    ),
  ];
};

/** A sign that is read without its colour, beside its word. */
const changeIn = (change: Exclude<Change, 'same'>, say: Say): HTMLElement =>
  h('span', { class: 'change' }, h('span', { 'aria-hidden': 'true' }, signs[change]), ' ', say(`change.${change}`));

const signs = { added: '+', removed: '−', changed: '≠', hidden: '•' } as const;

const summaryOf = (rows: readonly Row[], serial: number, say: Say): Child[] => {
  const count = (change: Change): number => rows.filter((row) => row.change === change).length;
  const hidden = count('hidden');
  const counts = { added: count('added'), removed: count('removed'), changed: count('changed'), same: count('same') };
  return [say('env.summary', { serial, ...counts }), hidden > 0 && ` ${say('env.summary.hidden', { hidden })}`];
};

/** A long name may be broken between its words. */
const nameIn = (name: string): HTMLElement => h('code', {}, ...name.split(/(?<=_)/).flatMap((word) => [h('wbr'), word]));

/** Where it comes from; the RFC's section, and what that says. Of header fields it is said once. */
const meaningOf = ({ name, section }: ToldVariable, firstField: boolean, say: Say): Child[] => {
  const isField = name.startsWith('HTTP_');
  const origin = prose(originOf(name, say));
  if (section === undefined || (isField && !firstField)) return origin;
  const meaning = say(isField ? 'rfc.HTTP_*' : (`rfc.${name}` as Word));
  return [...origin, h('span', { class: 'meaning' }, `${section} · ${meaning}`)];
};

const valuesOf = ({ variable, there, change }: Row, serial: number, run: number, { say, reveal }: RequestView): Child[] => {
  if (change === undefined || change === 'same' || change === 'hidden') return [valueIn(variable, run, say, reveal)];
  const line = (where: string, value: Child): Child => h('div', {}, h('span', { class: 'where' }, `${where} `), value);
  return [
    change !== 'removed' && line(say('env.here'), valueIn(variable, run, say, reveal)),
    there && change !== 'added' && line(say('env.there', { serial }), valueIn(there, run, say, undefined)),
  ];
};

const valueIn = ({ name, value }: ToldVariable, run: number, say: Say, reveal: RequestView['reveal']): Child => {
  if (value !== undefined) return h('code', { class: 'value' }, value === '' ? '""' : value);
  const hidden: HTMLElement = h('span', { class: 'secret' }, `${mask} `, h('span', { class: 'soft' }, say('env.secret')));
  if (reveal === undefined) return hidden;
  const show = async (): Promise<void> => put(hidden, h('code', { class: 'value' }, await reveal(run, name)));
  hidden.append(' ', h('button', { type: 'button', click: () => void show() }, say('env.show')));
  return hidden;
};

const mask = '••••••';

// --- the request's head ------------------------------------------------------------------------------------------------

interface Head {
  readonly element: HTMLElement | undefined;
  /** Frames what a variable is made of, and says so. */
  show(variable: ToldVariable, missing: boolean): void;
  showField(at: number): void;
}

const headOf = ({ head, ...run }: ToldRunDetail, i: number, { detail, say }: RequestView): Head => {
  if (head === undefined) return { element: undefined, show() {}, showField() {} };
  const title = head.target === detail.target ? say('env.head', { bytes: bytes(head.bytes) }) : say('env.head.own');
  const cut = cutHead(head, run);
  const drawn = new Map<Piece, HTMLElement>();
  const draw = (piece: Piece): HTMLElement => {
    const element = h(piece.dropped ? 's' : 'span', {}, piece.hidden ? mask : piece.text);
    drawn.set(piece, element);
    return element;
  };
  const lines = cut.lines.map((line) => h('span', { class: 'line' }, ...line.map(draw)));
  const box = h('pre', { class: 'bytes', id: `env-head-${i}`, tabindex: 0, role: 'region', 'aria-label': title }, ...lines);
  const caption = h('p', { class: 'caption' }, say('env.hint'));
  const frame = (pieces: readonly Piece[], said: string): void => {
    for (const [piece, element] of drawn) element.classList.toggle('lit', pieces.includes(piece));
    put(caption, ...prose(said));
    const first = pieces[0] && drawn.get(pieces[0]);
    if (!first) return;
    const { offsetTop: top, offsetHeight: height } = first;
    if (top < box.scrollTop || top + height > box.scrollTop + box.clientHeight) box.scrollTop = top - height;
  };
  return {
    element: h('section', { class: 'http-head' }, h('h3', {}, title), box, caption),
    show({ name, value }, missing) {
      const pieces = missing ? [] : cut.of(name);
      const word = missing ? 'env.missing' : pieces.length > 0 ? 'env.made' : value === '' ? 'env.empty' : 'env.elsewhere';
      frame(pieces, say(word, { name: `\`${name}\``, from: originOf(name, say) }));
    },
    showField(at) {
      const { name, fate, variable } = head.fields[at]!;
      const word = isLost(fate) && variable === undefined ? 'env.lost' : 'env.field.shown';
      frame(cut.field(at), say(word, { name: `\`${name}\`` }));
    },
  };
};

/** Content-Length is told under another name. */
const isLost = (fate: ToldHeadField['fate']): boolean => fate !== 'length' && fate !== 'joined';

const droppedOf = ({ head }: ToldRunDetail, { showField }: Head, say: Say): Child[] => {
  const rows = (head?.fields ?? []).flatMap(({ name, fate, variable, wouldBe = '' }, at): Walked[] => {
    if (fate === 'variable') return [];
    const became = nameIn(variable ?? wouldBe);
    const cells = [
      h('th', { scope: 'row' }, h('code', {}, name)),
      h('td', {}, variable === undefined ? h('s', {}, became) : became),
      h('td', { class: 'soft' }, ...prose(say(`fate.${fate}`))),
    ];
    return [{ row: h('tr', {}, ...cells), show: () => showField(at) }];
  });
  if (rows.length === 0) return [];
  const columns = (['field', 'would', 'why'] as const).map((word) => h('th', { scope: 'col' }, say(`env.${word}`)));
  return [h('h3', {}, say('env.dropped')), h('table', { class: 'facts dropped' }, h('thead', {}, h('tr', {}, ...columns)), walked(rows))];
};

// --- rows that are pointed at --------------------------------------------------------------------------------------------

interface Walked {
  readonly row: HTMLTableRowElement;
  readonly show: () => void;
}

/** Pointed at with a mouse, or gone through by the arrows: of all rows, one is in the way of the Tab key. */
const walked = (all: readonly Walked[]): HTMLTableSectionElement => {
  const rows = all.map(({ row }) => row);
  const stay = (at: number): void => {
    for (const [i, row] of rows.entries()) row.tabIndex = i === at ? 0 : -1;
  };
  const atOf = (event: Event): number => rows.indexOf((event.target as Element).closest('tr')!);
  /** What has the focus is shown, though rows pass below a mouse that rests. */
  let byKeys = false;
  const point = (event: Event): void => {
    if (!byKeys) all[atOf(event)]?.show();
  };
  stay(0);
  return h(
    'tbody',
    {
      mouseover: point,
      mousemove(event: MouseEvent) {
        if (!byKeys || (event.movementX === 0 && event.movementY === 0)) return;
        byKeys = false;
        point(event);
      },
      wheel: () => {
        byKeys = false;
      },
      click: (event: Event) => all[atOf(event)]?.show(),
      focusin(event: FocusEvent) {
        byKeys = true;
        stay(atOf(event));
        all[atOf(event)]?.show();
      },
      keydown(event: KeyboardEvent) {
        const at = rows.indexOf(event.target as HTMLTableRowElement);
        const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 }[event.key];
        if (at < 0 || to === undefined) return;
        // They would choose another request otherwise.
        event.stopPropagation();
        event.preventDefault();
        rows[Math.min(rows.length - 1, Math.max(0, to))]?.focus();
      },
    },
    ...rows,
  );
};
