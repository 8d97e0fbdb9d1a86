//! What handing an update to very many costs beside the writes: nothing for each.
//!
//! `unsafe`: the standard library has no other way to see allocations than an allocator, whose trait is unsafe.
//! This one passes every call on to the system's and counts.
#![allow(unsafe_code)]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    io::Read,
    net::{TcpListener, TcpStream},
    sync::atomic::{AtomicU64, Ordering},
};

use headwater_hub::{Framing, Hub, Options, Selector, Subscribe, Topic, Update};

struct Counting;

/// The calls of all threads: the shard's is one of the hub's own.
static CALLS: AtomicU64 = AtomicU64::new(0);

// SAFETY: each method does what the system's allocator does, with the arguments it was given.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        CALLS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller's promises are those that the system's allocator asks for.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: as above; `ptr` came from the system's allocator.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        CALLS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as above; `ptr` came from the system's allocator.
        unsafe { System.realloc(ptr, layout, size) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Publishes to so many subscribers, and reads all that each of them gets.
fn publish(hub: &Hub, readers: &mut [TcpStream]) {
    let update = Update::new(Topic::new("news").unwrap(), "hello");
    hub.publish(update).wait().unwrap();
    let mut buffer = [0; 256];
    for reader in readers {
        let mut read = 0;
        while !buffer[..read].ends_with(b"\n\n\r\n") {
            let n = reader.read(&mut buffer[read..]).unwrap();
            assert!(n > 0, "the stream ended");
            read += n;
        }
    }
}

/// The allocator's calls for one update that goes to `n` subscribers.
fn calls(n: usize) -> u64 {
    let mut options = Options::default();
    options.shards = 1;
    let hub = Hub::start(options).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    hub.prepare(&listener).unwrap();
    let mut readers: Vec<_> = (0..n)
        .map(|_| {
            let reader = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let news = Subscribe::to([Selector::new("news")]);
            hub.attach_socket(hub.subscribe(news).unwrap(), listener.accept().unwrap().0, Framing::Chunked)
                .unwrap();
            reader
        })
        .collect();
    // The first ones warm up what is kept from pass to pass.
    for _ in 0..3 {
        publish(&hub, &mut readers);
    }
    let before = CALLS.load(Ordering::Relaxed);
    publish(&hub, &mut readers);
    CALLS.load(Ordering::Relaxed) - before
}

#[test]
fn an_update_is_handed_on_without_an_allocation_per_subscriber() {
    let (few, many) = (calls(4), calls(400));
    assert!(many <= few + 10, "{few} calls of the allocator for 4 subscribers, {many} for 400");
    assert!(few > 0, "the publish itself allocates, or nothing was counted");
}
