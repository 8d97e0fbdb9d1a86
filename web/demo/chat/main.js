// The page: one or two people, and an attempt to write as somebody else.

import { publish } from '/client/publish.js';
import { HUB, tokenOf } from '../shared/demo.js';
import { How } from '../shared/how.js';
import { byId, shell } from '../shared/shell.js';
import { Pane } from './pane.js';
import { Shelf } from './shelf.js';
import { messageTopic } from './topics.js';

/** From this width on there is room for two. */
const DESK = '(min-width: 900px)';

const state = shell();
const how = new How(document.querySelector('.how'), 'main.js', 'pane.js', 'list.js', 'chat.js', 'outbox.js', 'topics.js', 'typists.js', 'tunnel.js', 'shelf.js');
const shelf = new Shelf('headwater:chat:');

const first = new Pane('1', how.fetch);
/** @type {Pane | null} */
let second = null;
byId('panes').append(first.element);
state.follow(first.chat.source);

/** @param {boolean} two */
function seat(two) {
  if (two && !second) {
    second = new Pane('2', how.fetch);
    byId('panes').append(second.element);
  } else if (!two) {
    second?.close();
    second = null;
  }
  byId('panes').dataset.people = two ? '2' : '1';
  for (const button of buttons) button.setAttribute('aria-pressed', String((button.dataset.people === '2') === two));
}

const buttons = /** @type {NodeListOf<HTMLButtonElement>} */ (document.querySelectorAll('[data-people]'));
for (const button of buttons) {
  button.addEventListener('click', () => {
    shelf.set('people', button.dataset.people);
    seat(button.dataset.people === '2');
  });
}
seat((shelf.get('people') ?? (matchMedia(DESK).matches ? '2' : '1')) === '2');

const showOwn = () => (byId('forge-own').textContent = first.chat.name);
first.chat.addEventListener('change', showOwn);
showOwn();

byId('forge').addEventListener('submit', async (event) => {
  event.preventDefault();
  const answer = byId('forge-answer');
  const name = /** @type {HTMLInputElement} */ (byId('forge-name')).value.trim();
  const { chat } = first;
  const message = { text: `I am ${name}, believe me!`, time: Date.now() };
  try {
    await publish(HUB, { topic: messageTopic(chat.room, name), data: message, token: tokenOf(chat.name), fetch: how.fetch });
    answer.textContent = `Published: ${chat.name} may write as ${name}.`;
  } catch (error) {
    answer.textContent = error.message;
  }
});
