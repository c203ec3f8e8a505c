/**
 * Who is here now: those that come and go with every request. An array in no order, and not a Set or a Map: V8 gives those a new
 * table every few changes, each old table holds the next, and one that has grown old keeps everything that ever passed through
 * until a full collection. With Sets half of all that a request allocates survived every scavenge.
 */
export interface Member {
  /** Where it stands in its roster; -1 when it is in none. A member is in one roster at a time. */
  place: number;
}

export class Roster<T extends Member> {
  private readonly members: T[] = [];

  get size(): number {
    return this.members.length;
  }

  add(one: T): void {
    if (one.place >= 0) return;
    one.place = this.members.length;
    this.members.push(one);
  }

  /** Once is enough, twice does no harm. */
  remove(one: T): void {
    if (one.place < 0) return;
    const last = this.members.pop()!;
    if (last !== one) {
      last.place = one.place;
      this.members[last.place] = last;
    }
    one.place = -1;
  }

  /** `visit` may remove whomever it is shown. */
  forEach(visit: (one: T) => void): void {
    for (let i = this.members.length - 1; i >= 0; i--) {
      const one = this.members[i];
      if (one !== undefined) visit(one);
    }
  }
}
