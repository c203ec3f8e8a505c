/**
 * `cgi-serve.config.json`: the options a project always wants, under their long names, and "dir". JSON and nothing else, so
 * that reading it runs nothing. Its values go through the same readers as the command line's. A key nobody knows is an error:
 * a typo in a limit should not be a limit that is not there.
 */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { readValue } from './arguments.js';
import { nearest } from './nearest.js';
import { type OptionName, type OptionRow, optionNames, rowOf, type Values } from './options.js';
import type { JsonSchema } from './readers.js';
import { Mistake, words } from './words.js';

export const defaultConfigFile = 'cgi-serve.config.json';

export interface Config {
  /** As the user would name it. */
  readonly file: string;
  readonly values: Values;
  readonly dir: string | undefined;
}

/** `named` is `--config`'s value, which must be there; else the default file, which need not. Throws a Mistake. */
export const readConfig = (named: string | undefined, cwd: string): Config | undefined => {
  const file = named ?? defaultConfigFile;
  const path = resolve(cwd, file);
  let text: string;
  try {
    text = readFileSync(path, 'utf8').replace(/^\uFEFF/, '');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (named === undefined && code === 'ENOENT') return undefined;
    if (code === 'ENOENT') throw new Mistake(4, words(`there is no config file ${file}`, `没有配置文件 ${file}`));
    throw new Mistake(4, words(`the config file ${file} cannot be read: ${code}`, `无法读取配置文件 ${file}：${code}`));
  }
  return { file, ...readConfigText(text, file, dirname(path)) };
};

export const readConfigText = (text: string, file: string, folder: string): Omit<Config, 'file'> => {
  const json = parse(text, file);
  const values: Partial<Record<OptionName, unknown>> = {};
  let dir: string | undefined;
  for (const [key, value] of Object.entries(json)) {
    if (key === '$schema') continue;
    if (key === 'dir') {
      if (typeof value !== 'string' || value === '') throw wrongType(file, key, 'the path of a directory, in quotes', value);
      dir = resolve(folder, value);
      continue;
    }
    const name = optionNames.find((n) => n === key && !rowOf(n).typedOnly);
    if (name === undefined) throw unknownKey(file, key);
    const read = readKey(file, key, rowOf(name), value, folder);
    if (read !== undefined) values[name] = read;
  }
  return { values: values as Values, dir };
};

/** The JSON Schema that editors check the file with. */
export const configSchema = (): JsonSchema => ({
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'cgi-serve.config.json',
  type: 'object',
  additionalProperties: false,
  properties: {
    $schema: { type: 'string' },
    dir: { type: 'string', minLength: 1, description: 'the script directory', default: './cgi-bin' },
    ...Object.fromEntries(
      optionNames
        .filter((name) => !rowOf(name).typedOnly)
        .map((name) => [
          name,
          { description: [rowOf(name).help.en, rowOf(name).more?.en].filter(Boolean).join('. '), ...schemaOf(rowOf(name)) },
        ]),
    ),
  },
});

const schemaOf = (row: OptionRow): JsonSchema => {
  if (row.kind === 'flag') return { type: 'boolean', default: false };
  if (row.kind === 'one') return row.reader.schema;
  const list = { type: 'array', items: row.reader.schema };
  return row.reader.isPair
    ? { anyOf: [list, { type: 'object', additionalProperties: { type: 'string' } }] }
    : { anyOf: [list, row.reader.schema] };
};

const parse = (text: string, file: string): Record<string, unknown> => {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    const message = (error as Error).message;
    const at = /at position (\d+)/.exec(message)?.[1] ?? (/Unexpected end/.test(message) ? String(text.length) : undefined);
    const where = at === undefined ? '' : lineAndColumn(text, Number(at));
    const hints = [
      words(
        'JSON wants double quotes, no comments, and no comma after the last entry.',
        'JSON 使用双引号，不允许注释，最后一项之后没有逗号。',
      ),
    ];
    throw new Mistake(2, words(`${file}${where} is not JSON: ${message}`, `${file}${where} 不是 JSON：${message}`), hints);
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw wrongType(file, undefined, 'an object { … }', json);
  return json as Record<string, unknown>;
};

const lineAndColumn = (text: string, at: number): string => {
  const lines = text.slice(0, at).split('\n');
  return `:${lines.length}:${lines.at(-1)!.length + 1}`;
};

/** One key's value; undefined when it says the same as leaving it out (`"public": null` says nothing either way and is refused). */
const readKey = (file: string, key: string, row: OptionRow, value: unknown, folder: string): unknown => {
  if (row.kind === 'flag') {
    if (typeof value !== 'boolean') throw wrongType(file, key, 'true or false', value);
    return value;
  }
  const { reader } = row;
  const readOne = (item: unknown): unknown => {
    if (typeof item !== 'string' && typeof item !== 'number') throw wrongType(file, key, reader.expected.en, item);
    const read = readValue(row, String(item), `"${key}" in ${file}`);
    return reader.rebase ? reader.rebase(read, folder) : read;
  };
  if (row.kind === 'one') return readOne(value);
  if (reader.isPair && typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return Object.entries(value).map(([name, to]) => {
      if (typeof to !== 'string') throw wrongType(file, `${key}.${name}`, 'a string', to);
      return readOne(`${name}=${to}`);
    });
  }
  return Array.isArray(value) ? value.map(readOne) : [readOne(value)];
};

const wrongType = (file: string, key: string | undefined, expected: string, got: unknown): Mistake => {
  const where = key === undefined ? file : `"${key}" in ${file}`;
  const kind =
    got === null ? 'null' : Array.isArray(got) ? 'a list' : typeof got === 'object' ? 'an object' : `${typeof got} ${JSON.stringify(got)}`;
  return new Mistake(2, words(`${where} takes ${expected}; got ${kind}`, `${where} 应为 ${expected}；得到 ${kind}`));
};

const unknownKey = (file: string, key: string): Mistake => {
  const keys = ['dir', ...optionNames.filter((name) => !rowOf(name).typedOnly)];
  const typedOnly = optionNames.some((name) => name === key);
  const like = nearest(key, keys);
  if (typedOnly)
    return new Mistake(2, words(`"${key}" in ${file}: this option can only be typed`, `${file} 中的 "${key}"：此选项只能在命令行使用`));
  return new Mistake(
    2,
    like
      ? words(`${file} has a key "${key}"; did you mean "${like}"?`, `${file} 中有键 "${key}"；是否想用 "${like}"？`)
      : words(`${file} has a key "${key}", which is no option`, `${file} 中的键 "${key}" 不是选项`),
    [words(`The keys are: ${keys.join(', ')}`, `可用的键：${keys.join('、')}`)],
  );
};
