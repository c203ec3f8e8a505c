/** The commands that do the same once more in a terminal, for a POSIX shell. Secrets and the client's other headers are left out. Pure. */
import type { ToldDetail, ToldRun, ToldRunDetail } from '../told.js';

/** `curl 'http://127.0.0.1:8000/cgi-bin/a.sh?x=1'` */
export const curlOf = (exchange: ToldDetail, url: string): string =>
  ['curl', ...requestWords(exchange, exchange.details[0]), shellWord(url + exchange.target)].join(' ');

/** `cgi-serve run ./a.sh '/b?x=1'`; undefined where no script of ours was run. */
export const rerunOf = (exchange: ToldDetail): string | undefined => {
  const run: ToldRun | undefined = exchange.runs[0];
  const [detail] = exchange.details;
  if (run === undefined || detail === undefined || !run.own) return undefined;
  const told = (name: string): string => detail.variables.find((variable) => variable.name === name)?.value ?? '';
  const query = told('QUERY_STRING');
  const url = `${told('PATH_INFO')}${query === '' ? '' : `?${query}`}`;
  return ['cgi-serve', 'run', shellWord(detail.file), ...(url === '' ? [] : [shellWord(url)]), ...requestWords(exchange, detail)].join(' ');
};

/** The method and the body, as both programs take them. A body that is long, or no text, must be given by hand. */
const requestWords = ({ method }: ToldDetail, detail: ToldRunDetail | undefined): string[] => {
  const body = detail === undefined || detail.input.bytes === 0 ? undefined : textOf(detail);
  const type = detail?.variables.find(({ name }) => name === 'CONTENT_TYPE')?.value;
  return [
    ...(method === 'GET' || (method === 'POST' && body !== undefined) ? [] : ['-X', method]),
    ...(body === undefined ? [] : [...(type === undefined ? [] : ['-H', shellWord(`Content-Type: ${type}`)]), '-d', shellWord(body)]),
  ];
};

const bodyLettersMax = 400;

const textOf = ({ input }: ToldRunDetail): string => {
  const bytes = input.pieces.map(({ base64 }) => atob(base64)).join('');
  return bytes.length > bodyLettersMax || /[^\t\n\r\x20-\x7e]/.test(bytes) ? '@FILE' : bytes;
};

const shellWord = (text: string): string => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);
