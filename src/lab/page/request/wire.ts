/**
 * The bytes between this server and a program that stays: how much of them is envelope, what each of them is for, and how large the same
 * request would be on another wire. A field of the tree shows its bytes, a byte shows its field.
 */
import type { ToldDetail, ToldWay } from '../../told.js';
import { type Child, h, put, svg } from '../dom.js';
import { bytes, fromBase64, percent } from '../format.js';
import type { Say } from '../words.js';
import { hexView } from './hex-view.js';
import type { RequestView } from './request.js';
import { titleOf, toldOf, treeView } from './tree-view.js';
import { leavesOf, paints, pathTo, treeOf, type WireNode } from './wire-tree.js';

export const wire = ({ detail, say }: RequestView): Child[] => {
  if (detail.runs.length === 0) return [h('p', { class: 'soft' }, say('timeline.none'))];
  const sizes = sizesTable(detail, say);
  if (detail.wire === undefined) return [h('p', { class: 'conclusion' }, say('wire.none')), ...sizes];
  const { name, ways } = detail.wire;
  const seen = ways.map((way) => {
    const all = fromBase64(way.base64);
    const nodes = treeOf(name, way, all);
    return { way, all, nodes, leaves: leavesOf(nodes) };
  });
  return [
    h('p', { class: 'conclusion' }, say(`wire.${name}`)),
    h('p', { class: 'conclusion' }, comparison(ways, say)),
    weights(ways, say),
    legend(
      seen.flatMap(({ leaves }) => leaves),
      say,
    ),
    ...seen.flatMap((each) => inspector(each, say)),
    ...sizes,
  ];
};

// --- envelope and payload ----------------------------------------------------------------------------------------------

const envelopeOf = (way: ToldWay): number => way.bytes - way.payload;
const shareOf = (way: ToldWay): string => {
  const share = envelopeOf(way) / way.bytes;
  return share > 0 && share < 0.01 ? `< ${percent(0.01)}` : percent(share);
};

const comparison = (ways: readonly ToldWay[], say: Say): string => {
  const [sent, received] = (['sent', 'received'] as const).map((name) => ways.find(({ way, bytes: count }) => way === name && count > 0));
  if (!sent) return '';
  return received
    ? say('wire.compared', { sent: shareOf(sent), received: shareOf(received) })
    : say('wire.compared.sent', { sent: shareOf(sent) });
};

/** A table and its picture in one: the figures of each way, and below them its bar, both ways to the same scale. */
const weights = (ways: readonly ToldWay[], say: Say): HTMLElement => {
  const largest = Math.max(1, ...ways.map((way) => way.bytes));
  return h(
    'table',
    { class: 'facts weights' },
    h(
      'thead',
      {},
      h(
        'tr',
        {},
        h('th', { scope: 'col' }, say('wire.way')),
        h('th', { scope: 'col', class: 'number' }, swatch('payload'), say('wire.payload')),
        h('th', { scope: 'col', class: 'number' }, swatch('envelope'), say('wire.envelope')),
        h('th', { scope: 'col', class: 'number' }, say('wire.together')),
      ),
    ),
    ...ways.map((way) =>
      h(
        'tbody',
        {},
        h(
          'tr',
          {},
          h('th', { scope: 'row' }, say(`wire.${way.way}`)),
          h('td', { class: 'number' }, bytes(way.payload)),
          h('td', { class: 'number' }, way.bytes === 0 ? '' : `${bytes(envelopeOf(way))} · ${shareOf(way)}`),
          h('td', { class: 'number' }, bytes(way.bytes)),
        ),
        h(
          'tr',
          { class: 'bars' },
          h(
            'td',
            { colspan: 4 },
            bar(
              [
                ['payload', way.payload / largest],
                ['envelope', envelopeOf(way) / largest],
              ],
              say('wire.picture', { way: say(`wire.${way.way}`), envelope: bytes(envelopeOf(way)), payload: bytes(way.payload) }),
              700,
            ),
          ),
        ),
      ),
    ),
  );
};

/** Parts of a bar that would be 1 in all; the envelope is hatched as well. `units`: about as wide as it is in pixels. */
const bar = (parts: readonly Part[], label: string, units: number): SVGSVGElement => {
  let x = 0;
  return svg(
    'svg',
    { class: 'weight', viewBox: `0 0 ${units} 14`, preserveAspectRatio: 'none', role: 'img', 'aria-label': label },
    ...parts.flatMap(([name, share]) => {
      const place = { x, y: 0, width: share * units, height: 14 };
      x += place.width;
      return [svg('rect', { class: name, ...place }), name === 'envelope' && svg('rect', { fill: 'url(#hatch-exit)', ...place })];
    }),
  );
};

