//! A clock that stands still, and dice that always fall the same way.

use std::{
    future::poll_fn,
    sync::{Arc, Mutex},
    task::{Poll, Waker},
    time::{Duration, Instant, SystemTime},
};

use tokio::sync::Notify;

use crate::outside::{Outside, Sleep};

#[derive(Clone)]
pub(super) struct Still(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    slept: Notify,
}

struct State {
    now: Instant,
    sleepers: Vec<(Instant, Waker)>,
    dice: u128,
}

impl Still {
    pub(super) fn new() -> Self {
        let state = State { now: Instant::now(), sleepers: Vec::new(), dice: 0 };
        Self(Arc::new(Inner { state: Mutex::new(state), slept: Notify::new() }))
    }

    pub(super) fn outside(&self) -> Arc<dyn Outside> {
        Arc::new(self.clone())
    }

    pub(super) fn advance(&self, time: Duration) {
        let mut state = self.0.state.lock().unwrap();
        state.now += time;
        let now = state.now;
        state.sleepers.retain(|(deadline, waker)| {
            if *deadline <= now {
                waker.wake_by_ref();
            }
            *deadline > now
        });
    }

    /// Waits until somebody sleeps for exactly this long, then lets that time pass.
    pub(super) async fn pass(&self, time: Duration) {
        loop {
            let slept = self.0.slept.notified();
            let there = {
                let state = self.0.state.lock().unwrap();
                state.sleepers.iter().any(|(deadline, _)| *deadline == state.now + time)
            };
            if there {
                return self.advance(time);
            }
            slept.await;
        }
    }
}

impl Outside for Still {
    fn now(&self) -> Instant {
        self.0.state.lock().unwrap().now
    }

    fn wall(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }

    fn sleep_until(&self, deadline: Instant) -> Sleep {
        let inner = self.0.clone();
        Box::pin(poll_fn(move |cx| {
            let mut state = inner.state.lock().unwrap();
            if deadline <= state.now {
                return Poll::Ready(());
            }
            state.sleepers.push((deadline, cx.waker().clone()));
            inner.slept.notify_one();
            Poll::Pending
        }))
    }

    /// Differs from call to call, and is no luck at all: that is in the low bits.
    fn random(&self) -> u128 {
        let mut state = self.0.state.lock().unwrap();
        state.dice += 1;
        state.dice << 64
    }
}
