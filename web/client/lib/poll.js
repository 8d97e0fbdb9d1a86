// A long poll's answer.

import { HeadwaterError, mediaType, read, wrongType } from './errors.js';

/** A page of the hub is some hundred updates; each may be as large as a publish. */
const MAX_ANSWER = 64 << 20;
const JSON_TYPE = 'application/json';

/**
 * @typedef {object} Answer
 * @property {string} lastEventID looked up to here: what the next poll sends
 * @property {boolean} more the page was full
 * @property {{ from?: unknown, to?: unknown } | undefined} gap
 * @property {(import('../decoder.js').DecodedEvent & { retry?: number })[]} updates
 */

/** @param {any} update */
function event({ id, cursor, type, retry, data, topics, selectors }) {
  if (typeof data !== 'string') throw new TypeError('an update without data');
  /** @param {any} list */
  const strings = (list) => (Array.isArray(list) ? list.filter((one) => typeof one === 'string') : []);
  return {
    type: typeof type === 'string' && type !== '' ? type : 'message',
    data,
    lastEventId: typeof id === 'string' ? id : '',
    cursor: typeof cursor === 'string' ? cursor : undefined,
    topics: strings(topics),
    selectors: strings(selectors),
    retry: typeof retry === 'number' ? retry : undefined,
  };
}

/**
 * @param {Response} response a 200
 * @returns {Promise<Answer>}
 */
export async function readAnswer(response) {
  // Who has no long polls streams whatever is accepted, and must not be waited for.
  if (mediaType(response) !== JSON_TYPE) throw wrongType(response, JSON_TYPE);
  const { text, whole } = await read(response, MAX_ANSWER);
  if (!whole) throw new HeadwaterError('limit', `the answer has more than ${MAX_ANSWER} bytes`);
  try {
    const { lastEventID, more, gap, updates } = JSON.parse(text);
    if (typeof lastEventID !== 'string') throw new TypeError('no lastEventID');
    return { lastEventID, more: more === true, gap: gap ?? undefined, updates: updates.map(event) };
  } catch (cause) {
    throw new HeadwaterError('answer', 'the answer is not that of a long poll', { cause });
  }
}