type Part = readonly [name: 'payload' | 'envelope' | 'http', share: number];

const swatch = (name: string): SVGSVGElement =>
  svg(
    'svg',
    { class: 'swatch weight', viewBox: '0 0 14 14', 'aria-hidden': 'true' },
    svg('rect', { class: name, width: 14, height: 14 }),
    name === 'envelope' && svg('rect', { fill: 'url(#hatch-exit)', width: 14, height: 14 }),
  );

// --- fields and bytes --------------------------------------------------------------------------------------------------

/** Each kind of byte in its colour and with its other sign. */
const legend = (leaves: readonly WireNode[], say: Say): HTMLElement => {
  const shown = paints.filter((paint) => leaves.some((leaf) => leaf.paint === paint));
  return h(
    'p',
    { class: 'paints' },
    ...shown.map((paint) => h('span', {}, h('span', { class: `run ${paint}` }, '0f'), say(`paint.${paint}`))),
    leaves.some(({ hidden }) => hidden) && h('span', {}, h('span', { class: 'run struck' }, '**'), say('paint.hidden')),
  );
};

interface SeenWay {
  readonly way: ToldWay;
  readonly all: Uint8Array;
  readonly nodes: readonly WireNode[];
  readonly leaves: readonly WireNode[];
}

/** The tree and the bytes of one way; what is chosen in one of them is shown in both, and explained below. */
const inspector = ({ way, all, nodes, leaves }: SeenWay, say: Say): Child[] => {
  const title = h('h3', {}, say(`wire.title.${way.way}`, { bytes: bytes(way.bytes) }));
  if (all.length === 0) return [title, h('p', { class: 'soft' }, say('streams.none'))];
  const side = say(`wire.${way.way}`);
  const saysId = `says-${way.way}`;
  const says = h('p', { class: 'says', id: saysId }, say('wire.hint'));
  let picked: readonly WireNode[] = [];
  let pointed: readonly WireNode[] | undefined;

  const show = (from: 'tree' | 'hex'): void => {
    const path = pointed ?? picked;
    hex.mark(path.at(-1), from === 'tree');
    tree.mark(path, from === 'hex');
    put(says, ...(path.length === 0 ? [say('wire.hint')] : explanation(path.at(-1)!, say)));
  };
  const pathOf = (node: WireNode): WireNode[] => {
    const path = pathTo(nodes, node.at);
    return path.slice(0, path.indexOf(node) + 1);
  };
  // Only the first records with variables: an environment of many kilobytes has several.
  const firstWithVariables = nodes.find(({ children }) => children.some(({ says: word }) => word === 'node.pair'));
  const tree = treeView(nodes, (node) => node === firstWithVariables, say('wire.tree', { way: side }), saysId, say, {
    point(node) {
      pointed = node && pathOf(node);
      show('tree');
    },
    pick(node) {
      picked = pathOf(node);
      show('tree');
    },
  });
  const hex = hexView(all, leaves, say('wire.hex', { way: side }), {
    point(at) {
      pointed = at === undefined ? undefined : pathTo(nodes, at);
      show('hex');
    },
    pick(at) {
      picked = pathTo(nodes, at);
      pointed = undefined;
      tree.choose(picked);
      show('hex');
    },
    leave: tree.focus,
  });
  // The tree says it by itself, as the description of its rows; who is among the bytes hears it here.
  hex.element.addEventListener('focus', () => says.setAttribute('aria-live', 'polite'));
  hex.element.addEventListener('blur', () => says.removeAttribute('aria-live'));

  return [
    title,
    h('div', { class: 'inspector' }, tree.element, hex.element, says),
    way.fieldsMore > 0 && h('p', { class: 'soft' }, say('wire.more.fields', { count: way.fieldsMore })),
    way.more > 0 && h('p', { class: 'soft' }, say('wire.more', { bytes: bytes(way.more) })),
  ];
};

