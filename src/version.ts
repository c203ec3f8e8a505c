/** SERVER_SOFTWARE and the Server field: name and version, as RFC 3875 §4.1.17 wants them. Read once from package.json. */
import { readFileSync } from 'node:fs';

export const version: string = (JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string })
  .version;

export const software = `cgi-serve/${version}`;
