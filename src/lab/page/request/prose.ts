/** Words with code in them. */
import { type Child, h } from '../dom.js';

/** failures.ts writes code between back-ticks. */
export const prose = (text: string): Child[] => text.split('`').map((part, i) => (i % 2 === 1 ? h('code', {}, part) : part));
