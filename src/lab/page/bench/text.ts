/** Names that must fit on a picture. Pure. */

/** Pixels, about. Chinese signs are twice as wide. */
export const wide = (text: string): number => [...text].reduce((all, sign) => all + (sign > '\u2e80' ? 13 : letterPx), 0);

const letterPx = 7.2;

/** The end of a path says more than its beginning. */
export const cut = (text: string, px: number): string => {
  let from = 0;
  while (from < text.length - 4 && wide(from === 0 ? text : `…${text.slice(from)}`) > px) from += 1;
  return from === 0 ? text : `…${text.slice(from)}`;
};
