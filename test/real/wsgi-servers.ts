/**
 * One WSGI application under all servers that a client may find it behind: our own workers, Gunicorn, Waitress, uWSGI with its own
 * HTTP socket, and the same uWSGI behind us. Each with two workers or threads, and otherwise as it comes.
 */
import { basename, join } from 'node:path';
import type { TestContext } from 'node:test';
import { house } from '../support/house.js';
import { apps, environment } from '../workers/worker.js';
import { daemon, freePort, room } from './peers.js';

export type Peer = 'Gunicorn' | 'Waitress' | 'uWSGI' | 'uWSGI behind us';
export const peers: readonly Peer[] = ['Gunicorn', 'Waitress', 'uWSGI', 'uWSGI behind us'];
export const us = 'cgi-serve';
export type Server = typeof us | Peer;

/** What they are called in test/support/needs.ts. */
export const programs = ['gunicorn', 'python3-waitress', 'uwsgi'];

/** Debian's modules belong to this interpreter; another `python3` may come first on PATH. */
const python = { interpreter: '/usr/bin/python3' };

/** Their ports, when all of them take connections. `target`: `plain.py:app`, in test/workers/apps. */
export async function underAll(t: TestContext, target: string, prefix = ''): Promise<Map<Server, number>> {
  const [file = '', callable = 'application'] = target.split(':');
  const module = `${basename(file, '.py')}:${callable}`;
  const where = prefix === '' ? '/' : prefix;
  const env = { ...environment, PYTHONPATH: apps };

  const ours = async (): Promise<number> => {
    const h = await house({ mounts: [{ wsgi: `${join(apps, file)}:${callable}`, where }], workers: 2, python, env, onWarning() {} });
    t.after(() => h.stop());
    return h.port;
  };
  const gunicorn = async (): Promise<number> => {
    const port = await freePort();
    // Its way to say that it stands under a prefix.
    const under = prefix === '' ? {} : { SCRIPT_NAME: prefix };
    await daemon(t, '/usr/bin/gunicorn', ['--bind', `127.0.0.1:${port}`, '--workers', '2', module], [port], { ...env, ...under });
    return port;
  };
  const waitress = async (): Promise<number> => {
    const port = await freePort();
    const under = prefix === '' ? [] : [`--url-prefix=${prefix}`];
    await daemon(t, '/usr/bin/waitress-serve', [`--listen=127.0.0.1:${port}`, '--threads=2', ...under, module], [port], env);
    return port;
  };
  const uwsgi = async (): Promise<[byItself: number, behindUs: number]> => {
    const [folder, port] = [room(t), await freePort()];
    const socket = join(folder, 'uwsgi.sock');
    const application = ['--manage-script-name', '--mount', `${where}=${join(apps, file)}`, '--callable', callable];
    const listen = ['--http-socket', `127.0.0.1:${port}`, '--uwsgi-socket', socket];
    const workers = ['--master', '--processes', '2', '--need-app', '--die-on-term'];
    await daemon(t, '/usr/bin/uwsgi_python3', [...workers, ...listen, ...application], [port, socket], env);
    const h = await house({ mounts: [{ wire: 'uwsgi', where, address: `unix:${socket}` }], connections: 2, onWarning() {} });
    t.after(() => h.stop());
    return [port, h.port];
  };

  const [own, g, w, [u, behind]] = await Promise.all([ours(), gunicorn(), waitress(), uwsgi()]);
  return new Map<Server, number>([
    [us, own],
    ['Gunicorn', g],
    ['Waitress', w],
    ['uWSGI', u],
    ['uWSGI behind us', behind],
  ]);
}
