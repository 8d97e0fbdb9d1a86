// Bytes to text, as a stream: a character may be cut anywhere.

// `decode(bytes, {stream: true})` would do the same, but leaves the fast path: ASCII takes eight times as long in Node 20. So
// what is cut at the end of a read is held back here, and everything before it is decoded on its own. No BOM is taken away:
// the decoder does that once a stream, and this runs once a read.
const forAscii = new TextDecoder('utf-8', { ignoreBOM: true });
// And for all other text Node's slow path is the faster one, twice over. Having streamed once, a decoder stays on it.
const forOthers = new TextDecoder('utf-8', { ignoreBOM: true });
forOthers.decode(new Uint8Array(0), { stream: true });
forOthers.decode();

/** How many bytes the sequence that starts with this byte has; 1 for what cannot start one. */
const sequence = (/** @type {number} */ byte) => (byte < 0xc2 || byte > 0xf4 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4);

const isContinuation = (/** @type {number} */ byte) => (byte & 0xc0) === 0x80;

/** @type {Uint8Array} */
const NONE = new Uint8Array(0);

/** Text from reads. Every cut it makes is before a byte that starts a sequence, where a UTF-8 decoder begins anew. */
export class Text {
  /** The beginning of a sequence that the next read may complete: at most three bytes. */
  held = NONE;

  /** The last read was ASCII, so the next one likely is. */
  #ascii = true;

  /** @param {Uint8Array} bytes */
  decode(bytes) {
    let from = 0;
    let text = '';
    if (this.held.length > 0) {
      const missing = sequence(this.held[0]) - this.held.length;
      while (from < missing && from < bytes.length && isContinuation(bytes[from])) from += 1;
      this.held = Uint8Array.of(...this.held, ...bytes.subarray(0, from));
      if (from === bytes.length && from < missing) return '';
      text = forAscii.decode(this.held);
      this.held = NONE;
    }
    let end = bytes.length;
    // Mostly the last byte is a line end.
    if (bytes[end - 1] > 0x7f) {
      let start = end - 1;
      while (start > from && end - start < 3 && isContinuation(bytes[start])) start -= 1;
      if (start >= from && sequence(bytes[start]) > end - start) {
        // A copy: whoever read the bytes may use their buffer again.
        this.held = bytes.slice(start);
        end = start;
      }
    }
    const whole = bytes.subarray(from, end);
    const rest = (this.#ascii ? forAscii : forOthers).decode(whole);
    this.#ascii = rest.length === whole.length;
    return text + rest;
  }
}
