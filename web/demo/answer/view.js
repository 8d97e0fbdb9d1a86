// A question and its answer on the page.

import { element } from '../shared/shell.js';

const WORDS = {
  waiting: 'Waiting for the first word…',
  writing: 'Writing…',
  cut: 'The connection is cut. It goes on by itself…',
  stopped: 'Stopped. It is written on meanwhile, and nothing of it is lost.',
  done: 'Complete',
  stalled: 'No more words come: whoever wrote this has been stopped. Ask again.',
  gone: 'The hub has nothing of this answer any more: it holds one for 15 minutes.',
};

/** Follows the answer. */
export class View {
  element;
  #answer;
  #text = element('div', { class: 'text' });
  #status = element('p', { class: 'fate' });
  #facts = element('p', { class: 'facts-line' });
  #go = element('button', { type: 'button', class: 'quiet', hidden: true }, 'Go on');
  #paragraph = element('p');

  /**
   * @param {string | undefined} question of somebody else it is not known
   * @param {import('./answer.js').Answer} answer
   */
  constructor(question, answer) {
    this.#answer = answer;
    this.#text.append(this.#paragraph);
    this.#go.addEventListener('click', () => answer.go());
    this.element = element('li', null,
      element('p', { class: question === undefined ? 'question unknown' : 'question' }, question ?? 'A question from another window'),
      element('div', { class: 'answer' }, this.#text, element('div', { class: 'below' }, this.#status, this.#facts, this.#go)));
    answer.addEventListener('piece', (event) => this.#add(/** @type {CustomEvent} */ (event).detail.text));
    answer.addEventListener('change', () => this.#draw());
    this.#draw();
  }

  /** Text is only ever added at its end: what is there already is not touched, nor what somebody has marked in it. */
  #add(text) {
    const [rest, ...paragraphs] = text.split(/\n{2,}/);
    this.#paragraph.append(rest);
    for (const paragraph of paragraphs) {
      this.#paragraph = element('p', null, paragraph);
      this.#text.append(this.#paragraph);
    }
  }

  #draw() {
    const { state, why, words, missing, reconnected, live, isOpen } = this.#answer;
    this.element.dataset.state = state;
    // What was there before is still coming.
    this.element.setAttribute('aria-busy', String(isOpen && !live));
    put(this.#status, state === 'failed' ? `The stream has ended: ${why}` : WORDS[state]);
    const facts = [`${words} ${words === 1 ? 'word' : 'words'}`, `${missing} missing`];
    if (reconnected > 0) facts.push(`reconnected ${reconnected === 1 ? 'once' : `${reconnected} times`}`);
    put(this.#facts, words > 0 ? facts.join(' · ') : '');
    this.#go.hidden = state !== 'stopped';
  }
}

/** @param {HTMLElement} target @param {string} text */
function put(target, text) {
  if (target.textContent !== text) target.textContent = text;
}
