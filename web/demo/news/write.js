// The form that publishes an item: it takes the same way as everybody's, through the hub and back.

import { publish } from '/client/publish.js';
import { HUB, publisherToken } from '../shared/demo.js';
import { byId, element } from '../shared/shell.js';
import { SECTIONS } from './icons.js';

/** @param {typeof fetch} fetch */
export function writeForm(fetch) {
  const form = /** @type {HTMLFormElement} */ (byId('form'));
  const [section, title, summary] = ['section', 'title', 'summary'].map((id) => /** @type {HTMLInputElement} */ (byId(id)));
  section.append(...SECTIONS.map((name) => element('option', { value: name }, name)));
  // On a phone the news come first.
  byId('write').open = matchMedia('(min-width: 960px)').matches;

  form.onsubmit = async (event) => {
    event.preventDefault();
    const button = form.querySelector('button');
    button.disabled = true;
    byId('problem').textContent = '';
    byId('published').textContent = '';
    try {
      await publish(HUB, {
        topic: `/demo/news/${section.value}`,
        data: { title: title.value, summary: summary.value, section: section.value, time: Date.now() },
        token: publisherToken,
        fetch,
      });
      byId('published').textContent = 'Published.';
      title.value = '';
      summary.value = '';
    } catch (error) {
      // What was written stays, to be sent again.
      byId('problem').textContent = `It was not published: ${error.message}.`;
    } finally {
      button.disabled = false;
    }
  };
}
