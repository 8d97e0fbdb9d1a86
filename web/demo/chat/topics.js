// The topics of the chat. Who wrote is in the topic, because the hub checks it against the writer's token: what is in the data,
// anybody could claim.

export const ROOMS = ['lobby', 'help', 'random'];

/** The messages of all rooms, whoever wrote them. */
export const MESSAGES = '/demo/chat/{room}/{name}';

/** @param {string} room @param {string} name */
export const messageTopic = (room, name) => `/demo/chat/${room}/${segment(name)}`;

/** @param {string} room @param {string} name */
export const typingTopic = (room, name) => `/demo/typing/${room}/${segment(name)}`;

/** Whoever types in a room. @param {string} room */
export const typingIn = (room) => `/demo/typing/${room}/{name}`;

/**
 * A name as one segment of a topic. `{name}` in a selector matches what RFC 6570 would have put there: that encodes five
 * characters more than `encodeURIComponent`.
 *
 * @param {string} name
 */
const segment = (name) => encodeURIComponent(name).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);

/**
 * @param {readonly string[]} topics of an event
 * @returns {{ kind: 'chat' | 'typing', room: string, user: string } | null}
 */
export function parseTopics(topics) {
  for (const topic of topics) {
    const [, kind, room, name] = /^\/demo\/(chat|typing)\/([^/]+)\/([^/]+)$/.exec(topic) ?? [];
    if (!ROOMS.includes(room)) continue;
    try {
      return { kind: /** @type {'chat' | 'typing'} */ (kind), room, user: decodeURIComponent(name) };
    } catch {
      // A stray percent sign: nobody's name.
    }
  }
  return null;
}
