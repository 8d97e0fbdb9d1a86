// Whether the decoder reads a vector as it must, however its bytes are cut. For browsers, too.

import { DecodeError, Decoder } from '../decoder.js';
import { bytes, cuts, string } from './cuts.js';

/** What comes out of streams that arrive in these reads, in the words of the vectors. */
export function decode(streams, limits) {
  const items = [];
  const handlers = {
    event: ({ type, data, lastEventId }) => items.push({ type, data, lastEventId }),
    retry: (retry) => items.push({ retry }),
    comment: (comment) => items.push({ comment }),
  };
  let error;
  let lastEventId = '';
  for (const reads of streams) {
    const decoder = new Decoder(handlers, { ...limits, lastEventId });
    error = undefined;
    for (const read of reads) {
      // Into a buffer that is used again, as some sources do: nothing may hold on to it.
      const buffer = read.slice();
      try {
        decoder.push(buffer);
        if (error !== undefined) throw new Error('an error does not stay');
      } catch (thrown) {
        if (!(thrown instanceof DecodeError)) throw thrown;
        error = thrown.limit;
      }
      buffer.fill(0x0a);
    }
    ({ lastEventId } = decoder);
  }
  return { items, lastEventId, error };
}

const wanted = ({ items, lastEventId = '', error }) => ({
  items: items.map((item) => ('data' in item
    ? { type: string(item.type ?? 'message'), data: string(item.data), lastEventId: string(item.lastEventId ?? '') }
    : 'comment' in item ? { comment: string(item.comment) } : item)),
  lastEventId: string(lastEventId),
  error,
});

/** The first reads of the case that do not give what they must, as { name, lengths, got, want }; undefined: all do. */
export function misread(one) {
  const want = wanted(one);
  const text = JSON.stringify(want);
  // Several streams are cut alike: every way of the first with that of the others.
  const ways = (one.streams ?? [one.input]).map((stream) => [...cuts(bytes(stream))]);
  const most = Math.max(...ways.map(({ length }) => length));
  for (let way = 0; way < most; way += 1) {
    const streams = ways.map((list) => list[way % list.length]);
    const got = decode(streams, one.limits);
    if (JSON.stringify(got) === text) continue;
    return { name: one.name, lengths: streams.map((reads) => reads.slice(0, 50).map(({ length }) => length)), got, want };
  }
  return undefined;
}
