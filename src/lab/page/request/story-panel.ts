/** The story: a drawing, numbered sentences; what went wrong, and its mend; the commands that do it once more. */
import { type Child, h } from '../dom.js';
import { drawing } from './drawing.js';
import { prose } from './prose.js';
import type { RequestView } from './request.js';
import { storyOf } from './story.js';

export const story = ({ detail, lang, width, say }: RequestView): Child[] => {
  const failure = detail.end?.failure;
  const notes = detail.end?.notes ?? [];
  const inLang = (words: { en: string; zh: string }): string => (lang === 'en' ? words.en : words.zh);
  return [
    drawing(detail, width, say),
    h('ol', { class: 'sentences' }, ...storyOf(detail, say).map((sentence) => h('li', {}, sentence))),
    failure &&
      h(
        'section',
        { class: 'mend' },
        h('h3', {}, say('story.failure')),
        h('p', {}, h('code', {}, failure.code), ' ', ...prose(inLang(failure.what))),
        failure.detail !== undefined && h('p', {}, h('code', {}, failure.detail)),
        h('h3', {}, say('story.mend')),
        h('p', {}, ...prose(inLang(failure.mend))),
        failure.rule !== '' && h('p', { class: 'soft' }, failure.rule),
      ),
    notes.length > 0 && h('section', {}, h('h3', {}, say('story.notes')), h('ul', {}, ...notes.map((note) => h('li', {}, note)))),
  ];
};
