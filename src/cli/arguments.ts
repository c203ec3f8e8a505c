/**
 * argv → values. minimist cuts the words apart; the guards around it answer what it alone would let pass in silence:
 * `--bogus www` swallows the directory, so does `--quiet true`; `--port` with nothing is `''`; twice is an array; a folder
 * named `007` becomes 7; `--quiet=perhaps` is true; `-dcgi-bin` is seven options; `--constructor x` vanishes.
 *
 * Every option word is first looked up in the table and rewritten in its one full spelling (`guard`), then minimist reads
 * the rewritten words, then every value is read by its row's reader.
 */
import minimist from 'minimist';
import { nearest } from './nearest.js';
import {
  type Command,
  firstWords,
  isFor,
  type OptionName,
  type OptionRow,
  optionNames,
  rowOf,
  subCommands,
  type Values,
} from './options.js';
import { Mistake, visible, words } from './words.js';

export interface Arguments {
  readonly command: Command;
  readonly values: Values;
  /** Words that are neither options nor their values: DIR, SCRIPT, URL. */
  readonly operands: readonly string[];
}

/** Throws a Mistake. */
export const readArguments = (argv: readonly string[]): Arguments => {
  const { command, rest } = commandOf(argv);
  if (command === 'wire' && !rest[0]?.startsWith('-')) throw halfCommand(rest[0]);
  const end = rest.indexOf('--');
  const before = end < 0 ? rest : rest.slice(0, end);
  const guarded = before.flatMap((word) => guard(word, command));
  const {
    _: operands,
    '--': after = [],
    ...said
  } = minimist([...guarded, ...(end < 0 ? [] : rest.slice(end))], {
    boolean: optionNames.filter((name) => rowOf(name).kind === 'flag'),
    string: [...optionNames.filter((name) => rowOf(name).kind !== 'flag'), '_'],
    '--': true,
    unknown: (word) => {
      if (/^-./.test(word)) throw unknownOption(word, command);
      return true;
    },
  });
  const values: Partial<Record<OptionName, unknown>> = {};
  for (const name of optionNames) {
    const row = rowOf(name);
    const value: unknown = said[name];
    if (row.kind === 'flag' ? value === true || guarded.includes(`--${name}=false`) : value !== undefined) {
      values[name] = row.kind === 'flag' ? value : read(name, row, [value].flat() as string[]);
    }
  }
  return { command, values: values as Values, operands: [...operands, ...after] };
};

/** The sub-command is the first word, or the first two. A directory of that name is written `./run`. */
export const commandOf = (argv: readonly string[]): { command: Command; rest: readonly string[] } => {
  const [first, second] = argv;
  const two = subCommands.find((name) => name === `${first} ${second}`);
  if (two !== undefined) return { command: two, rest: argv.slice(2) };
  const one = firstWords.find((word) => word === first);
  return one === undefined ? { command: 'serve', rest: argv } : { command: one, rest: argv.slice(1) };
};

/** `wire` without decode or encode behind it. */
export const halfCommand = (typed?: string): Mistake => {
  const verbs = subCommands.flatMap((name) => (name.startsWith('wire ') ? [name.slice('wire '.length)] : []));
  const meant = typed === undefined ? undefined : nearest(typed, verbs);
  const got = typed === undefined ? '' : `; got '${visible(typed)}'`;
  const gotZh = typed === undefined ? '' : `；得到 '${visible(typed)}'`;
  return new Mistake(2, words(`wire is followed by ${verbs.join(', ')}${got}`, `wire 之后应为 ${verbs.join('、')}${gotZh}`), [
    ...(meant === undefined ? [] : [words(`Did you mean cgi-serve wire ${meant}?`, `是否想用 cgi-serve wire ${meant}？`)]),
    words('cgi-serve wire --help tells what each does', 'cgi-serve wire --help 说明各自的用途'),
  ]);
};

