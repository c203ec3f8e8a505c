/**
 * Where variables come from: in words, and as pieces of the request's head, which is cut so that each variable is made of whole ones. Pure.
 */
import type { ToldHead, ToldHeadField, ToldRunDetail } from '../../told.js';
import type { Say, Word } from '../words.js';

/** A piece of the head; the line ends between them are not pieces. */
export interface Piece {
  readonly text: string;
  /** No variable has it. */
  readonly dropped?: boolean;
  /** A secret stands here, and is not known. */
  readonly hidden?: boolean;
}

export interface CutHead {
  /** The request line, then one for each field. */
  readonly lines: readonly (readonly Piece[])[];
  /** What a variable is made of; nothing for those that come from elsewhere. */
  of(variable: string): readonly Piece[];
  /** The field's own. */
  field(at: number): readonly Piece[];
}

export const cutHead = (head: ToldHead, { variables }: Pick<ToldRunDetail, 'variables'>): CutHead => {
  const told = (name: string): string => variables.find((variable) => variable.name === name)?.value ?? '';
  const [, origin = '', rest = head.target] = /^(https?:\/\/[^/?]*)(.*)$/is.exec(head.target) ?? [];
  const question = rest.indexOf('?');
  const path = question < 0 ? rest : rest.slice(0, question);
  const at = scriptEnd(path, told('SCRIPT_NAME'), told('PATH_INFO'));

  const method = piece(head.method);
  const scheme = piece(origin.replace(/[^/]*$/, ''));
  const authority = withoutPort(origin.slice(scheme.text.length)).map(piece);
  const scripts = [piece(path.slice(0, at ?? path.length))];
  const info = at === undefined ? scripts : [piece(path.slice(at))];
  const query = piece(question < 0 ? '' : rest.slice(question + 1));
  const mark = piece(question < 0 ? '' : '?');
  const protocol = piece(head.protocol);
  const target = at === undefined ? [...scripts, mark, query] : [...scripts, ...info, mark, query];
  const requestLine = [method, space, scheme, ...authority, ...target, space, protocol];

  const fields = head.fields.map(cutField);
  const whole = (chosen: (field: ToldHeadField) => boolean): Piece[] =>
    head.fields.flatMap((field, i) => (chosen(field) ? fields[i]! : []));
  const named = (name: string): Piece[] => whole((field) => field.name.toLowerCase() === name);
  const made = new Map<string, () => readonly Piece[]>(
    Object.entries({
      REQUEST_METHOD: () => [method],
      SCRIPT_NAME: () => scripts,
      SCRIPT_FILENAME: () => scripts,
      PATH_INFO: () => (told('PATH_INFO') === '' ? [] : info),
      PATH_TRANSLATED: () => info,
      QUERY_STRING: () => [query],
      REQUEST_URI: () => target,
      SERVER_PROTOCOL: () => [protocol],
      SERVER_NAME: () => [authority[0]!, ...named('host').slice(2, 3)],
      CONTENT_LENGTH: () => [...named('content-length'), ...named('transfer-encoding')],
      AUTH_TYPE: () => named('authorization'),
      REMOTE_USER: () => named('authorization'),
    }),
  );
  return {
    lines: [requestLine, ...fields].map((line) => line.filter(isThere)),
    of: (variable) => (made.get(variable)?.() ?? whole((field) => field.variable === variable)).filter(isThere),
    field: (place) => fields[place] ?? [],
  };
};

const piece = (text: string): Piece => ({ text });
const space = piece(' ');
const isThere = ({ text, hidden }: Piece): boolean => text !== '' || hidden === true;

/** Name, colon, value; the port of a Host is a piece of its own. */
const cutField = ({ name, value, variable, fate }: ToldHeadField): Piece[] => {
  // Content-Length is told under another name.
  const dropped = variable === undefined && fate !== 'length';
  const cut = (text: string): Piece => ({ text, dropped });
  if (value === undefined) return [cut(name), cut(': '), { text: '', dropped, hidden: true }];
  return [cut(name), cut(': '), ...(name.toLowerCase() === 'host' ? withoutPort(value) : [value]).map(cut)];
};

/** The host, and its port with the colon: SERVER_NAME is without it. */
const withoutPort = (authority: string): [host: string, port: string] => {
  const [, host = '', port = ''] = /^(.*?)(:\d*)?$/s.exec(authority) ?? [];
  return [host, port];
};

/** Where SCRIPT_NAME ends in a path that is still encoded and may have empty segments; undefined when the two do not make up this path. */
const scriptEnd = (path: string, script: string, info: string): number | undefined => {
  for (let at = path.length; at >= 0; at = at === 0 ? -1 : path.lastIndexOf('/', at - 1)) {
    if (decoded(path.slice(at)) === info && decoded(path.slice(0, at)).replace(/\/{2,}/g, '/') === script) return at;
  }
  return undefined;
};

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

/** Where a variable comes from, in words. */
export const originOf = (name: string, say: Say): string => {
  if (name.startsWith('HTTP_')) return say('from.header', { field: fieldOf(name) });
  return say(origins.get(name) ?? 'from.environment');
};

/** `HTTP_X_COLOR` → `X-Color`, as people write it. */
const fieldOf = (name: string): string =>
  name
    .slice('HTTP_'.length)
    .split('_')
    .map((word) => word.charAt(0) + word.slice(1).toLowerCase())
    .join('-');

/** Of names that a variable may have, also `constructor`: no object's own. */
const origins: ReadonlyMap<string, Word> = new Map(
  Object.entries({
    AUTH_TYPE: 'from.user',
    CONTENT_LENGTH: 'from.length',
    CONTENT_TYPE: 'from.type',
    GATEWAY_INTERFACE: 'from.server',
    PATH_INFO: 'from.path',
    PATH_TRANSLATED: 'from.translated',
    QUERY_STRING: 'from.query',
    REMOTE_ADDR: 'from.socket',
    REMOTE_HOST: 'from.socket',
    REMOTE_USER: 'from.user',
    REQUEST_METHOD: 'from.method',
    SCRIPT_NAME: 'from.script',
    SERVER_NAME: 'from.host',
    SERVER_PORT: 'from.socket',
    SERVER_PROTOCOL: 'from.protocol',
    SERVER_SOFTWARE: 'from.server',
    REQUEST_URI: 'from.target',
    SCRIPT_FILENAME: 'from.file',
    DOCUMENT_ROOT: 'from.server',
    REQUEST_SCHEME: 'from.socket',
    HTTPS: 'from.socket',
    SERVER_ADDR: 'from.socket',
    REMOTE_PORT: 'from.socket',
    REDIRECT_STATUS: 'from.php',
  } as const),
);
