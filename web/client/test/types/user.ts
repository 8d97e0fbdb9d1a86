// A user's program: it need only compile, strictly.

import { EventSource, HeadwaterError, Source, type SourceOptions } from '@headwater/client';
import { type DecodedEvent, Decoder } from '@headwater/client/decoder';
import { publish } from '@headwater/client/publish';

const options: SourceOptions = {
  topics: ['/a'],
  token: async ({ refused }) => (refused ? 'new' : null),
  include: ['topic', 'selector'],
  limits: { line: 1_000 },
};
const source = new Source(new URL('https://example.com'), options);
source.onmessage = (event) => console.log(event.lastEventId.length, event.json().x, event.topics.join());
source.addEventListener('custom', (event) => console.log(event.data, event.cursor?.length));
source.addEventListener('error', ({ error, retryIn }) => {
  if (error.kind === 'refused' && retryIn === null) console.log(error.status);
});
source.addEventListener('gap', { handleEvent: ({ from, to }) => console.log(from ?? to) });
source.ongap = (gap) => console.log(gap.from);
const state: 0 | 1 | 2 = source.readyState;
console.log(state === Source.CLOSED, source.cursor.length, source.topics.length);

export async function loop(): Promise<string> {
  for await (const event of source) return event.data;
  try {
    return await publish('https://example.com', { topic: ['/a', '/b'], data: { any: 1 }, private: true, signal: AbortSignal.timeout(1) });
  } catch (error) {
    if (error instanceof HeadwaterError) return error.kind;
    throw error;
  }
}

const native = new EventSource('/events', { withCredentials: true });
native.close();

new Decoder({ event: (event: DecodedEvent) => console.log(event.type) }, { id: 10 }).push(new Uint8Array(1));

// @ts-expect-error a topic is a must
void publish('https://example.com', { data: 'x' });
// @ts-expect-error it is a list
new Source('https://example.com', { topics: '/a' });
// @ts-expect-error no such option
new Source('https://example.com', { heartbeats: true });
