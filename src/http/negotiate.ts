/**
 * RFC 9110 §12: in which form, and in which language, does the client want to be told? Only for pages we make ourselves;
 * a script negotiates for itself, from HTTP_ACCEPT and HTTP_ACCEPT_LANGUAGE. Pure.
 */
import type { Words } from '../failures.js';

export type PageType = 'text/html' | 'application/json' | 'text/plain';
export type PageLanguage = 'en' | 'zh-CN';

/**
 * RFC 9110 §12.5.1 — the most specific range decides a type's weight, the heaviest type wins. Between equals, one that was
 * named goes before one that a wildcard lets by (JSON, plain text, anything else: asks for JSON), and HTML before the others.
 * A client that can take none of them gets HTML all the same: to be told in the wrong form is better than not to be told.
 */
export const preferredType = (accept: string | undefined): PageType => {
  const ranges = weighted(accept);
  const rank = (type: PageType): readonly [weight: number, named: number] => {
    for (const [named, range] of [type, `${type.split('/')[0]}/*`, '*/*'].entries()) {
      const found = ranges.find((r) => r.name === range);
      if (found) return [found.weight, -named];
    }
    return [0, -3];
  };
  const types: readonly PageType[] = ['text/html', 'application/json', 'text/plain'];
  return types.reduce((best, type) => {
    const [weight, named] = rank(type);
    const [bestWeight, bestNamed] = rank(best);
    return weight > bestWeight || (weight === bestWeight && weight > 0 && named > bestNamed) ? type : best;
  });
};

/**
 * RFC 9110 §12.5.4 — Chinese when the client weighs it above English, or as high and first. Every `zh` counts: simplified
 * characters are closer to a reader of traditional ones than English is.
 */
export const preferredLanguage = (acceptLanguage: string | undefined): PageLanguage => {
  const ranges = weighted(acceptLanguage).map((range, place) => ({ ...range, place }));
  const best = (language: string) =>
    ranges
      .filter((range) => range.name === language || range.name.startsWith(`${language}-`))
      .reduce((a, b) => (b.weight > a.weight ? b : a), { weight: 0, place: Number.POSITIVE_INFINITY });
  const zh = best('zh');
  const en = best('en');
  const any = ranges.find((range) => range.name === '*') ?? { weight: 0, place: Number.POSITIVE_INFINITY };
  const other = Number.isFinite(en.place) ? en : any;
  return zh.weight > other.weight || (zh.weight > 0 && zh.weight === other.weight && zh.place < other.place) ? 'zh-CN' : 'en';
};

/** Which of a text's two languages. */
export const inLanguage = (words: Words, language: PageLanguage): string => (language === 'zh-CN' ? words.zh : words.en);

/** `a;q=0.5, b` → names in lower case with their weights; other parameters are left out, a bad weight counts as 0. */
const weighted = (field: string | undefined): { name: string; weight: number }[] =>
  (field ?? '')
    .toLowerCase()
    .split(',')
    .map((item) => item.split(';').map((part) => part.trim()))
    .filter(([name]) => name)
    .map(([name = '', ...parameters]) => {
      const q = parameters.find((parameter) => /^q\s*=/.test(parameter))?.replace(/^q\s*=\s*/, '');
      if (q === undefined) return { name, weight: 1 };
      return { name, weight: /^(0(\.\d*)?|1(\.0*)?)$/.test(q) ? Number(q) : 0 };
    });
