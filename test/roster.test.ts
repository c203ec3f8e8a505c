/** Whoever comes is in, whoever leaves is out: a roster against a Set, on a seeded course of comings and goings. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Member, Roster } from '../src/roster.js';
import { chance, seed } from './life/seeded.js';

interface Guest extends Member {
  readonly name: string;
}

const guest = (name: string): Guest => ({ name, place: -1 });

const seenIn = (roster: Roster<Guest>): string[] => {
  const seen: string[] = [];
  roster.forEach(({ name }) => void seen.push(name));
  return seen.sort();
};

test('added, removed, and both again', () => {
  const roster = new Roster<Guest>();
  const [a, b, c] = ['a', 'b', 'c'].map(guest) as [Guest, Guest, Guest];
  for (const each of [a, b, c, b]) roster.add(each);
  assert.deepEqual([roster.size, seenIn(roster)], [3, ['a', 'b', 'c']]);
  roster.remove(a);
  roster.remove(a);
  assert.deepEqual([roster.size, seenIn(roster), a.place], [2, ['b', 'c'], -1]);
  roster.add(a);
  roster.remove(c);
  assert.deepEqual(seenIn(roster), ['a', 'b']);
  for (const each of [a, b, c]) roster.remove(each);
  assert.deepEqual([roster.size, seenIn(roster)], [0, []]);
});

test('each of those who are here stands at its own place', () => {
  const roster = new Roster<Guest>();
  const guests = Array.from({ length: 20 }, (_, i) => guest(String(i)));
  for (const each of guests) roster.add(each);
  for (const each of guests.filter((_, i) => i % 3 === 0)) roster.remove(each);
  assert.deepEqual(
    guests
      .filter((each) => each.place >= 0)
      .map((each) => each.place)
      .sort((a, b) => a - b),
    Array.from({ length: roster.size }, (_, i) => i),
  );
});

test('a visit may remove whom it is shown, all of them or some', () => {
  for (const stays of [() => false, (i: number) => i % 2 === 0, (i: number) => i < 5, (i: number) => i >= 5]) {
    const roster = new Roster<Guest>();
    const guests = Array.from({ length: 10 }, (_, i) => guest(String(i)));
    for (const each of guests) roster.add(each);
    const seen: string[] = [];
    roster.forEach((each) => {
      seen.push(each.name);
      if (!stays(Number(each.name))) roster.remove(each);
    });
    assert.deepEqual(seen.sort(), guests.map(({ name }) => name).sort(), 'everybody is shown once');
    assert.deepEqual(
      seenIn(roster),
      guests.map(({ name }) => name).filter((name) => stays(Number(name))),
    );
  }
});

test('a visit may add: those are not shown any more', () => {
  const roster = new Roster<Guest>();
  for (const name of ['a', 'b', 'c']) roster.add(guest(name));
  const seen: string[] = [];
  roster.forEach((each) => {
    seen.push(each.name);
    roster.remove(each);
    roster.add(guest(`${each.name}'`));
  });
  assert.deepEqual(seen.sort(), ['a', 'b', 'c']);
  assert.deepEqual(seenIn(roster), ["a'", "b'", "c'"]);
});

test(`as a Set, on 20 000 comings and goings (seed ${seed})`, () => {
  const random = chance(seed);
  const guests = Array.from({ length: 200 }, (_, i) => guest(String(i)));
  const roster = new Roster<Guest>();
  const set = new Set<Guest>();
  for (let i = 0; i < 20_000; i++) {
    const each = random.pick(guests);
    if (random.maybe(0.5)) {
      roster.add(each);
      set.add(each);
    } else {
      roster.remove(each);
      set.delete(each);
    }
    assert.equal(roster.size, set.size);
    assert.equal(each.place >= 0, set.has(each));
    if (i % 500 === 0) {
      const leaves = random.next();
      roster.forEach((one) => {
        assert.ok(set.has(one));
        if (!random.maybe(leaves)) return;
        roster.remove(one);
        set.delete(one);
      });
      assert.deepEqual(seenIn(roster), [...set].map(({ name }) => name).sort());
    }
  }
});
