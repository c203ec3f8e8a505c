/**
 * A child's stdout, read with the least there is between a pipe and us: libuv's own handle (handles.ts). Where Node does not show it,
 * a net.Socket does the same, for 20 µs more a child: a fifth of all the server does for a short script.
 */
import { Socket } from 'node:net';
import { asStream, handles, type PipeHandle, read } from '../handles.js';
import type { Output } from './child.js';

/** Takes the descriptor over: it is closed at the end of the output, or by `close`. */
export const readOutput = (fd: number, piece: (bytes: Buffer) => void, end: () => void): Output =>
  handles === undefined ? throughSocket(fd, piece, end) : throughHandle(new handles.Pipe(asStream), fd, piece, end);

const throughHandle = (handle: PipeHandle, fd: number, piece: (bytes: Buffer) => void, end: () => void): Output => {
  let ended = false;
  const close = (): void => {
    if (ended) return;
    ended = true;
    handle.reader = undefined;
    handle.close();
    end();
  };
  handle.open(fd);
  read(handle, { heard: piece, ended: close });
  return {
    pause() {
      if (!ended) handle.readStop();
    },
    resume() {
      if (!ended) handle.readStart();
    },
    close,
  };
};

const throughSocket = (fd: number, piece: (bytes: Buffer) => void, end: () => void): Output => {
  const socket = new Socket({ fd, readable: true, writable: false });
  socket.on('error', () => {});
  socket.on('data', piece);
  let ended = false;
  const endOnce = (): void => {
    if (!ended) end();
    ended = true;
  };
  // `end` comes in the turn of the last byte, `close` a turn later, and alone when the pipe breaks.
  socket.on('end', endOnce);
  socket.on('close', endOnce);
  return { pause: () => void socket.pause(), resume: () => void socket.resume(), close: () => void socket.destroy() };
};
