// One user's notifications, newest first. No page in here.

/** So many are kept; the oldest go. */
const MOST = 50;
/** Whoever may publish may publish a novel. */
const MAX_TITLE = 100;
const MAX_TEXT = 300;

/**
 * @typedef {object} Notice
 * @property {string} id the event's
 * @property {string} to whom it was sent to
 * @property {string} title
 * @property {string} text
 * @property {string} kind
 * @property {number} time milliseconds since 1970
 * @property {boolean} read
 */

/**
 * What an event says, or null where that is no notification. Its topic, which the hub has checked, says whom it is for.
 *
 * @param {{ lastEventId: string, topics?: string[], json: () => any }} event
 * @param {number} now
 * @returns {Notice | null}
 */
export function noticeOf(event, now) {
  const to = event.topics?.[0]?.match(/^\/demo\/notifications\/([^/]+)$/)?.[1];
  let data;
  try {
    data = event.json();
  } catch {
    return null;
  }
  if (!to || typeof data?.title !== 'string' || data.title.trim() === '') return null;
  return {
    id: event.lastEventId,
    to,
    title: data.title.slice(0, MAX_TITLE),
    text: typeof data.text === 'string' ? data.text.slice(0, MAX_TEXT) : '',
    kind: typeof data.kind === 'string' ? data.kind.slice(0, MAX_TITLE) : '',
    time: isTime(data.time) ? data.time : now,
    read: false,
  };
}

/** What a `Date` can hold. */
const isTime = (time) => Number.isFinite(time) && Math.abs(time) <= 8.64e15;

export class Inbox {
  /** @type {Notice[]} */
  notices;

  /** @param {unknown} [kept] what {@link toJSON} gave on an earlier visit */
  constructor(kept) {
    this.notices = Array.isArray(kept) ? kept.filter(isNotice).slice(0, MOST) : [];
  }

  /** @param {Notice} notice @returns {boolean} false: it is here already */
  add(notice) {
    if (this.notices.some(({ id }) => id === notice.id)) return false;
    this.notices.unshift(notice);
    this.notices.length = Math.min(this.notices.length, MOST);
    return true;
  }

  get unread() {
    return this.notices.filter(({ read }) => !read).length;
  }

  /** @param {string} [id] without one: all */
  markRead(id) {
    for (const notice of this.notices) if (id === undefined || notice.id === id) notice.read = true;
  }

  toJSON() {
    return this.notices;
  }
}

/** What a storage gives back may be of another version of this page. */
function isNotice(notice) {
  return ['id', 'to', 'title', 'text', 'kind'].every((name) => typeof notice?.[name] === 'string')
    && isTime(notice.time) && typeof notice.read === 'boolean';
}
