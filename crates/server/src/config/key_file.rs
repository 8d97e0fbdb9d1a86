//! A key that comes from a file.

use std::{fs, io, path::Path};

/// A path that is no key's, such as a disk image, is not worth reading.
const MAX_BYTES: u64 = 1 << 20;

/// Reads a key. The error says what to do, and nothing of the key.
pub(crate) fn read_key(path: &Path) -> Result<Vec<u8>, String> {
    let shown = path.display();
    let unreadable = |error: io::Error| {
        format!("\"{shown}\" cannot be read ({error}). Check the path and its permissions.")
    };
    let metadata = fs::metadata(path).map_err(unreadable)?;
    if metadata.is_file() && metadata.len() > MAX_BYTES {
        return Err(format!("\"{shown}\" is too large for a key. Check the path."));
    }
    let mut key = fs::read(path).map_err(unreadable)?;
    // Editors and `echo` end a file with a line break; it is no part of the key.
    if key.pop_if(|last| *last == b'\n').is_some() {
        key.pop_if(|last| *last == b'\r');
    }
    Ok(key)
}
