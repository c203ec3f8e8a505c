/**
 * Colour, decided once for each stream: `--color` > FORCE_COLOR > NO_COLOR > TERM=dumb > is the stream a terminal?
 * kleur alone would let NO_COLOR beat FORCE_COLOR, take an empty NO_COLOR for a wish, and look at stdout for both streams.
 */
import { $, bold, cyan, dim, green, magenta, red, underline, yellow } from 'kleur/colors';

const styles = { bold, cyan, dim, green, magenta, red, underline, yellow };

/** `palette.red('text')`. */
export type Palette = Readonly<Record<keyof typeof styles, (text: string | number) => string>>;

export const wantsColor = (
  option: 'always' | 'never' | 'auto' | undefined,
  env: Readonly<Record<string, string | undefined>>,
  isTerminal: boolean,
): boolean => {
  if (option === 'always' || option === 'never') return option === 'always';
  const force = env.FORCE_COLOR;
  if (force !== undefined) return force !== '0' && force !== 'false';
  if (env.NO_COLOR) return false; // no-color.org: present and not empty
  if (env.TERM === 'dumb') return false;
  return isTerminal;
};

export const palette = (enabled: boolean): Palette => {
  const entries = Object.entries(styles).map(([name, style]) => {
    const styled = (text: string | number): string => {
      $.enabled = enabled; // kleur has one switch for all streams; it is set before every use.
      return style(text);
    };
    return [name, styled];
  });
  return Object.fromEntries(entries) as Palette;
};

/** The colour of a status: what went well is quiet. */
export const statusColor = (status: number, p: Palette): ((text: string | number) => string) => {
  if (status === 0 || status >= 500) return p.red;
  if (status >= 400) return p.yellow;
  return status >= 300 ? p.cyan : p.green;
};

/** A failure is never green, whatever status was sent before it came. */
export const failureColor = (status: number, p: Palette): ((text: string | number) => string) =>
  status >= 400 && status < 500 ? p.yellow : p.red;
