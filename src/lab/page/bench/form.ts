/** The form: what is asked, how, for how long; a line of explanation for each. */
import { benchRateMax, benchRoundsMax, benchTargetsMax, benchUsersMax, labBenchLongestMs } from '../../../limits.js';
import type { ToldPlace } from '../../told.js';
import { type Child, h, put } from '../dom.js';
import type { Say, Word } from '../words.js';
import { type Choice, type Draft, gatewayNames, letters, samePrograms, secondsOf } from './order.js';

export interface FormView {
  readonly draft: Draft;
  readonly places: readonly ToldPlace[];
  readonly say: Say;
  readonly start: () => void;
}

export const benchForm = ({ draft, places, say, start }: FormView): HTMLFormElement => {
  const all = h('span', { class: 'soft' });
  const list = h('ol', { class: 'targets' });
  const add = h('button', { type: 'button', click: () => addTarget() }, say('bench.add'));
  const changed = (): void => {
    const seconds = secondsOf(draft);
    put(all, Number.isFinite(seconds) ? say('bench.all', { seconds: Number(seconds.toFixed(1)) }) : '');
    add.hidden = draft.targets.length >= benchTargetsMax;
  };
  /** `at`: the one that is to be chosen next. */
  const showTargets = (at?: number): void => {
    put(list, ...draft.targets.map((choice, i) => targetRow(choice, i)));
    if (at !== undefined) list.querySelectorAll('select')[Math.min(at, draft.targets.length - 1)]?.focus();
    changed();
  };
  const addTarget = (): void => {
    const free = places.find(({ path }) => !draft.targets.some(({ place }) => place === path));
    draft.targets.push({ place: free?.path ?? '', rest: free ? '' : '/' });
    showTargets(draft.targets.length - 1);
  };
  const targetRow = (choice: Choice, i: number): HTMLLIElement => {
    const letter = letters[i]!;
    const rest = h('input', {
      type: 'text',
      value: choice.rest,
      'aria-label': say('bench.rest', { letter }),
      spellcheck: 'false',
      autocomplete: 'off',
      input: () => {
        choice.rest = rest.value;
      },
    });
    const hint = (): void => {
      rest.placeholder = say(choice.place === '' ? 'bench.other.hint' : 'bench.rest.hint');
      rest.required = choice.place === '';
    };
    const select: HTMLSelectElement = h(
      'select',
      {
        'aria-label': say('bench.target', { letter }),
        change: () => {
          choice.place = select.value;
          hint();
        },
      },
      ...options(choice.place),
    );
    hint();
    const remove = (): void => {
      draft.targets.splice(i, 1);
      showTargets(i);
    };
    return h(
      'li',
      {},
      h('b', { class: `letter t${i}`, 'aria-hidden': 'true' }, letter),
      select,
      rest,
      draft.targets.length > 1 &&
        h('button', { type: 'button', class: 'quiet', 'aria-label': say('bench.remove', { letter }), click: remove }, '✕'),
    );
  };
  const options = (chosen: string): Child[] => [
    ...[...new Set(places.map(({ gateway }) => gateway))].map((gateway) =>
      h(
        'optgroup',
        { label: gatewayNames[gateway] },
        ...places
          .filter((place) => place.gateway === gateway)
          .map(({ path }) => h('option', { value: path, selected: path === chosen }, path)),
      ),
    ),
    h('option', { value: '', selected: chosen === '' }, say('bench.other')),
  ];
  const quickPicks = (): Child => {
    const groups = samePrograms(places);
    if (groups.length === 0) return undefined;
    const buttons = groups.slice(0, picksMax).map((group) =>
      h(
        'button',
        {
          type: 'button',
          click: () => {
            draft.targets = group.map(({ path }) => ({ place: path, rest: '' }));
            showTargets();
          },
        },
        say('bench.same', { program: group[0]!.program, gateways: group.map(({ gateway }) => gatewayNames[gateway]).join(' · ') }),
      ),
    );
    return h('p', { class: 'picks' }, h('span', { class: 'soft' }, say('bench.same.title')), ...buttons);
  };

  const number = (name: NumberName, least: number, most: number, step: number | 'any' = 1): HTMLLabelElement => {
    const input: HTMLInputElement = h('input', {
      ...{ type: 'number', id: `bench-${name}`, min: least, max: most, step, value: draft[name], required: true },
      input: () => {
        draft[name] = input.valueAsNumber;
        changed();
      },
    });
    return h('label', {}, h('span', {}, say(`bench.${name}` as Word)), input);
  };
  const loop = (kind: Draft['loop'], ...numbers: HTMLElement[]): HTMLElement => {
    const fields = h('div', { class: 'numbers' }, ...numbers);
    const radio = h('input', {
      ...{ type: 'radio', name: 'loop', value: kind, checked: draft.loop === kind, 'aria-describedby': `bench-${kind}-what` },
      change: () => {
        draft.loop = kind;
        turnLoop();
      },
    });
    return h(
      'div',
      { class: 'loop', 'data-loop': kind },
      h('label', { class: 'choice' }, radio, h('b', {}, say(`bench.${kind}`))),
      h('p', { class: 'soft', id: `bench-${kind}-what` }, say(`bench.${kind}.what`)),
      fields,
    );
  };
  const loops = [
    loop('closed', number('users', 1, benchUsersMax)),
    loop('open', number('perSecond', 1, benchRateMax), number('connections', 1, benchUsersMax)),
  ];
  /** A number that is not asked for must not keep the form from being sent. */
  const turnLoop = (): void => {
    for (const each of loops) {
      const off = each.dataset.loop !== draft.loop;
      each.classList.toggle('off', off);
      for (const input of each.querySelectorAll<HTMLInputElement>('input[type=number]')) input.disabled = off;
    }
  };
  const length = (field: HTMLElement, what: Word): HTMLElement => h('div', {}, field, h('p', { class: 'soft' }, say(what)));

  const form = h(
    'form',
    {
      class: 'order',
      submit: (event: Event) => {
        event.preventDefault();
        start();
      },
    },
    h('fieldset', { class: 'what' }, h('legend', {}, say('bench.targets')), list, h('p', {}, add), quickPicks()),
    h('fieldset', {}, h('legend', {}, say('bench.how')), ...loops),
    h(
      'fieldset',
      {},
      h('legend', {}, say('bench.long')),
      length(number('seconds', 0, labBenchLongestMs / 1000, 'any'), 'bench.seconds.what'),
      length(number('rounds', 1, benchRoundsMax), 'bench.rounds.what'),
      length(number('warmUp', 0, labBenchLongestMs / 1000, 'any'), 'bench.warmUp.what'),
    ),
    h('p', { class: 'start' }, h('button', { type: 'submit', class: 'main big', id: 'bench-start' }, say('bench.start')), all),
  );
  showTargets();
  turnLoop();
  return form;
};

type NumberName = 'users' | 'perSecond' | 'connections' | 'seconds' | 'rounds' | 'warmUp';

/** More would be a wall of buttons. */
const picksMax = 4;
