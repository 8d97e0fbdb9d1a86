//! How a segment begins, also where that cannot be read any more.

use super::{UpkeepError, lenient::Lenient, place::Place};
use crate::{
    cursor::Offset,
    disk::DiskFile as _,
    log::{
        OpenError,
        head::{BadHead, LogId, SegmentHead},
        index::Sealed,
        manifest::Manifest,
        segment::Segment,
        survey::holds_any,
    },
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HeadIs {
    Whole,
    /// It is whole, and names another first offset than the file's name.
    Renamed,
    Damaged,
}

impl Place {
    /// What the first bytes of the segment say that its name says begins with `first`. If they are damaged: what they must
    /// have said, of a log with this id.
    pub(super) fn head(
        &self,
        file: &Lenient,
        first: Offset,
        id: Option<LogId>,
    ) -> Result<(HeadIs, SegmentHead), UpkeepError> {
        let failed = || self.failed(format!("reading {}", Segment::name(first)));
        match SegmentHead::read(file).map_err(failed())? {
            Ok(head) if head.first == first => Ok((HeadIs::Whole, head)),
            Ok(head) => Ok((HeadIs::Renamed, SegmentHead { first, ..head })),
            Err(BadHead::Newer(version)) => Err(self.start_error(OpenError::Newer { version })),
            Err(BadHead::Damaged) => {
                let len = file.len().map_err(failed())?;
                let newest = SegmentHead::new(id.unwrap_or_default(), first);
                let holds_any = |head| holds_any(file, head, len).map_err(failed());
                // In this order: what is whole by the first version's checksums alone, a publisher can have made.
                let plain = !(id.is_some() && holds_any(newest)?) && holds_any(newest.plain())?;
                Ok((HeadIs::Damaged, if plain { newest.plain() } else { newest }))
            }
        }
    }

    /// The log's id where its manifest is not whole, as most of the other files say: all of them have it.
    pub(super) fn told_id(&self) -> Result<Option<LogId>, UpkeepError> {
        let mut ids: Vec<(usize, LogId)> = Vec::new();
        for first in self.firsts()? {
            let Some(file) = self.segment(first)? else { continue };
            let head = SegmentHead::read(&*file)
                .map_err(self.failed(format!("reading {}", Segment::name(first))))?
                .ok()
                .filter(|head| head.first == first);
            let index = self.disk.open(&Segment::index_name(first)).and_then(Sealed::open).ok();
            let index = index.filter(|index| index.first() == first);
            let told = [head.map(|head| head.id), index.map(|index| index.log_id())];
            for id in told.into_iter().flatten() {
                match ids.iter_mut().find(|(_, other)| *other == id) {
                    Some((count, _)) => *count += 1,
                    None => ids.push((1, id)),
                }
            }
        }
        let most = ids.into_iter().max().map(|(_, id)| id);
        Ok(most.or_else(|| Manifest::told_id(&*self.disk)))
    }
}
