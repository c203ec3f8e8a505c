/**
 * Where a program listens: `unix:/run/app.sock`, `127.0.0.1:9000`, `[::1]:9000`; several, joined by commas, to balance over. Pure.
 */

/** As node:net's connect() takes it, with what the user wrote. */
export type Address =
  | { readonly path: string; readonly text: string }
  | { readonly host: string; readonly port: number; readonly text: string };

/** Throws an Error with one clear sentence. */
export const readAddresses = (text: string): Address[] => text.split(',').map((one) => readAddress(one.trim()));

const readAddress = (text: string): Address => {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length);
    if (!path.startsWith('/')) throw new Error(`expected unix:/path, got '${text}'`);
    // sockaddr_un has 108 bytes with its NUL; a longer path would be cut and lead elsewhere.
    if (Buffer.byteLength(path) > unixPathBytesMax) throw new Error(`a socket's path has at most ${unixPathBytesMax} bytes: '${text}'`);
    return { path, text };
  }
  const [, host, digits] = /^(\[[0-9A-Fa-f:.]+\]|[^:[\]/\s]+):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (host === undefined || port < 1 || port > 65_535) throw new Error(`expected unix:/path or host:port, got '${text}'`);
  return { host: host.replace(/^\[|\]$/g, ''), port, text };
};

const unixPathBytesMax = 107;
