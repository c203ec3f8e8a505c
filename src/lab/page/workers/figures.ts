/** Numbers of this screen as people read them; and the queue as a row of boxes. Pure. */

/** `4 s`, `3 min 20 s`, `2 h 05 min`, `3 d 04 h`. */
export const age = (ms: number): string => {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (minutes === 0) return `${seconds} s`;
  if (hours === 0) return `${minutes} min ${two(seconds % 60)} s`;
  return hours < 24 ? `${hours} h ${two(minutes % 60)} min` : `${Math.floor(hours / 24)} d ${two(hours % 24)} h`;
};

const two = (value: number): string => String(value).padStart(2, '0');

export interface Boxes {
  /** Places that one box stands for. */
  readonly per: number;
  readonly count: number;
  readonly filled: number;
  /** Behind how many boxes the mark of the most stands. */
  readonly most: number;
  /** They are all the places there are. */
  readonly whole: boolean;
}

/** A box for each place, where the queue's past fits into so many; else for 2, 5, 10 … */
export const boxesOf = (waiting: number, most: number, bound: number, boxesMax: number): Boxes => {
  const used = Math.max(waiting, most, 1);
  let per = 1;
  for (let i = 1; per * boxesMax < used; i++) per = ([1, 2, 5][i % 3] ?? 1) * 10 ** Math.floor(i / 3);
  const count = Math.min(boxesMax, Math.ceil(bound / per));
  return { per, count, filled: Math.ceil(waiting / per), most: Math.ceil(most / per), whole: count * per >= bound };
};