/** One word in its full spelling: `-p80` → `--port=80`, `-qh` → `--quiet=true --help=true`, `--bind` → `--host`. */
const guard = (word: string, command: Command): string[] => {
  if (!/^-./s.test(word)) return [word];
  const long = /^--([^=-][^=]*)(=[\s\S]*)?$/.exec(word);
  if (long) {
    const [, typed = '', value] = long;
    const name = optionNames.find((n) => isFor(rowOf(n), command) && (n === typed || rowOf(n).alias === typed));
    if (name === undefined) throw unknownOption(`--${typed}`, command);
    if (rowOf(name).kind !== 'flag') return [`--${name}${value ?? ''}`];
    if (value !== undefined && value !== '=true' && value !== '=false') {
      throw new Mistake(2, words(`--${name} takes no value, and got '${value.slice(1)}'`, `--${name} 不带值，却得到 '${value.slice(1)}'`));
    }
    return [`--${name}${value ?? '=true'}`];
  }
  const letter = word[1]!;
  const name = optionNames.find((n) => isFor(rowOf(n), command) && rowOf(n).short === letter);
  if (word.startsWith('--') || name === undefined) throw unknownOption(word, command);
  const more = word.slice(2);
  if (rowOf(name).kind !== 'flag') return [more === '' ? `--${name}` : `--${name}=${more.replace(/^=/, '')}`];
  return [`--${name}=true`, ...(more === '' ? [] : guard(`-${more}`, command))];
};

const read = (name: OptionName, row: Exclude<OptionRow, { kind: 'flag' }>, texts: readonly string[]): unknown => {
  if (row.kind === 'one' && texts.length > 1) {
    throw new Mistake(
      2,
      words(
        `--${name} stands ${texts.length === 2 ? 'twice' : `${texts.length} times`}: ${texts.join(', ')}`,
        `--${name} 出现了 ${texts.length} 次：${texts.join('、')}`,
      ),
    );
  }
  const values = texts.map((text) => readValue(row, text, `--${name}`));
  return row.kind === 'one' ? values[0] : values;
};

/** One value from wherever it stood: `--port`, `CGI_SERVE_PORT`, `"port"` in a file. Throws a Mistake that names the place. */
export const readValue = (row: Exclude<OptionRow, { kind: 'flag' }>, text: string, place: string): unknown => {
  const { placeholder, expected, read: reader } = row.reader;
  if (text === '') {
    // Only free text begins with a dash now and then.
    const hint = words(`A value that begins with - is joined by =: ${place}=-x`, `以 - 开头的值用 = 连接：${place}=-x`);
    throw new Mistake(
      2,
      words(`${place} needs a value: ${placeholder}, ${expected.en}`, `${place} 需要一个值：${placeholder}，${expected.zh}`),
      row.group === 'request' ? [hint] : [],
    );
  }
  const value = reader(text);
  if (value === undefined)
    throw new Mistake(2, words(`${place} takes ${expected.en}; got '${text}'`, `${place} 应为${expected.zh}；得到 '${text}'`));
  return value;
};

const unknownOption = (word: string, command: Command): Mistake => {
  if (/^-\d/.test(word)) return new Mistake(2, words(`no option takes a negative number: ${word}`, `没有选项接受负数：${word}`));
  const typed = word.replace(/^-+/, '');
  const known = optionNames.filter((name) => isFor(rowOf(name), command) && !rowOf(name).hidden);
  const elsewhere = optionNames.find((name) => name === typed && !isFor(rowOf(name), command));
  if (elsewhere) {
    const owners = (rowOf(elsewhere).for ?? ['serve'])
      .map((owner) => (owner === 'serve' ? 'cgi-serve DIR' : `cgi-serve ${owner}`))
      .join(', ');
    const here = command === 'serve' ? 'cgi-serve DIR' : `cgi-serve ${command}`;
    return new Mistake(2, words(`${word} is an option of ${owners}, not of ${here}`, `${word} 是 ${owners} 的选项，不是 ${here} 的`));
  }
  const like = typed.length > 1 ? nearest(typed, known) : undefined;
  const letter = typed.length === 1 ? known.find((name) => rowOf(name).short?.toLowerCase() === typed.toLowerCase()) : undefined;
  const meant = like ? `--${like}` : letter ? `-${rowOf(letter).short}` : undefined;
  return new Mistake(
    2,
    meant
      ? words(`there is no option ${word}; did you mean ${meant}?`, `没有选项 ${word}；是否想用 ${meant}？`)
      : words(`there is no option ${word}`, `没有选项 ${word}`),
    [
      words(
        `cgi-serve ${command === 'serve' ? '' : `${command} `}--help shows them all`,
        `cgi-serve ${command === 'serve' ? '' : `${command} `}--help 列出全部选项`,
      ),
    ],
  );
};
