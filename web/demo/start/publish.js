// One POST, in three forms: the form of the page, the command line that is equal to it, and what comes of both.

import { publish } from '/client/publish.js';
import { HUB, publisherToken } from '../shared/demo.js';
import { byId, element } from '../shared/shell.js';
import { publishCommand, subscribeCommand, wireCopyButtons } from './commands.js';

export const MESSAGE = '/demo/message';
const MESSAGES = 50;
const GREETING = 'Hello from a terminal';

/** What the command line publishes: what stands in the field, if anything does. */
const words = () => byId('send-text').value || GREETING;

export function wirePublish() {
  wireCopyButtons(byId('copied'));
  byId('subscribe-command').textContent = subscribeCommand(HUB, MESSAGE);
  byId('send-text').addEventListener('input', () => showCommand());
  byId('send').addEventListener('submit', async (event) => {
    event.preventDefault();
    const field = byId('send-text');
    const text = field.value;
    try {
      await publish(HUB, { topic: MESSAGE, data: text, token: publisherToken });
      byId('send-problem').textContent = '';
      // Who has typed on meanwhile, keeps it.
      if (field.value === text) field.value = '';
      showCommand();
    } catch (error) {
      byId('send-problem').textContent = `Not published: ${error.message}`;
    }
  });
}

/** Shows the command with a token that holds. @param {{ refused?: boolean }} [asked] */
export async function showCommand(asked) {
  const command = byId('publish-command');
  try {
    const token = await publisherToken(asked);
    const [before, after] = publishCommand(HUB, MESSAGE, token, words()).split(token);
    // All of it is there to be copied; not all of it need be seen.
    command.replaceChildren(before, element('span', { class: 'token' }, token), after);
  } catch (error) {
    command.textContent = `There is no token to show: ${error.message}`;
  }
}

/** @param {import('../../client/index.js').ServerEvent} event */
export function showMessage({ data, lastEventId }) {
  const list = byId('messages');
  // As text, never as markup: it comes from outside.
  list.prepend(element('li', null, data, element('small', null, lastEventId)));
  while (list.children.length > MESSAGES) list.lastChild.remove();
  byId('messages-empty').hidden = true;
}
