//! From bytes to text: as the standard's UTF-8 decoder replaces, not as a strict one refuses.
//!
//! The standard decodes the stream first and splits it into lines afterwards. Here each value is decoded on its
//! own, which gives the same: what bounds a value (CR, LF, a colon, a space) is ASCII, and an ASCII byte ends any
//! sequence that is still open and starts none.

use crate::work;

/// `bytes` as text, through `scratch` if something has to be replaced.
pub(crate) fn decode<'a>(bytes: &'a [u8], scratch: &'a mut String) -> &'a str {
    work::count(bytes.len());
    if let Ok(text) = str::from_utf8(bytes) {
        return text;
    }
    replace(bytes, scratch);
    scratch
}

/// Makes `into` the text of `bytes`.
pub(crate) fn decode_into(bytes: &[u8], into: &mut String) {
    work::count(bytes.len());
    if let Ok(text) = str::from_utf8(bytes) {
        into.clear();
        into.push_str(text);
    } else {
        replace(bytes, into);
    }
}

/// One U+FFFD for each maximal part of a sequence that cannot be continued, as the Encoding standard has it.
#[cold]
fn replace(bytes: &[u8], into: &mut String) {
    into.clear();
    for chunk in bytes.utf8_chunks() {
        into.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            into.push(char::REPLACEMENT_CHARACTER);
        }
    }
}
