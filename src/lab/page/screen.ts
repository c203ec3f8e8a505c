/** What every screen is to the frame (main.ts), and the frame to it. */
import type { ToldHello } from '../told.js';
import type { Lang, Say } from './words.js';

export interface Frame {
  readonly hello: ToldHello;
  readonly say: Say;
  readonly lang: Lang;
  /** Said aloud by screen readers. */
  readonly spoken: HTMLElement;
}

export interface Screen<State> {
  readonly element: HTMLElement;
  /** What goes on when the same screen is made anew, in another language. */
  readonly state: State;
  /** It is looked at, or another one is. */
  show(shown: boolean): void;
  /** Another one takes its place. */
  stop(): void;
}
