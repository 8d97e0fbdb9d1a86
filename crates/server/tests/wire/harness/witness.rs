//! A stream that must not notice what others do.

use super::{Hub, Stream};

pub(crate) struct Witness<'h> {
    hub: &'h Hub,
    stream: Stream,
    seen: u32,
}

impl<'h> Witness<'h> {
    pub(crate) fn new(hub: &'h Hub) -> Self {
        Self { hub, stream: hub.subscribe("?topic=witness"), seen: 0 }
    }

    /// An update still reaches it, and nothing else has.
    pub(crate) fn check(&mut self) {
        self.seen += 1;
        let id = self.hub.publish(&format!("topic=witness&data={}", self.seen));
        assert_eq!(self.stream.event(), format!("id: {id}\ndata: {}\n\n", self.seen));
    }
}
