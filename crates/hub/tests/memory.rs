//! What a subscriber that never reads holds. Counting needs an allocator of our own, and that needs `unsafe`: it hands
//! every call on to the system's, and adds up.

#![allow(unsafe_code, reason = "an allocator cannot be written without")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    net::{TcpListener, TcpStream},
    sync::atomic::{AtomicIsize, Ordering},
    time::{Duration, Instant},
};

use headwater_hub::{Framing, Hub, Options, Retention, Selector, Subscribe, Topic, Update};

struct Counting;

static LIVE: AtomicIsize = AtomicIsize::new(0);

// SAFETY: each method does what the system's allocator does, with the arguments it was given.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size() as isize, Ordering::Relaxed);
        // SAFETY: the caller's promises are those that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size() as isize, Ordering::Relaxed);
        // SAFETY: as above; `pointer` came from the system's allocator.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn one_that_never_reads_holds_a_frame_and_a_cursor() {
    // Enough that what the shards hold for a moment, a megabyte or two, is little beside.
    const STUCK: usize = 400;
    const UPDATES: usize = 20_000;
    let mut options = Options::default();
    options.retention = Retention { count: 100, bytes: 1 << 20, age: None };
    let hub = Hub::start(options).expect("a hub starts");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    hub.prepare(&listener).expect("a listener can be prepared");
    // 60 MB: none of them can have it in the kernel.
    let flood = || {
        let data = "x".repeat(3_000);
        for _ in 0..UPDATES {
            let update = Update::new(Topic::new("t").expect("a topic"), data.as_str());
            let _ = hub.publish(update).wait().expect("a publisher waits for nobody");
        }
    };
    // History is full before and after; what differs is theirs.
    flood();
    let before = LIVE.load(Ordering::Relaxed);
    let mut stuck: Vec<_> = (0..STUCK)
        .map(|_| {
            let admitted = hub.subscribe(Subscribe::to([Selector::new("t")])).expect("there is room");
            let client = TcpStream::connect(listener.local_addr().expect("it is bound")).expect("it listens");
            let (server, _) = listener.accept().expect("someone has connected");
            hub.attach_socket(admitted, server, Framing::Chunked).expect("a socket can be attached");
            client
        })
        .collect();
    flood();
    assert_eq!(hub.subscribers(), STUCK);
    let each = (LIVE.load(Ordering::Relaxed) - before) / STUCK as isize;
    // The frame is 3 KB.
    assert!((0..16 << 10).contains(&each), "{each} bytes each");
    stuck.clear();
    let start = Instant::now();
    while hub.subscribers() > 0 {
        assert!(start.elapsed() < Duration::from_mins(1), "they are not freed");
        std::thread::yield_now();
    }
}
