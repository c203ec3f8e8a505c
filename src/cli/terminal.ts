/** The world as a sub-command sees it: where it stands, where it may print, in which language and colours. */
import type { Palette } from './color.js';
import type { Environment } from './settle.js';
import type { Lang } from './words.js';

/** What a sub-command is given of the world. */
export interface Terminal {
  readonly cwd: string;
  readonly env: Environment;
  readonly lang: Lang;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** One for each stream: either may be a pipe. */
  readonly outPalette: Palette;
  readonly errPalette: Palette;
}
