// One person's view of the chat: rooms, messages, and where one writes.

import { element } from '../shared/shell.js';
import { Chat, LONGEST_TEXT } from './chat.js';
import { avatar, List } from './list.js';
import { Shelf } from './shelf.js';
import { ROOMS } from './topics.js';
import { Tunnel } from './tunnel.js';

const ABOUT = { lobby: 'Whoever comes by', help: 'Ask, and be answered', random: 'All the rest' };
/** The server's bound, in characters. */
const LONGEST_NAME = 40;
/** Whoever has no name yet is one of these: two who sit side by side are different ones. */
const NAMES = { 1: ['Otter', 'Heron', 'Beaver', 'Trout', 'Newt'], 2: ['Swan', 'Dipper', 'Salmon', 'Toad', 'Crane'] };

export class Pane {
  element;
  chat;
  #shelf;
  #tunnel;
  #list;
  #frame = 0;
  #label = element('h2');
  #face = element('span', { class: 'face' });
  #rooms = new Map(ROOMS.map((room) => [room, element('button', { type: 'button', dataset: { room } })]));
  #rename = element('form', { class: 'rename line', hidden: true });
  #renameButton = element('button', { type: 'button', class: 'quiet' }, 'Rename');
  #offline = element('button', { type: 'button', class: 'quiet', 'aria-pressed': 'false' }, 'Go offline');
  #notice = element('p', { class: 'notice', role: 'status' });
  #typing = element('p', { class: 'typing hint' });
  #problem = element('p', { class: 'problem', role: 'alert' });
  #compose = element('form', { class: 'compose' });
  #text;

