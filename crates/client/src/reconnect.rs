//! When to connect, how long to listen, how long to wait, when to give up: the whole of it, without I/O.

use std::time::{Duration, Instant};

use crate::backoff;

/// What does not change while a source lives.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    /// As a browser's `EventSource`: any status but 200 and 204 is final.
    pub(crate) strict: bool,
    /// How long to wait for the answer's head.
    pub(crate) answer: Duration,
    /// How long an open stream may be silent.
    pub(crate) silence: Option<Duration>,
    /// The reconnection time until the server gives one.
    pub(crate) retry: Duration,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Event {
    /// The user asked for the first item.
    Start,
    /// 200, and it is an event stream.
    Opened,
    /// Bytes came.
    Heard,
    /// An event came: the stream works.
    Delivered,
    /// A `retry` field.
    Retry(Duration),
    /// The attempt or the stream failed. `luck`, in `0.0..1.0`, spreads those who failed together.
    Failed { failure: Failure, luck: f64 },
    /// The deadline of the last action has come.
    Elapsed,
    /// 204: the server wants no more of us (HTML standard, 9.2.3).
    Dismissed,
}

/// Why it failed, as far as it decides what follows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Failure {
    /// The network, silence, or the end of the body.
    Cut,
    /// A status that says no.
    Status { code: u16, retry_after: Option<Duration> },
    /// Trying again would give the same: not an event stream, a bad redirect, an event past the limits.
    Lasting,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Action {
    /// Send the request; no answer by then is `Elapsed`.
    Connect { until: Instant },
    /// Read on; `Elapsed` if nothing is heard by then.
    Read { until: Option<Instant> },
    /// The connection is taken for dead: close it, then report the failure.
    GiveUp(Patience),
    /// Do nothing for `delay`, until `until`, then report `Elapsed`.
    Wait { until: Instant, delay: Duration },
    /// Report the failure and end.
    Fail,
    /// End.
    End,
}

/// Which patience ran out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Patience {
    /// For the answer.
    Answer(Duration),
    /// With a silent stream.
    Silence(Duration),
}

/// A stream that has been open for so long counts as one that works, also if no event came: what cuts it is not
/// a reason to back off.
const SETTLED: Duration = Duration::from_secs(5);

/// Where a source stands.
#[derive(Debug)]
pub(crate) struct State {
    policy: Policy,
    retry: Duration,
    /// Failures since the last stream that worked.
    failures: u32,
    phase: Phase,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    New,
    Connecting { until: Instant },
    Open { since: Instant, heard: Instant, delivered: bool },
    Waiting { until: Instant },
    Ended,
}

impl State {
    pub(crate) fn new(policy: Policy) -> Self {
        Self { retry: policy.retry, failures: 0, phase: Phase::New, policy }
    }

    pub(crate) fn on(&mut self, event: Event, now: Instant) -> Action {
        match event {
            Event::Start if self.phase == Phase::New => self.connect(now),
            Event::Opened => {
                self.phase = Phase::Open { since: now, heard: now, delivered: false };
                self.stay(now)
            }
            Event::Heard | Event::Delivered => {
                if let Phase::Open { heard, delivered, .. } = &mut self.phase {
                    *heard = now;
                    *delivered |= event == Event::Delivered;
                }
                self.stay(now)
            }
            Event::Retry(retry) => {
                self.retry = retry;
                self.stay(now)
            }
            Event::Failed { failure, luck } => self.failed(failure, luck, now),
            Event::Dismissed => {
                self.phase = Phase::Ended;
                Action::End
            }
            Event::Start | Event::Elapsed => self.stay(now),
        }
    }

    fn connect(&mut self, now: Instant) -> Action {
        let until = now + self.policy.answer;
        self.phase = Phase::Connecting { until };
        Action::Connect { until }
    }

    /// What the present phase asks for at this time.
    fn stay(&mut self, now: Instant) -> Action {
        match self.phase {
            Phase::Connecting { until } if now < until => Action::Connect { until },
            Phase::Connecting { .. } => Action::GiveUp(Patience::Answer(self.policy.answer)),
            Phase::Open { heard, .. } => match self.policy.silence {
                Some(silence) if now >= heard + silence => Action::GiveUp(Patience::Silence(silence)),
                silence => Action::Read { until: silence.map(|silence| heard + silence) },
            },
            Phase::Waiting { until } if now < until => Action::Wait { until, delay: until - now },
            Phase::New | Phase::Waiting { .. } => self.connect(now),
            Phase::Ended => Action::End,
        }
    }

    fn failed(&mut self, failure: Failure, luck: f64, now: Instant) -> Action {
        let at_least = match failure {
            Failure::Cut => Duration::ZERO,
            Failure::Status { code: 429 | 500..=599, retry_after } if !self.policy.strict => {
                retry_after.unwrap_or_default()
            }
            Failure::Status { .. } | Failure::Lasting => {
                self.phase = Phase::Ended;
                return Action::Fail;
            }
        };
        if let Phase::Open { since, delivered, .. } = self.phase
            && (delivered || now >= since + SETTLED)
        {
            self.failures = 0;
        }
        let delay = backoff::delay(self.retry, self.failures, at_least, luck);
        self.failures = self.failures.saturating_add(1);
        self.phase = Phase::Waiting { until: now + delay };
        Action::Wait { until: now + delay, delay }
    }
}

#[cfg(test)]
mod tests {
    use super::{Action::*, Event::*, *};

    const POLICY: Policy = Policy {
        strict: false,
        answer: Duration::from_secs(30),
        silence: Some(Duration::from_mins(1)),
        retry: Duration::from_secs(1),
    };

