// The page: what is asked, and the answers by their ids, which stand in the address.

import { HUB, read } from '../shared/demo.js';
import { How } from '../shared/how.js';
import { byId, element, shell } from '../shared/shell.js';
import { Answer } from './answer.js';
import { Sentences } from './sentences.js';
import { View } from './view.js';

/** So many answers the address holds. Each is a stream for a moment when the page loads, and browsers open six. */
const MOST = 4;
/** So near to its end, the list is read at its end. */
const NEAR_PX = 48;
const SUGGESTIONS = ['What are Server-Sent Events?', 'What if the connection is cut?', 'Why not WebSockets?', 'How do tabs share?'];

const state = shell();
const how = new How(document.querySelector('.how'), 'main.js', 'answer.js', 'view.js', 'sentences.js');
const sentences = new Sentences(byId('spoken'));
const field = /** @type {HTMLTextAreaElement} */ (byId('question'));
const scroll = byId('scroll');

/** The questions are not in the stream; a reload keeps them, and nobody else needs them. @type {Record<string, string>} */
const questions = history.state?.questions ?? {};
let ids = [...new Set((new URLSearchParams(location.search).get('answers') ?? '').split(',').filter((id) => /^[0-9a-f]{16}$/.test(id)))].slice(-MOST);
/** The one that is being written, or was last. @type {Answer | null} */
let current = null;
let asking = false;

/**
 * @param {string} id
 * @param {boolean} asked just now
 */
function show(id, asked) {
  const answer = new Answer(`/demo/answers/${id}`, { fetch: how.fetch, asked });
  byId('thread').append(new View(questions[id], answer).element);
  answer.addEventListener('piece', (event) => {
    const { text, old } = /** @type {CustomEvent} */ (event).detail;
    if (!old) sentences.add(text);
  });
  answer.addEventListener('change', () => {
    if (answer === current) draw();
    if (answer.state === 'done' && answer === current) sentences.end('The answer is complete.');
  });
  answer.go();
  return answer;
}

/** @param {string} question */
async function ask(question) {
  // Twice pressed is asked once.
  if (asking) return;
  asking = true;
  byId('problem').textContent = '';
  current?.stop();
  sentences.end();
  /** @type {{ id: string }} */
  let begun;
  try {
    begun = await read('/demo/answers', { question });
  } catch (error) {
    byId('problem').textContent = `Not asked: ${error.message}`;
    return;
  } finally {
    asking = false;
  }
  field.value = '';
  questions[begun.id] = question;
  ids = [...ids, begun.id].slice(-MOST);
  // All that a reload, or whoever is sent this address, needs.
  history.replaceState({ questions }, '', `?answers=${ids.join()}`);
  following = true;
  current = show(begun.id, true);
  draw();
}

function draw() {
  const open = current?.isOpen ?? false;
  byId('stop').hidden = !open;
  byId('ask').hidden = open;
  for (const name of ['cut', 'reload']) /** @type {HTMLButtonElement} */ (byId(name)).disabled = !open;
  byId('welcome').hidden = ids.length > 0;
  byId('suggestions').hidden = open;
  if (!current) state.show('open', 'Ready');
  else if (current.state === 'failed') state.show('closed', 'Not connected');
  else if (current.state === 'cut') state.show('reconnecting', 'Reconnecting…');
  else if (open) state.show('open', current.state === 'writing' ? 'Live' : 'Waiting');
  else state.show('open', current.state === 'done' ? 'Complete' : 'Stopped');
}

/** Whoever reads at the end goes on reading there; whoever has scrolled up is left alone. */
let following = true;
scroll.addEventListener('scroll', () => {
  following = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < NEAR_PX;
}, { passive: true });
const sizes = new ResizeObserver(() => following && (scroll.scrollTop = scroll.scrollHeight));
for (const box of [scroll, byId('talk')]) sizes.observe(box);

const form = /** @type {HTMLFormElement} */ (byId('form'));
form.addEventListener('submit', (event) => {
  event.preventDefault();
  const question = field.value.trim();
  if (question !== '' && !current?.isOpen) ask(question);
});
field.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  form.requestSubmit();
});
byId('stop').addEventListener('click', () => {
  current.stop();
  field.focus();
});
byId('cut').addEventListener('click', () => how.wire.cut());
byId('reload').addEventListener('click', () => location.reload());
for (const text of SUGGESTIONS) {
  const button = element('button', { type: 'button', class: 'quiet' }, text);
  button.addEventListener('click', () => ask(text));
  byId('suggestions').append(button);
}

for (const id of ids) current = show(id, false);
draw();
