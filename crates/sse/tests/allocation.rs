//! What the decoder asks of the allocator: nothing once its buffers are warm, and never more than a limit allows.
//!
//! `unsafe`: the standard library has no other way to see allocations than an allocator, whose trait is unsafe.
//! This one passes every call on to the system's and counts.
#![allow(unsafe_code)]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

use headwater_sse::{Decoder, EventFields, EventId, EventType, Item, Limit, Limits, encode};

struct Counting;

thread_local! {
    /// This thread's calls, and the bytes that they asked for.
    static ASKED: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

fn count(bytes: usize) {
    // A thread that is ending has no counter any more.
    let _ = ASKED.try_with(|asked| asked.set((asked.get().0 + 1, asked.get().1 + bytes as u64)));
}

// SAFETY: each method does what the system's allocator does, with the arguments it was given.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller's promises are those that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: as above; `ptr` came from the system's allocator.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: as above; `ptr` came from the system's allocator.
        unsafe { System.realloc(ptr, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// The calls and the bytes that `run` asks for.
fn asked(run: impl FnOnce()) -> (u64, u64) {
    ASKED.set((0, 0));
    run();
    ASKED.get()
}

/// Decodes the stream and returns how many items it had.
fn decode(decoder: &mut Decoder, stream: &[u8], size: usize) -> usize {
    let mut items = 0;
    for mut input in stream.chunks(size) {
        while let Some(item) = decoder.next(&mut input).expect("within the limits") {
            assert!(!matches!(item, Item::Comment("")));
            items += 1;
        }
    }
    items
}

#[test]
fn a_warm_decoder_allocates_nothing() {
    let block = "event: price\nid: 12\ndata: {\"a\": 1}\ndata: second\nretry: 5\n: comment\nunknown: x\n\n";
    let mut stream = block.repeat(50).into_bytes();
    stream.extend_from_slice(b"id: \xFF\nevent: \xFF\ndata: \xC3\n:\xFF\n\n");
    for size in [1, 5, 64, usize::MAX] {
        let mut decoder = Decoder::new();
        let items = decode(&mut decoder, &stream, size);
        assert_eq!(items, 50 * 3 + 2);
        // The buffers of the line and of the data change places, and so do those of the id: twice warms both.
        decode(&mut decoder, &stream, size);
        assert_eq!(asked(|| _ = decode(&mut decoder, &stream, size)), (0, 0), "read by {size}");
    }
}

#[test]
fn an_event_that_one_read_holds_is_not_copied() {
    let stream = format!(": comment\ndata: {}\n\n", "x".repeat(100_000));
    let mut decoder = Decoder::new();
    assert_eq!(asked(|| _ = decode(&mut decoder, stream.as_bytes(), usize::MAX)), (0, 0));
}

#[test]
fn a_long_line_costs_a_few_times_its_length() {
    const LEN: usize = 4 << 20;
    let stream = [b"data: ".as_slice(), &b"x".repeat(LEN), b"\n\n"].concat();
    for size in [1, 1000] {
        let (calls, bytes) = asked(|| _ = decode(&mut Decoder::new(), &stream, size));
        assert!(calls < 40, "the buffer grows by doubling, not by {calls} steps");
        assert!(bytes < 5 * LEN as u64, "{bytes} bytes for a line of {LEN}");
    }
}

#[test]
fn memory_stays_within_the_limits() {
    let limits = Limits { line: 1000, event: 4000, id: 100 };
    let endless: [(&[u8], Limit); 4] = [
        (b"x", Limit::Line),
        (b"data: a\n", Limit::Event),
        (b"data\n", Limit::Event),
        (b"data: \xFF\xFF\xFF\n", Limit::Event),
    ];
    for (piece, limit) in endless {
        let mut decoder = Decoder::with_limits(limits);
        let mut error = None;
        let (_, bytes) = asked(|| {
            for _ in 0..100_000 {
                if let Err(e) = decoder.next(&mut &*piece) {
                    error = Some(e);
                }
            }
        });
        assert_eq!(
            error.map(|e| (e.limit(), e.max())),
            Some((limit, if limit == Limit::Line { 1000 } else { 4000 }))
        );
        assert!(bytes < 4 * 4000, "{bytes} bytes for {:?}", String::from_utf8_lossy(piece));
    }
    // What ends, and what sets nothing, may go on for ever.
    for piece in
        [&b"event: x\nid: 1\nunknown: x\n"[..], b":\n", b"\r\n", b"id: 2\n\n", b"data: a\n\n", b"retry: 5\n"]
    {
        let mut decoder = Decoder::with_limits(limits);
        let (_, bytes) = asked(|| {
            for _ in 0..10_000 {
                decoder.next(&mut &*piece).expect("within the limits");
            }
        });
        assert!(bytes < 200, "{bytes} bytes for {:?}", String::from_utf8_lossy(piece));
    }
}

#[test]
fn encoding_into_a_warm_buffer_allocates_nothing() {
    let (id, event_type) = (EventId::new("1").unwrap(), EventType::new("x").unwrap());
    let fields = EventFields {
        id: Some(&id),
        event_type: Some(&event_type),
        retry: Some(headwater_sse::Retry::MAX),
        data: "a\nb",
    };
    let mut buf = Vec::with_capacity(200);
    assert_eq!(asked(|| encode::event(&mut buf, fields)), (0, 0));
    assert!(!buf.is_empty());
}