    fn cut() -> Event {
        Failed { failure: Failure::Cut, luck: 0.0 }
    }

    fn status(code: u16, retry_after: Option<u64>) -> Event {
        Failed {
            failure: Failure::Status { code, retry_after: retry_after.map(Duration::from_secs) },
            luck: 0.0,
        }
    }

    /// Each row: at this many milliseconds this happens, and that is what follows (times in milliseconds too).
    fn check(policy: Policy, rows: &[(u64, Event, &str)]) {
        let zero = Instant::now();
        let ms = |then: Instant| (then - zero).as_millis();
        let mut state = State::new(policy);
        for (row, &(at, event, want)) in rows.iter().enumerate() {
            let got = match state.on(event, zero + Duration::from_millis(at)) {
                Connect { until } => format!("connect until {}", ms(until)),
                Read { until: Some(until) } => format!("read until {}", ms(until)),
                Read { until: None } => "read".into(),
                GiveUp(Patience::Answer(_)) => "give up: answer".into(),
                GiveUp(Patience::Silence(_)) => "give up: silence".into(),
                Wait { until, delay } => format!("wait {} until {}", delay.as_millis(), ms(until)),
                Fail => "fail".into(),
                End => "end".into(),
            };
            assert_eq!(got, want, "row {row}: {event:?}");
        }
    }

    #[test]
    fn connects_listens_and_connects_again() {
        check(
            POLICY,
            &[
                (0, Start, "connect until 30000"),
                (10, Opened, "read until 60010"),
                (20, Heard, "read until 60020"),
                (20, Delivered, "read until 60020"),
                (500, cut(), "wait 1000 until 1500"),
                (900, Elapsed, "wait 600 until 1500"), // a timer that fires early changes nothing
                (1500, Elapsed, "connect until 31500"),
            ],
        );
    }

    #[test]
    fn backs_off_until_a_stream_works() {
        check(
            POLICY,
            &[
                (0, Start, "connect until 30000"),
                (0, cut(), "wait 1000 until 1000"),
                (1000, Elapsed, "connect until 31000"),
                (1000, cut(), "wait 2000 until 3000"),
                (3000, Elapsed, "connect until 33000"),
                // Opening alone is no success: a server that dies at once would be hammered.
                (3000, Opened, "read until 63000"),
                (3000, Heard, "read until 63000"),
                (3000, cut(), "wait 4000 until 7000"),
                (7000, Elapsed, "connect until 37000"),
                (7000, Opened, "read until 67000"),
                (7000, Delivered, "read until 67000"),
                (7000, cut(), "wait 1000 until 8000"),
                (8000, Elapsed, "connect until 38000"),
                (8000, cut(), "wait 2000 until 10000"),
                // A quiet stream that lasted is one too.
                (10_000, Elapsed, "connect until 40000"),
                (10_000, Opened, "read until 70000"),
                (15_000, cut(), "wait 1000 until 16000"),
            ],
        );
    }

    #[test]
    fn retry_zero_is_no_busy_loop() {
        check(
            POLICY,
            &[
                (0, Start, "connect until 30000"),
                (0, Opened, "read until 60000"),
                (0, Retry(Duration::ZERO), "read until 60000"),
                (0, Delivered, "read until 60000"),
                (0, cut(), "wait 100 until 100"),
                (100, Elapsed, "connect until 30100"),
                (100, cut(), "wait 200 until 300"),
            ],
        );
    }

    #[test]
    fn the_last_retry_field_counts() {
        check(
            POLICY,
            &[
                (0, Start, "connect until 30000"),
                (0, Opened, "read until 60000"),
                (0, Retry(Duration::from_secs(7)), "read until 60000"),
                (0, Retry(Duration::from_secs(5)), "read until 60000"),
                (0, Delivered, "read until 60000"),
                (0, cut(), "wait 5000 until 5000"),
            ],
        );
    }

    #[test]
    fn takes_a_silent_server_for_dead() {
        check(
            POLICY,
            &[
                (0, Start, "connect until 30000"),
                (29_999, Elapsed, "connect until 30000"),
                (30_000, Elapsed, "give up: answer"),
                (30_000, cut(), "wait 1000 until 31000"),
                (31_000, Elapsed, "connect until 61000"),
                (31_000, Opened, "read until 91000"),
                (50_000, Heard, "read until 110000"),
                (91_000, Elapsed, "read until 110000"),
                (110_000, Elapsed, "give up: silence"),
                (110_000, cut(), "wait 1000 until 111000"),
            ],
        );
        check(
            Policy { silence: None, ..POLICY },
            &[(0, Start, "connect until 30000"), (0, Opened, "read"), (1_000_000, Elapsed, "read")],
        );
    }

    #[test]
    fn statuses() {
        for (code, retry_after, program) in [
            (503, None, "wait 1000 until 1000"),
            (503, Some(9), "wait 9000 until 9000"),
            (429, Some(9), "wait 9000 until 9000"),
            (500, Some(0), "wait 1000 until 1000"),
            (401, None, "fail"),
            (403, None, "fail"),
            (404, Some(1), "fail"),
            (201, None, "fail"),
        ] {
            let rows = |want| [(0, Start, "connect until 30000"), (0, status(code, retry_after), want)];
            check(POLICY, &rows(program));
            check(Policy { strict: true, ..POLICY }, &rows("fail"));
        }
        check(POLICY, &[(0, Start, "connect until 30000"), (0, Dismissed, "end"), (9, Elapsed, "end")]);
        check(
            POLICY,
            &[
                (0, Start, "connect until 30000"),
                (0, Failed { failure: Failure::Lasting, luck: 0.0 }, "fail"),
                (9, Elapsed, "end"),
            ],
        );
    }
}
