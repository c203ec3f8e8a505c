/**
 * A tree of fields, after WAI-ARIA's pattern: one stop for the Tab key, the arrows go from row to row, Right opens, Left closes or goes up.
 * What is not open is not made.
 */
import { h, put } from '../dom.js';
import { bytes } from '../format.js';
import type { Say } from '../words.js';
import type { WireNode } from './wire-tree.js';

export interface TreeView {
  readonly element: HTMLElement;
  /** Shows which node is meant, or as much of the way to it as is open; `reveal`: and scrolls so far. */
  mark(path: readonly WireNode[], reveal: boolean): void;
  /** Opens the way to it, and makes it the one that the Tab key finds. */
  choose(path: readonly WireNode[]): void;
  focus(): void;
}

export interface TreeEvents {
  /** The pointer is over this node; undefined: over none any more. */
  readonly point: (node: WireNode | undefined) => void;
  readonly pick: (node: WireNode) => void;
}

/** `opened`: which nodes are open at first. `describedBy`: the element that says what the chosen one is for. */
export const treeView = (
  nodes: readonly WireNode[],
  opened: (node: WireNode) => boolean,
  label: string,
  describedBy: string,
  say: Say,
  events: TreeEvents,
): TreeView => {
  const items = new Map<WireNode, HTMLElement>();
  const nodeOf = new WeakMap<Element, WireNode>();
  let chosen: HTMLElement | undefined;

  const itemOf = (node: WireNode, level: number, place: number, of: number): HTMLElement => {
    const { children, hidden, paint } = node;
    const name = titleOf(node, say);
    const told = toldOf(node, say);
    const size = node.bytes === 1 ? say('wire.byte') : say('wire.bytes', { count: node.bytes });
    const item = h(
      'li',
      {
        role: 'treeitem',
        tabindex: -1,
        'aria-level': level,
        'aria-posinset': place,
        'aria-setsize': of,
        'aria-selected': 'false',
        'aria-expanded': children.length === 0 ? undefined : 'false',
        'aria-label': say(told === '' ? 'wire.node' : 'wire.node.value', { name, value: told, size }),
      },
      h(
        'div',
        { class: 'row' },
        h('span', { class: 'twisty', 'aria-hidden': 'true' }),
        h('span', { class: `field ${paint ?? ''}` }, name),
        h('span', { class: hidden || node.note ? 'told soft' : 'told' }, told),
        h('span', { class: 'rule' }, node.rule),
        h('span', { class: 'size' }, bytes(node.bytes)),
      ),
    );
    items.set(node, item);
    nodeOf.set(item, node);
    if (children.length > 0 && opened(node)) open(item, true);
    return item;
  };
  const open = (item: HTMLElement, wanted: boolean): void => {
    const node = nodeOf.get(item)!;
    if (node.children.length === 0 || (item.ariaExpanded === 'true') === wanted) return;
    item.ariaExpanded = String(wanted);
    const level = Number(item.ariaLevel) + 1;
    if (wanted)
      item.append(h('ul', { role: 'group' }, ...node.children.map((child, i) => itemOf(child, level, i + 1, node.children.length))));
    else item.querySelector('ul')?.remove();
    if (chosen && !root.contains(chosen)) choose(item);
  };
  const choose = (item: HTMLElement): void => {
    if (chosen) {
      chosen.tabIndex = -1;
      chosen.ariaSelected = 'false';
      chosen.removeAttribute('aria-describedby');
    }
    chosen = item;
    item.tabIndex = 0;
    item.ariaSelected = 'true';
    item.setAttribute('aria-describedby', describedBy);
  };
  /** The box scrolls, the page does not. */
  const reveal = (item: HTMLElement): void => {
    const row = item.firstElementChild!.getBoundingClientRect();
    const sight = root.getBoundingClientRect();
    if (row.top < sight.top) root.scrollTop -= sight.top - row.top + row.height;
    else if (row.bottom > sight.bottom) root.scrollTop += row.bottom - sight.bottom + row.height;
  };

  const root = h('ul', { class: 'tree', role: 'tree', 'aria-label': label });
  put(root, ...nodes.map((node, i) => itemOf(node, 1, i + 1, nodes.length)));
  const first = root.querySelector<HTMLElement>('[role=treeitem]');
  if (first) first.tabIndex = 0;
  chosen = first ?? undefined;

  const itemAt = (event: Event): HTMLElement | undefined =>
    (event.target as HTMLElement).closest<HTMLElement>('[role=treeitem]') ?? undefined;
  root.addEventListener('pointerover', (event) => {
    const item = itemAt(event);
    events.point(item && nodeOf.get(item));
  });
  root.addEventListener('pointerleave', () => events.point(undefined));
  root.addEventListener('click', (event) => {
    const item = itemAt(event);
    if (!item) return;
    open(item, !(event.target as HTMLElement).closest('.twisty') || item.ariaExpanded !== 'true');
    item.focus({ preventScroll: true });
  });
  root.addEventListener('focusin', (event) => {
    const item = itemAt(event);
    if (!item) return;
    choose(item);
    reveal(item);
    events.pick(nodeOf.get(item)!);
  });
  root.addEventListener('keydown', (event) => {
    const item = itemAt(event);
    if (!item || event.ctrlKey || event.metaKey || event.altKey) return;
    const rows = [...root.querySelectorAll<HTMLElement>('[role=treeitem]')];
    const at = rows.indexOf(item);
    const opens = item.ariaExpanded;
    const turn = (wanted: boolean): undefined => {
      open(item, wanted);
    };
    const keys: Readonly<Record<string, () => HTMLElement | null | undefined>> = {
      ArrowDown: () => rows[at + 1],
      ArrowUp: () => rows[at - 1],
      ArrowRight: () => (opens === 'false' ? turn(true) : opens === 'true' ? rows[at + 1] : undefined),
      ArrowLeft: () => (opens === 'true' ? turn(false) : item.parentElement?.closest<HTMLElement>('[role=treeitem]')),
      Home: () => rows[0],
      End: () => rows.at(-1),
      Enter: () => turn(opens !== 'true'),
      ' ': () => turn(opens !== 'true'),
    };
    const act = keys[event.key];
    if (act === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    act()?.focus({ preventScroll: true });
  });

  return {
    element: root,
    mark(path, scroll) {
      for (const each of root.querySelectorAll('.row.on')) each.classList.remove('on');
      const item = path.map((node) => items.get(node)).findLast((each) => each !== undefined && root.contains(each));
      item?.firstElementChild?.classList.add('on');
      if (item && scroll) reveal(item);
    },
    choose(path) {
      for (const above of path.slice(0, -1)) open(items.get(above)!, true);
      const item = path.length === 0 ? undefined : items.get(path.at(-1)!);
      if (item) choose(item);
    },
    focus: () => chosen?.focus({ preventScroll: true }),
  };
};

/** As the document calls it, or the page where no document does. */
export const titleOf = ({ name, title }: WireNode, say: Say): string => name ?? (title === undefined ? '' : say(title));

/** Its value; or what is to be said where there is none to see. */
export const toldOf = ({ hidden, value, note }: WireNode, say: Say): string =>
  hidden ? say('wire.secret') : note === undefined ? value : say(note);
