//! The bytes that the decoder looks at or moves, counted in tests, so that linear time can be checked without a
//! clock. Outside of tests nothing is counted.

#[cfg(test)]
std::thread_local! {
    static BYTES: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// So many bytes were looked at.
#[inline]
pub(crate) fn count(bytes: usize) {
    #[cfg(test)]
    BYTES.with(|total| total.set(total.get() + bytes as u64));
    #[cfg(not(test))]
    let _ = bytes;
}

/// Appends, which moves the bytes, and all that was there when the buffer has to grow.
#[inline]
pub(crate) fn append(buffer: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.len() > buffer.capacity() - buffer.len() {
        count(buffer.len());
    }
    count(bytes.len());
    buffer.extend_from_slice(bytes);
}

/// What this thread has counted since it was last asked.
#[cfg(test)]
pub(crate) fn take() -> u64 {
    BYTES.take()
}
