//! What must hold of the connections, and is looked at after each step.

use std::sync::atomic::Ordering;

use super::{Connection, Far, TURNS, World, same};
use crate::{End, SlowReader, model::reader::Wrong};

impl World {
    /// Lets the alarms ring, and looks whether those rang that had to.
    pub(super) fn ring(&mut self) -> Result<(), Wrong> {
        self.shard.tick(self.now());
        self.observe()?;
        for who in 0..self.connections.len() {
            let c = &self.connections[who];
            if !c.open {
                continue;
            }
            if c.expires.is_some_and(|at| at <= self.tick) && c.attached < self.tick && c.has_not_ended() {
                return Err(self.describe(who, "outlives its grant"));
            }
            if self.drained_by.is_some_and(|at| at < self.tick) && c.has_not_ended() {
                return Err(self.describe(who, "outlives the drain"));
            }
            let c = &self.connections[who];
            if let (Some(heartbeat), Far::Pipe { pipe, .. }) = (self.config.heartbeat, &c.far)
                && !pipe.is_full()
                && pipe.room() > 0
                // An alarm that is due at once rings with the next tick.
                && self.tick > c.writable_at
                && self.tick - c.reader.heard.max(c.full_at) >= heartbeat
            {
                return Err(self.describe(who, "is left without a heartbeat"));
            }
            if let Far::Pipe { pipe, .. } = &c.far
                && pipe.is_full()
                && self.tick - c.reader.heard.max(c.full_at) >= self.config.write_timeout
            {
                return Err(self.describe(who, "outlives the write timeout"));
            }
        }
        Ok(())
    }

    /// Looks at what has arrived.
    pub(super) fn observe(&mut self) -> Result<(), Wrong> {
        for who in 0..self.connections.len() {
            if self.connections[who].open {
                self.look_at(who).map_err(|e| self.describe(who, &e))?;
            }
        }
        Ok(())
    }

    fn look_at(&mut self, who: usize) -> Result<(), Wrong> {
        let drained = self.drained_by.is_some();
        let held = self.history.earliest_held(self.now().wall);
        let close = self.config.slow_reader == SlowReader::Close;
        let Connection { far, reader, open, ask, expires, full, full_at, writable_at, .. } =
            &mut self.connections[who];
        let expired = expires.is_some_and(|at| at <= self.tick);
        let pipe = match far {
            Far::Pipe { pipe, .. } => pipe,
            Far::Pull { stream: Some(stream), last_read, ended } => {
                let Some(end) = stream.end().filter(|_| !*ended) else { return Ok(()) };
                *ended = true;
                let justified = match end {
                    End::Drained => drained,
                    End::Expired => expired,
                    End::Gap => !ask.gap_events,
                    End::Lagged => close && reader.cursor < held,
                    End::Stalled => self.tick - *last_read >= self.config.write_timeout,
                    // The past of this model can always be read.
                    End::Peer | End::Unreadable => false,
                };
                return if justified { Ok(()) } else { Err(format!("ended without need: {end:?}")) };
            }
            Far::Pull { stream: None, .. } => return Ok(()),
        };
        let heard = reader.heard;
        reader.feed(&pipe.take_written(), &self.reference, self.tick)?;
        if pipe.is_full() && !*full {
            *full_at = self.tick;
        }
        if *full && !pipe.is_full() {
            *writable_at = self.tick;
        }
        *full = pipe.is_full();
        if !pipe.is_closed() {
            return Ok(());
        }
        *open = false;
        let stalled = self.tick - heard >= self.config.write_timeout;
        let justified = match pipe.end() {
            Some(End::Drained) => drained,
            Some(End::Expired) => expired,
            Some(End::Gap) => !ask.gap_events && reader.cursor < self.reference.held(self.tick),
            Some(End::Lagged) => close && reader.cursor < held,
            Some(End::Stalled) => stalled,
            Some(End::Peer | End::Unreadable) => false,
            // Inside a frame there is no good order.
            None => {
                let late = self.drained_by.is_some_and(|at| at <= self.tick);
                pipe.is_broken() || !reader.is_whole() && (late || expired || stalled) || stalled
            }
        };
        if !justified {
            return Err(format!("ended without need: {:?}", pipe.end()));
        }
        if pipe.end().is_some() && !pipe.is_broken() { reader.finished(pipe.room() > 0) } else { Ok(()) }
    }

    /// Everybody reads all there is, until nothing is left to do: then nobody lacks anything.
    pub(super) fn settle(&mut self) -> Result<(), Wrong> {
        self.commit()?;
        while !self.admitted.is_empty() {
            self.attach();
        }
        self.ring()?;
        for turn in 0.. {
            if turn > TURNS {
                return Err("never comes to rest".into());
            }
            let mut read = false;
            for who in 0..self.connections.len() {
                if self.connections[who].open {
                    if let Far::Pipe { pipe, key } = &self.connections[who].far {
                        pipe.add_room(1 << 20);
                        let key = *key;
                        if !pipe.is_closed() {
                            self.shard.writable(key, self.now());
                        }
                    }
                    read |= self.take_frames(who, usize::MAX).map_err(|e| self.describe(who, &e))?;
                }
            }
            self.observe()?;
            read |= self.fetch_all();
            if !read && !self.shard.has_news() && !self.shard.has_readers() && self.inbox.is_empty() {
                break;
            }
            self.turn();
            self.observe()?;
        }
        for who in 0..self.connections.len() {
            let c = &self.connections[who];
            if !c.open {
                continue;
            }
            if let Far::Pipe { pipe, key } = &c.far
                && pipe.is_broken()
            {
                self.shard.readable(*key);
                if !pipe.is_closed() {
                    return Err(self.describe(who, "is broken, and kept"));
                }
                self.connections[who].open = false;
                continue;
            }
            if let Some(missing) = c.reader.missing(&self.reference) {
                return Err(self.describe(who, &format!("at rest, {missing} is missing")));
            }
            if c.reader.told_first.is_some() {
                return Err(self.describe(who, "at rest, the gap at the start is not told"));
            }
        }
        let open = self.connections.iter().filter(|c| c.open).count();
        same("subscribers", &self.counts.subscribers.load(Ordering::Relaxed), &open)?;
        self.observe()
    }

    /// All go, and leave nothing behind.
    pub(in crate::model) fn end(&mut self) -> Result<(), Wrong> {
        self.settle()?;
        for c in &mut self.connections {
            match &mut c.far {
                Far::Pipe { pipe, key } if c.open => {
                    pipe.break_off();
                    self.shard.readable(*key);
                }
                Far::Pipe { .. } => {}
                Far::Pull { stream, .. } => *stream = None,
            }
            c.open = false;
        }
        self.commands();
        same("subscribers", &self.counts.subscribers.load(Ordering::Relaxed), &0)?;
        same("the shard is empty", &self.shard.is_empty(), &true)
    }
}

impl Connection {
    fn has_not_ended(&self) -> bool {
        match &self.far {
            Far::Pipe { pipe, .. } => !pipe.is_closed(),
            Far::Pull { stream, .. } => stream.as_ref().is_some_and(|s| s.end().is_none()),
        }
    }
}
