/** What a bench is asked for, as the form keeps it. Pure. */
import { benchMs, benchRounds, benchTargetsMax, benchUsers, benchWarmUpMs } from '../../../limits.js';
import type { ToldBenchOrder, ToldPlace } from '../../told.js';

export interface Draft {
  targets: Choice[];
  loop: 'closed' | 'open';
  users: number;
  perSecond: number;
  connections: number;
  /** For each target, all rounds together. */
  seconds: number;
  rounds: number;
  warmUp: number;
}

export interface Choice {
  /** The path of a place; `''`: `rest` is all of it. */
  place: string;
  rest: string;
}

export const letters = 'ABCD';

export const freshDraft = (): Draft => ({
  targets: [],
  loop: 'closed',
  users: benchUsers,
  perSecond: 50,
  connections: benchUsers,
  seconds: benchMs / 1000,
  rounds: benchRounds,
  warmUp: benchWarmUpMs / 1000,
});

export const orderOf = ({ targets, loop, users, perSecond, connections, seconds, rounds, warmUp }: Draft): ToldBenchOrder => ({
  targets: targets.map(({ place, rest }) => ({ target: place + rest.trim() })),
  loop: loop === 'closed' ? { kind: 'closed', users } : { kind: 'open', perSecond, connections },
  rounds,
  sliceMs: (seconds * 1000) / rounds,
  warmUpMs: warmUp * 1000,
});

export const secondsOf = ({ targets, seconds, warmUp }: Draft): number => targets.length * (seconds + warmUp);

/** The same program behind several gateways: that is what a bench is for. One place of each gateway. */
export const samePrograms = (places: readonly ToldPlace[]): ToldPlace[][] => {
  const groups = new Map<string, ToldPlace[]>();
  for (const place of places) {
    const group = groups.get(place.same) ?? [];
    if (!group.some(({ gateway }) => gateway === place.gateway)) group.push(place);
    groups.set(place.same, group);
  }
  return [...groups.values()].filter((group) => group.length > 1).map((group) => group.slice(0, benchTargetsMax));
};

/** What the form begins with. */
export const firstChoice = (places: readonly ToldPlace[]): Choice[] => {
  const [same] = samePrograms(places).sort((a, b) => b.length - a.length);
  const chosen = same ?? places.slice(0, 2);
  return chosen.length === 0 ? [{ place: '', rest: '/' }] : chosen.map(({ path }) => ({ place: path, rest: '' }));
};

export const gatewayNames: Readonly<Record<ToldPlace['gateway'], string>> = {
  cgi: 'CGI',
  fastcgi: 'FastCGI',
  scgi: 'SCGI',
  uwsgi: 'uwsgi',
  wsgi: 'WSGI',
};
