//! The index file of a segment that is complete.

use super::{
    Growing,
    header::{self, Header, bits_for, bucket},
};

impl Growing {
    /// All bytes of the file. `end` is the length of the segment's file.
    pub(crate) fn seal(&self, end: u64, log_id: [u8; 16]) -> Vec<u8> {
        let chains = self.sorted();
        let bits = bits_for(chains.len());
        let mut header = Header {
            records: self.count(),
            log_id,
            first: self.first(),
            end,
            first_time: self.first_time(),
            last_time: self.last_time(),
            hashes: chains.len() as u32,
            postings: self.postings(),
            bits,
            ids: self.ids(),
            keys: self.keys(),
            body: 0,
        };
        let mut file = Vec::with_capacity(header.file_len() as usize);
        file.resize(header::LEN, 0);
        for position in self.positions() {
            file.extend(position.to_le_bytes());
        }

        let mut passed = 0;
        for next in 0..=1 << bits {
            passed += chains[passed..].iter().take_while(|&&(hash, _)| bucket(hash, bits) < next).count();
            file.extend((passed as u32).to_le_bytes());
        }

        let mut postings = Vec::with_capacity(self.postings() as usize);
        for &(hash, newest) in &chains {
            let start = postings.len();
            file.extend(hash.to_le_bytes());
            file.extend((start as u32).to_le_bytes());
            postings.extend(self.chain(newest));
            postings[start..].reverse();
        }
        for position in postings {
            file.extend(position.to_le_bytes());
        }

        header.body = crc32fast::hash(&file[header::LEN..]);
        file[..header::LEN].copy_from_slice(&header.to_bytes());
        file
    }
}
