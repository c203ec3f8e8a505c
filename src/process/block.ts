/**
 * What posix_spawn reads of one birth: the file actions, argv and envp as C has them, in memory that stays where it is while a
 * thread of the pool reads it. One block a birth, used again.
 */
import type { Birth } from './child.js';
import { actionsBytes, type Koffi } from './libc.js';

/** Addresses are numbers: a Linux process has 47 bits of them, a number 53. */
export interface Block {
  readonly bytes: Buffer;
  readonly words: Uint32Array;
  readonly address: number;
  /** Where posix_spawn writes the pid. */
  readonly pid: number;
  /** Where posix_spawn_file_actions_t stands. */
  readonly actions: number;
  path: number;
  argv: number;
  envp: number;
}

/** The system takes 2 MiB for both together, and 128 KiB for one string. */
const blockBytesMax = 2 * 1024 * 1024;
const stringBytesMax = 128 * 1024;
const blockBytes = 32 * 1024;
/** Offsets in a block. */
const pidAt = 0;
const actionsAt = 16;
const pointersAt = actionsAt + actionsBytes;
const pointerBytes = 8;

export const pidOf = (block: Block): number => block.bytes.readInt32LE(pidAt);

export const blockPool = (koffi: Koffi) => {
  const free: Block[] = [];
  const make = (size: number): Block => {
    const memory = koffi.alloc('char', size);
    const view = koffi.view(memory, size);
    const address = Number(koffi.address(memory));
    const places = { address, pid: address + pidAt, actions: address + actionsAt, path: 0, argv: 0, envp: 0 };
    return { bytes: Buffer.from(view), words: new Uint32Array(view), ...places };
  };
  return {
    /** A filled block, or the errno of what cannot be given to a program. */
    take({ program, args, env }: Birth): Block | 'E2BIG' | 'EINVAL' {
      const strings = [program, ...args];
      const argc = strings.length;
      for (const [name, value] of env) strings.push(`${name}=${value}`);
      for (const string of strings) {
        if (string.length >= stringBytesMax) return 'E2BIG';
        if (string.includes('\0')) return 'EINVAL';
      }
      const text = `${strings.join('\0')}\0`;
      const textAt = pointersAt + (strings.length + 2) * pointerBytes;
      const size = textAt + Buffer.byteLength(text);
      if (size > blockBytesMax) return 'E2BIG';
      const block = size <= blockBytes ? (free.pop() ?? make(blockBytes)) : make(size + pointerBytes - (size % pointerBytes));
      const { bytes, address } = block;
      bytes.write(text, textAt, 'utf8');
      const plain = size === textAt + text.length;
      let pointer = pointersAt;
      let at = textAt;
      for (let i = 0; i < strings.length; i++) {
        if (i === argc) pointer = point(block, pointer, 0);
        pointer = point(block, pointer, address + at);
        // Bytes and characters differ as soon as one is not ASCII; then the NULs tell.
        at = (plain ? at + strings[i]!.length : bytes.indexOf(0, at)) + 1;
      }
      point(block, pointer, 0);
      block.path = address + textAt;
      block.argv = address + pointersAt;
      block.envp = block.argv + (argc + 1) * pointerBytes;
      return block;
    },
    give(block: Block): void {
      if (block.bytes.length === blockBytes) free.push(block);
    },
  };
};

/** Writes an address at an offset; returns the next offset. */
const point = ({ words }: Block, offset: number, address: number): number => {
  words[offset / 4] = address % 2 ** 32;
  words[offset / 4 + 1] = Math.floor(address / 2 ** 32);
  return offset + pointerBytes;
};