  /**
   * @param {'1' | '2'} seat two panes of a page are two people: each keeps a name and unsent messages of its own
   * @param {typeof fetch} fetch
   */
  constructor(seat, fetch) {
    this.#shelf = new Shelf(`headwater:chat:${seat}:`);
    this.#tunnel = new Tunnel(fetch);
    const name = this.#shelf.get('name') ?? invent(NAMES[seat]);
    this.#shelf.set('name', name);
    const unsent = new Shelf(`headwater:chat:${seat}:unsent:`);
    this.chat = new Chat({ name, room: ROOMS[0], unsent, fetch: this.#tunnel.fetch });
    this.chat.addEventListener('change', () => this.#soon());
    this.#list = new List((nonce) => this.chat.outbox.remove(nonce));
    this.#text = element('textarea', { rows: 1, maxLength: LONGEST_TEXT, placeholder: 'Write a message', id: `text-${seat}`, enterKeyHint: 'send' });
    this.element = this.#build(seat);
    this.#listen();
    this.#draw();
  }

  close() {
    cancelAnimationFrame(this.#frame);
    this.chat.close();
    this.element.remove();
  }

  /** @param {'1' | '2'} seat */
  #build(seat) {
    for (const [room, button] of this.#rooms) button.addEventListener('click', () => this.chat.enter(room));
    this.#rename.append(
      element('label', { class: 'hidden', htmlFor: `name-${seat}` }, 'Your name'),
      element('input', { id: `name-${seat}`, maxLength: LONGEST_NAME, required: true, autocomplete: 'off' }),
      element('button', { class: 'primary' }, 'Save'),
      element('button', { type: 'button', value: 'cancel' }, 'Cancel'),
    );
    this.#compose.append(
      element('label', { class: 'hidden', htmlFor: `text-${seat}` }, 'Message'),
      this.#text,
      element('button', { class: 'primary' }, 'Send'),
    );
    return element('section', { class: 'pane card', dataset: { seat } },
      element('header', { class: 'who' }, this.#face, this.#label, this.#renameButton, this.#offline),
      this.#rename,
      element('div', { class: 'body' },
        element('div', { class: 'rooms', role: 'group', 'aria-label': 'Rooms' }, ...this.#rooms.values()),
        element('div', { class: 'room' }, this.#notice, this.#list.element, this.#typing, this.#problem, this.#compose)));
  }

  #listen() {
    this.#compose.addEventListener('submit', (event) => {
      event.preventDefault();
      this.#say();
    });
    this.#text.addEventListener('keydown', (event) => {
      // While an input method composes, Enter is its own.
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.#say();
    });
    this.#text.addEventListener('input', () => {
      this.#grow();
      if (this.#text.value.trim() !== '') this.chat.type();
    });
    this.#renameButton.addEventListener('click', () => this.#askName(true));
    this.#rename.querySelector('[value=cancel]').addEventListener('click', () => this.#askName(false));
    this.#rename.addEventListener('keydown', (event) => event.key === 'Escape' && this.#askName(false));
    this.#rename.addEventListener('submit', async (event) => {
      event.preventDefault();
      const name = this.#rename.querySelector('input').value.trim();
      try {
        await this.chat.rename(name);
        this.#shelf.set('name', name);
        this.#askName(false);
      } catch (error) {
        this.#problem.textContent = `No token for that name: ${error.message}`;
      }
    });
    this.#offline.addEventListener('click', () => {
      if (this.#tunnel.inside) this.#tunnel.leave();
      else this.#tunnel.enter();
      this.#draw();
    });
  }

  #say() {
    const text = this.#text.value.trim();
    this.#problem.textContent = '';
    if (text === '') return;
    if (!this.chat.say(text)) {
      this.#problem.textContent = 'Too many messages wait to be sent already.';
      return;
    }
    this.#text.value = '';
    this.#grow();
    this.#list.follow();
  }

  /** The field is as high as its text, up to a bound that the style sheet sets. */
  #grow() {
    this.#text.style.height = 'auto';
    this.#text.style.height = `${this.#text.scrollHeight + 2}px`;
  }

  /** @param {boolean} ask */
  #askName(ask) {
    this.#problem.textContent = '';
    this.#rename.hidden = !ask;
    this.#renameButton.hidden = ask;
    const input = this.#rename.querySelector('input');
    input.value = this.chat.name;
    if (ask) input.select();
    else this.#renameButton.focus();
  }

  /** A replay brings hundreds of messages at once: they are drawn once. */
  #soon() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  #draw() {
    const { chat } = this;
    if (this.#label.textContent !== chat.name) {
      this.#label.textContent = chat.name;
      this.#face.replaceChildren(avatar(chat.name));
      this.element.setAttribute('aria-label', `${chat.name}'s chat`);
    }
    for (const [room, button] of this.#rooms) drawRoom(button, room, room === chat.room, chat.unread.get(room));
    this.#list.draw(chat);
    put(this.#typing, chat.typists.words);
    put(this.#notice, this.#words());
    this.#text.placeholder = `Write to ${chat.room}`;
    this.#offline.textContent = this.#tunnel.inside ? 'Go online' : 'Go offline';
    this.#offline.setAttribute('aria-pressed', String(this.#tunnel.inside));
    this.element.dataset.online = String(chat.online);
  }

  #words() {
    const { ready, online, outbox } = this.chat;
    if (ready && !online) return 'Not connected. What you write is kept, and sent when the hub is back.';
    return outbox.lasting ? '' : 'This browser keeps nothing for this page: what is not sent ends with it.';
  }
}

/** @param {string[]} names */
const invent = (names) => `${names[Math.floor(Math.random() * names.length)]} ${Math.floor(10 + Math.random() * 90)}`;

/** @param {HTMLButtonElement} button @param {string} room @param {boolean} open @param {number} unread */
function drawRoom(button, room, open, unread) {
  const drawn = `${open} ${unread}`;
  if (button.dataset.drawn === drawn) return;
  button.dataset.drawn = drawn;
  button.setAttribute('aria-pressed', String(open));
  const count = unread > 99 ? '99+' : String(unread);
  button.replaceChildren(
    element('span', { class: 'name' }, room),
    element('span', { class: 'about' }, ABOUT[room]),
    ...(unread > 0 ? [element('span', { class: 'badge' }, count, element('span', { class: 'hidden' }, ' unread'))] : []),
  );
}

/** @param {HTMLElement} target @param {string} text only if it is new, for those who listen to the page */
function put(target, text) {
  if (target.textContent !== text) target.textContent = text;
}
