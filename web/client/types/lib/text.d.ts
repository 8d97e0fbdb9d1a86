/** Text from reads. Every cut it makes is before a byte that starts a sequence, where a UTF-8 decoder begins anew. */
export class Text {
    /** The beginning of a sequence that the next read may complete: at most three bytes. */
    held: Uint8Array<ArrayBufferLike>;
    /** @param {Uint8Array} bytes */
    decode(bytes: Uint8Array): string;
    #private;
}
