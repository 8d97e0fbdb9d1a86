// How long ago something was, in words that stay true while the page is open.

import { element } from './shell.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** The shortest step in words is a minute: so often they are at most this much late. */
const EVERY = 5_000;

const day = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit', hour12: false });
const full = new Intl.DateTimeFormat('en', { dateStyle: 'long', timeStyle: 'medium', hour12: false });

/**
 * @param {number} time milliseconds since 1970
 * @param {number} now
 */
export function ago(time, now) {
  const passed = now - time;
  // Who published it may have a clock that is ahead of ours: nothing comes from the future.
  if (passed < MINUTE) return 'just now';
  if (passed < HOUR) return `${Math.floor(passed / MINUTE)} min ago`;
  if (passed < DAY) return `${Math.floor(passed / HOUR)} h ago`;
  return day.format(time);
}

/** A `<time>` that {@link keepTimes} keeps true. @param {number} time milliseconds since 1970 */
export function timeElement(time) {
  return element('time', { class: 'ago', dateTime: new Date(time).toISOString(), title: full.format(time) }, ago(time, Date.now()));
}

/** Keeps the words of all such elements true, from now on. */
export function keepTimes() {
  const renew = () => {
    const now = Date.now();
    for (const shown of document.querySelectorAll('time.ago')) {
      const words = ago(Date.parse(shown.dateTime), now);
      if (shown.textContent !== words) shown.textContent = words;
    }
  };
  setInterval(renew, EVERY);
  // Hidden pages have slow timers; who comes back shall not read an old time first.
  document.addEventListener('visibilitychange', renew);
}
