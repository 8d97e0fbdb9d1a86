// What the vectors' texts are as bytes, and the ways to cut a stream. For browsers, too.

/** @returns {Uint8Array} the bytes of a vector's text */
export function bytes(text) {
  if (typeof text === 'string') return new TextEncoder().encode(text);
  if (Array.isArray(text)) return joined(text.map(bytes));
  if ('hex' in text) return Uint8Array.from(text.hex.replaceAll(' ', '').match(/../g) ?? [], (hex) => parseInt(hex, 16));
  const [repeated, count] = text.repeat;
  return joined(Array(count).fill(bytes(repeated)));
}

/** An expected text, which is always valid. */
export const string = (text) => new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes(text));

export function joined(parts) {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Random numbers that a seed reproduces (mulberry32). */
export function random(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const MANY = 300;

/** Whole; in two at every byte (of long streams near the ends and at some places between); byte by byte; in pieces. */
export function* cuts(stream) {
  yield [stream];
  yield [new Uint8Array(0), stream, new Uint8Array(0)];
  const step = stream.length > MANY ? Math.floor(stream.length / 50) : 1;
  for (let at = 1; at < stream.length; at += at < 60 || at >= stream.length - 60 ? 1 : step) {
    yield [stream.subarray(0, at), stream.subarray(at)];
  }
  yield pieces(stream, () => (stream.length > 100_000 ? 1_000 : 1));
  const luck = random(stream.length + 1);
  for (let round = 0; round < 8; round += 1) {
    const longest = stream.length > 100_000 ? 30_000 : [2, 3, 5, 9, 17, 40, 100, 1_000][round];
    yield pieces(stream, () => Math.floor(luck() * (longest + 1)));
  }
}

function pieces(stream, size) {
  const list = [];
  for (let at = 0; at < stream.length; ) {
    const next = at + size();
    list.push(stream.subarray(at, next));
    at = next;
  }
  return list;
}
