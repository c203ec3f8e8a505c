/** The story: a drawing, numbered sentences; what went wrong, and its mend; the commands that do it once more. */
import { type Child, h } from '../dom.js';
import { wordsIn } from '../words.js';
import { drawing } from './drawing.js';
import { prose } from './prose.js';
import type { RequestView } from './request.js';
import { storyOf } from './story.js';

export const story = ({ detail, lang, width, say }: RequestView): Child[] => {
  const failure = detail.end?.failure;
  const notes = detail.end?.notes ?? [];
  return [
    drawing(detail, width, say),
    h('ol', { class: 'sentences' }, ...storyOf(detail, say).map((sentence) => h('li', {}, sentence))),
    failure &&
      h(
        'section',
        { class: 'mend' },
        h('h3', {}, say('story.failure')),
        h('p', {}, h('code', {}, failure.code), ' ', ...prose(wordsIn(failure.what, lang))),
        failure.detail !== undefined && h('p', {}, h('code', {}, failure.detail)),
        h('h3', {}, say('story.mend')),
        h('p', {}, ...prose(wordsIn(failure.mend, lang))),
        failure.rule !== '' && h('p', { class: 'soft' }, failure.rule),
      ),
    notes.length > 0 && h('section', {}, h('h3', {}, say('story.notes')), h('ul', {}, ...notes.map((note) => h('li', {}, note)))),
  ];
};
