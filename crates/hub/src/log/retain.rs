//! From where on updates are still to be had.

use std::{
    io,
    sync::atomic::Ordering,
    time::{Duration, SystemTime},
};

use super::{Log, Segment, format, head::SEGMENT_HEAD, index::Position, lookup::read_at};
use crate::cursor::Offset;

/// Retention by bytes moves on in steps of such a part of it.
const GRAINS: u64 = 4096;

impl Log {
    /// The first update that one who comes back can get.
    pub(crate) fn earliest(&self, now: SystemTime) -> Offset {
        let floor = self.state().floor;
        self.not_too_old(floor, now)
    }

    /// How long nothing can become too old; `None`: never does anything.
    pub(crate) fn nothing_expires_for(&self, now: SystemTime) -> Option<Duration> {
        let age = self.settings.retention.age?;
        let floor = self.state().floor;
        let Some(Ok(at)) = self.time_of(floor) else { return Some(age) };
        let end = format::time(at).checked_add(age);
        Some(end.map_or(age, |end| end.duration_since(now).unwrap_or_default()))
    }

    /// Lets go of what is past retention; answers the first offset that can still be resumed from.
    pub(crate) fn retain(&self, now: SystemTime) -> Offset {
        let floor = self.state().floor;
        let retained = self.not_too_old(floor.max(self.not_too_many()).max(self.not_too_much()), now);
        if retained > floor {
            let mut state = self.state_mut();
            state.floor = retained;
            if state.segments.len() > 1 && state.segments[1].first <= retained {
                drop(state);
                self.bell.ring();
            }
        }
        retained
    }

    /// Where nothing is published any more, the last segment, too, is let go of once all in it is past retention.
    pub(crate) fn roll_if_over(&self) {
        let segment = self.active();
        let (next, floor) = {
            let state = self.state();
            (state.next, state.floor)
        };
        if floor < next || segment.count() == 0 {
            return;
        }
        let mut writer = self.writer();
        let done = self.mend(&mut writer).and_then(|()| match self.active().count() {
            // Mending has begun one.
            0 => Ok(()),
            _ => self.roll(&mut writer, next).map(drop),
        });
        writer.tell(&done);
    }

    fn not_too_many(&self) -> Offset {
        self.state().next.saturating_sub(self.settings.retention.count)
    }

    fn not_too_much(&self) -> Offset {
        let limit = self.settings.retention.bytes as u64;
        // To find the place takes a search in an index, and every commit would wait for it.
        if self.unweighed.load(Ordering::Relaxed) < limit / GRAINS {
            return 0;
        }
        self.unweighed.store(0, Ordering::Relaxed);
        let mut held = 0;
        let mut over = None;
        for segment in self.state().segments.iter().rev() {
            let bytes = segment.end() - SEGMENT_HEAD as u64;
            if held + bytes > limit {
                over = Some(segment.clone());
                break;
            }
            held += bytes;
        }
        let Some(segment) = over else { return 0 };
        let from = segment.end() - (limit - held);
        let place = |offset| segment.position(offset, &self.hasher).map(|p| p.unwrap_or(u64::MAX));
        first_that(segment.first, segment.next(), |offset| Ok(place(offset)? >= from))
            .unwrap_or(segment.first)
    }

    /// The first update from `floor` on that is not too old. Times in the log never decrease.
    fn not_too_old(&self, floor: Offset, now: SystemTime) -> Offset {
        let Some(age) = self.settings.retention.age else { return floor };
        let Some(limit) = now.checked_sub(age).map(format::micros) else { return floor };
        let mut floor = floor;
        loop {
            let segment = {
                let state = self.state();
                if floor >= state.next {
                    return floor;
                }
                let Some(segment) = state.segment_of(floor) else { return floor };
                segment.clone()
            };
            let next = segment.next();
            if floor >= next {
                // The rest of this segment is lost.
                floor = self.after_loss(floor).max(floor + 1);
                continue;
            }
            if segment.last_time() <= limit {
                floor = next;
                continue;
            }
            let young = |offset| Ok(self.time_in(&segment, offset)? > limit);
            // Mostly nothing has changed since the last look.
            return match young(floor) {
                Ok(true) => floor,
                _ => first_that(floor, next, young).unwrap_or(floor),
            };
        }
    }

    fn time_of(&self, offset: Offset) -> Option<io::Result<u64>> {
        let segment = {
            let state = self.state();
            (offset < state.next).then(|| state.segment_of(offset).cloned())??
        };
        Some(self.time_in(&segment, offset))
    }

    /// When the update was published, in microseconds since 1970; of one that is not whole, when the next one was.
    fn time_in(&self, segment: &Segment, offset: Offset) -> io::Result<u64> {
        for offset in offset..segment.next() {
            let place = segment.position(offset, &self.hasher)?.ok_or(io::ErrorKind::NotFound)?;
            // A time that is not proven could make others seem too old.
            if let Some(record) = read_at(segment, place as Position)? {
                return Ok(format::micros(record.at));
            }
        }
        Ok(segment.last_time())
    }
}

/// The first offset of a range for which something holds, that holds for all that follow it; the range's end if for
/// none.
pub(super) fn first_that(
    mut from: Offset,
    mut until: Offset,
    holds: impl Fn(Offset) -> io::Result<bool>,
) -> io::Result<Offset> {
    while from < until {
        let middle = from + (until - from) / 2;
        if holds(middle)? {
            until = middle;
        } else {
            from = middle + 1;
        }
    }
    Ok(from)
}
