/** Two sets of variables beside each other. Secrets are not known here, and are not compared. Pure. */
import type { ToldVariable } from '../../told.js';

export type Change = 'added' | 'removed' | 'changed' | 'hidden' | 'same';

export interface Difference {
  readonly variable: ToldVariable;
  /** What the other one has under this name. */
  readonly there: ToldVariable | undefined;
  readonly change: Change;
}

/** In the order of `here`; behind them, what only `there` has. */
export const differences = (here: readonly ToldVariable[], there: readonly ToldVariable[]): Difference[] => {
  const others = new Map(there.map((variable) => [variable.name, variable]));
  const rows = here.map((variable): Difference => {
    const other = others.get(variable.name);
    others.delete(variable.name);
    return { variable, there: other, change: changeOf(variable, other) };
  });
  return [...rows, ...[...others.values()].map((variable): Difference => ({ variable, there: variable, change: 'removed' }))];
};

const changeOf = ({ value }: ToldVariable, other: ToldVariable | undefined): Change => {
  if (other === undefined) return 'added';
  if (value === undefined || other.value === undefined) return 'hidden';
  return value === other.value ? 'same' : 'changed';
};