const explanation = (node: WireNode, say: Say): Child[] => {
  const last = node.at + node.bytes - 1;
  const told = toldOf(node, say);
  const where = node.bytes === 1 ? say('wire.range', { at: node.at }) : say('wire.ranges', { at: node.at, last, count: node.bytes });
  return [
    h('strong', {}, titleOf(node, say)),
    ' ',
    told !== '' && h('span', {}, '= ', node.value === '' ? told : h('code', {}, told)),
    ' ',
    h('span', { class: 'where' }, `${where} · ${node.rule}`),
    ' ',
    h('span', { class: 'sentence' }, say(node.says)),
  ];
};

// --- the same request in other spellings -------------------------------------------------------------------------------

const wireNames = { scgi: 'SCGI', uwsgi: 'uwsgi', fastcgi: 'FastCGI' } as const;

interface Spelling {
  readonly name: string;
  /** Bytes of names, values and body alone; undefined where it is said otherwise. */
  readonly payload?: number;
  /** The one that this request was said in. */
  readonly here: boolean;
  /** undefined: too large for it. */
  readonly head: number | undefined;
  readonly body: number;
}

const sizesTable = ({ details, wire: told, runs }: ToldDetail, say: Say): Child[] => {
  const { sizes, head } = details.at(-1) ?? {};
  if (sizes === undefined) return [];
  const payload = sizes.variables + sizes.body;
  const spellings: Spelling[] = [
    ...(head ? [{ name: say('sizes.http'), here: false, head: head.bytes, body: sizes.body }] : []),
    { name: say('sizes.cgi'), payload, here: runs.at(-1)?.gateway === 'cgi', head: sizes.environment, body: sizes.body },
    ...sizes.wires.map(({ name, head: bytesOfHead, body = 0 }) => ({
      name: wireNames[name],
      payload,
      here: told?.name === name,
      head: bytesOfHead,
      body,
    })),
  ];
  const largest = Math.max(1, ...spellings.map(({ head: first = 0, body }) => first + body));
  return [
    h('h3', {}, say('sizes.title')),
    ...sentences(spellings, sizes.variables, head?.bytes, say).map((sentence) => h('p', { class: 'conclusion' }, sentence)),
    h(
      'table',
      { class: 'facts sizes' },
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          h('th', { scope: 'col' }, say('sizes.way')),
          ...(['head', 'body', 'together'] as const).map((word) => h('th', { scope: 'col', class: 'number' }, say(`sizes.${word}`))),
          h('td', {}),
        ),
      ),
      h('tbody', {}, ...spellings.map((spelling) => sizeRow(spelling, largest, say))),
    ),
  ];
};

const sizeRow = ({ name, payload, here, head, body }: Spelling, largest: number, say: Say): HTMLElement => {
  const together = (head ?? 0) + body;
  const parts: Part[] =
    payload === undefined
      ? [['http', together / largest]]
      : [
          ['payload', payload / largest],
          ['envelope', (together - payload) / largest],
        ];
  return h(
    'tr',
    { 'aria-current': here ? 'true' : undefined },
    h('th', { scope: 'row' }, name, here && h('span', { class: 'here' }, say('sizes.here'))),
    ...(head === undefined
      ? [h('td', { colspan: 4, class: 'soft' }, say('sizes.toolarge'))]
      : [
          h('td', { class: 'number' }, bytes(head)),
          h('td', { class: 'number' }, body === 0 ? '–' : bytes(body)),
          h('td', { class: 'number' }, bytes(together)),
          h('td', { class: 'wide' }, bar(parts, say('sizes.picture', { name, bytes: bytes(together) }), 240)),
        ]),
  );
};

/** What became of the head, and which wire adds least to it and to the body. */
const sentences = (spellings: readonly Spelling[], variables: number, http: number | undefined, say: Say): string[] => {
  const added = spellings
    .filter(({ name, head }) => head !== undefined && Object.values<string>(wireNames).includes(name))
    .map(({ name, head = 0, body, payload = 0 }) => ({ name, more: head + body - payload }))
    .sort((a, b) => a.more - b.more);
  const [least, most] = [added[0], added.at(-1)];
  return [
    ...(http === undefined
      ? []
      : [say(variables > http ? 'sizes.grown' : 'sizes.shrunk', { http: bytes(http), variables: bytes(variables) })]),
    ...(least && most && least !== most
      ? [say('sizes.added', { least: least.name, leastBytes: bytes(least.more), most: most.name, mostBytes: bytes(most.more) })]
      : []),
  ];
};
