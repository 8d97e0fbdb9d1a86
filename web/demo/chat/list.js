// The messages of a room on the page. Whatever somebody wrote is text.

import { element } from '../shared/shell.js';

/** Who goes on talking within this time, needs no new head. */
const SAME_BREATH_MS = 5 * 60_000;
/** So near to its end, the list is read at its end. */
const NEAR_PX = 48;

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
const calendar = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' });

/** @typedef {import('./chat.js').Message} Message */

export class List {
  element;
  #messages = element('ol', { class: 'messages' });
  // What is not sent yet is known to whoever wrote it: it is read out when it is there.
  #drafts = element('ol', { class: 'messages drafts', 'aria-live': 'off' });
  #empty = element('p', { class: 'empty', hidden: true }, 'Nobody has said anything here yet.');
  #scroll = element('div', { class: 'scroll', role: 'log', tabIndex: 0, 'aria-live': 'off' }, this.#empty, this.#messages, this.#drafts);
  #newer = element('button', { class: 'newer primary', type: 'button', hidden: true });
  /** What is drawn, of whose view and of which room. @type {Message[]} */
  #drawn = [];
  #of = '';
  #missed = 0;
  #follow = false;
  #discard;
  /** The drafts that are drawn, by what is drawn of them. @type {Map<string, HTMLElement>} */
  #waiting = new Map();

  /** @param {(nonce: string) => void} discard what was refused */
  constructor(discard) {
    this.#discard = discard;
    this.element = element('div', { class: 'list' }, this.#scroll, this.#newer);
    this.#newer.addEventListener('click', () => {
      this.#toEnd();
      this.#scroll.focus({ preventScroll: true });
    });
    this.#scroll.addEventListener('scroll', () => this.#atEnd() && this.#tellMissed(0), { passive: true });
    // A phone's keyboard comes up: what was in sight stays in sight.
    let near = true;
    this.#scroll.addEventListener('scroll', () => (near = this.#atEnd()), { passive: true });
    new ResizeObserver(() => near && this.#toEnd()).observe(this.#scroll);
  }

  /** Draws what is new. @param {import('./chat.js').Chat} chat */
  draw(chat) {
    const { messages, name, room, ready } = chat;
    const of = `${room} ${name}`;
    const anew = of !== this.#of;
    if (anew) {
      this.#of = of;
      this.#drawn = [];
      this.#messages.replaceChildren();
      this.#scroll.setAttribute('aria-label', `Messages in ${room}`);
    }
    // Asked before anything is added: who reads further up is not torn away.
    const stay = !anew && !this.#follow && !this.#atEnd();
    this.#follow = false;

    // The oldest ones have gone from its front.
    while (this.#drawn.length > 0 && this.#drawn[0] !== messages[0]) this.#remove();
    const fresh = messages.slice(this.#drawn.length);
    for (const message of fresh) this.#append(message, name);
    this.#drawDrafts(chat);

    this.#empty.hidden = !ready || messages.length + this.#drafts.children.length > 0;
    this.#scroll.setAttribute('aria-live', ready ? 'polite' : 'off');
    if (!stay) this.#toEnd();
    else this.#tellMissed(this.#missed + fresh.filter(({ user }) => user !== name).length);
  }

  /** Whoever has just written, wants to see it, wherever they read. */
  follow() {
    this.#follow = true;
  }

  #toEnd() {
    this.#scroll.scrollTop = this.#scroll.scrollHeight;
    this.#tellMissed(0);
  }

  #atEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroll;
    return scrollHeight - scrollTop - clientHeight < NEAR_PX;
  }

  /** @param {number} count */
  #tellMissed(count) {
    this.#missed = count;
    this.#newer.hidden = count === 0;
    this.#newer.textContent = `${count} new message${count === 1 ? '' : 's'} ↓`;
  }

  /** @param {Message} message @param {string} me */
  #append(message, me) {
    const before = this.#drawn.at(-1);
    const spoken = this.#drawn.findLast(({ gap }) => !gap);
    this.#drawn.push(message);
    if (message.gap) {
      this.#messages.append(element('li', { class: 'divider' }, 'Some messages are missing here: the hub no longer has them.'));
      return;
    }
    const day = calendar.format(message.time);
    const divider = spoken && calendar.format(spoken.time) === day ? null : element('li', { class: 'divider' }, day);
    const goesOn = !divider && before === spoken && before.user === message.user && message.time - before.time < SAME_BREATH_MS;
    const item = bubble(message, me, goesOn);
    // They are taken away together.
    if (divider) item.dataset.divided = '';
    this.#messages.append(...(divider ? [divider] : []), item);
  }

  #remove() {
    this.#drawn.shift();
    const first = this.#messages.firstElementChild;
    if (first?.classList.contains('divider') && 'divided' in (/** @type {HTMLElement} */ (first.nextElementSibling)?.dataset ?? {})) first.remove();
    this.#messages.firstElementChild?.remove();
  }

  /** @param {import('./chat.js').Chat} chat */
  #drawDrafts({ outbox, room, name }) {
    const before = this.#waiting;
    this.#waiting = new Map(outbox.in(room).map((draft) => {
      const state = outbox.online || draft.state !== 'sending' ? draft.state : 'waiting';
      const drawn = [draft.nonce, name, state, draft.why].join();
      return [drawn, before.get(drawn) ?? this.#draft(draft, name, state)];
    }));
    // What stays is not touched: somebody may be pressing its button.
    if (String([...before.keys()]) !== String([...this.#waiting.keys()])) this.#drafts.replaceChildren(...this.#waiting.values());
  }

  /** @param {import('./outbox.js').Draft} draft @param {string} name @param {import('./outbox.js').Draft['state']} state */
  #draft(draft, name, state) {
    const item = bubble(draft, name, true);
    item.dataset.state = state;
    const status = element('p', { class: 'fate' }, fate(state, draft.why));
    if (state === 'refused') {
      const button = element('button', { type: 'button', class: 'quiet' }, 'Discard');
      button.addEventListener('click', () => this.#discard(draft.nonce));
      status.append(' ', button);
    }
    item.append(status);
    return item;
  }
}

/** @param {import('./outbox.js').Draft['state']} state @param {string} why */
function fate(state, why) {
  if (state === 'refused') return `Refused: ${why}`;
  return { waiting: 'Not sent yet, will be retried', sending: 'Sending…', sent: 'Sent' }[state];
}

/** @param {{ user: string, text: string, time: number }} message @param {string} me @param {boolean} goesOn */
function bubble({ user, text, time }, me, goesOn) {
  const mine = user === me;
  const at = new Date(time);
  const head = element('p', { class: goesOn ? 'by hidden' : 'by' }, avatar(user), element('b', null, mine ? 'You' : user), ' ',
    element('time', { dateTime: at.toISOString() }, clock.format(at)));
  return element('li', { class: mine ? 'mine' : '', dataset: { user } }, head, element('p', { class: 'text' }, text));
}

/** The first letter in a colour that is always the same for a name. @param {string} user */
export function avatar(user) {
  const colour = [...user].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 4, 7);
  return element('span', { class: `avatar colour-${colour}`, 'aria-hidden': 'true' }, [...user.trim()][0]?.toUpperCase() ?? '?');
}
