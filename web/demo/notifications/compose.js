// The form that sends: through the hub, with a token that may publish, as an application's server would.

import { publish } from '/client/publish.js';
import { HUB, publisherToken } from '../shared/demo.js';
import { byId } from '../shared/shell.js';

/** So that there is something to send at once. */
const EXAMPLES = [
  { kind: 'message', title: 'Lunch at one?', text: 'The place by the canal has a free table.' },
  { kind: 'delivery', title: 'Your parcel is on its way', text: 'It should be with you tomorrow before noon.' },
  { kind: 'warning', title: 'Disk almost full', text: '4 % are free on the build machine.' },
  { kind: 'message', title: 'Three comments on your draft', text: 'Mostly about commas.' },
  { kind: 'delivery', title: 'Ready to collect', text: 'Your book is at the front desk until Friday.' },
];

/**
 * @param {HTMLFormElement} form
 * @param {typeof fetch} fetch
 * @param {(to: string, id: string) => void} sent
 */
export function composeForm(form, fetch, sent) {
  const [kind, title, text] = ['kind', 'title', 'text'].map((id) => /** @type {HTMLInputElement} */ (byId(id)));
  let next = 0;
  const fill = () => {
    const example = EXAMPLES[next++ % EXAMPLES.length];
    kind.value = example.kind;
    title.value = example.title;
    text.value = example.text;
  };
  fill();

  form.onsubmit = async (event) => {
    event.preventDefault();
    const to = String(new FormData(form).get('to'));
    const button = /** @type {HTMLButtonElement} */ (byId('send'));
    button.disabled = true;
    byId('sent').textContent = '';
    byId('problem').textContent = '';
    try {
      const id = await publish(HUB, {
        topic: `/demo/notifications/${to}`,
        data: { title: title.value, text: text.value, kind: kind.value, time: Date.now() },
        private: true,
        token: publisherToken,
        fetch,
      });
      byId('sent').textContent = `Sent to ${to === 'alice' ? 'Alice' : 'Bob'}.`;
      sent(to, id);
      fill();
    } catch (error) {
      // What was written stays, to be sent again.
      byId('problem').textContent = `It was not sent: ${error.message}.`;
    } finally {
      button.disabled = false;
      // A disabled button loses the focus, and whoever sends one may send another.
      if (document.activeElement === document.body) button.focus();
    }
  };
}
