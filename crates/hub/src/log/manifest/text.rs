//! The manifest's lines, written and read.

use std::{fmt::Write as _, ops::Range, str::FromStr};

use super::{Manifest, ManifestError, Purge, VERSION};
use crate::{
    Topic,
    cursor::{Epoch, Offset},
    epochs::Epochs,
};

/// What the first line begins with.
pub(super) const FORMAT: &str = "headwater-history ";
/// The last line: so many bytes, always.
const CHECKSUM: &str = "crc32 ";
const CHECKSUM_LINE: usize = CHECKSUM.len() + 8 + 1;

impl Manifest {
    /// The whole file.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        self.write(&mut text).expect("writing to a string does not fail");
        text
    }

    fn write(&self, text: &mut String) -> std::fmt::Result {
        writeln!(text, "{FORMAT}{VERSION}")?;
        writeln!(text, "id {:032x}", u128::from_be_bytes(self.id))?;
        writeln!(text, "hash {:032x}", u128::from_be_bytes(self.hash))?;
        writeln!(text, "home {}", self.home)?;
        for (epoch, first) in self.epochs.list() {
            writeln!(text, "epoch {epoch} {first}")?;
        }
        if let Some(next) = self.clean {
            writeln!(text, "clean {next}")?;
        }
        for lost in &self.lost {
            writeln!(text, "lost {} {}", lost.start, lost.end)?;
        }
        for damaged in &self.damaged {
            writeln!(text, "damaged {} {}", damaged.start, damaged.end)?;
        }
        for purge in &self.purges {
            write!(text, "purge {} ", purge.before)?;
            for byte in purge.topic.as_str().bytes() {
                write!(text, "{byte:02x}")?;
            }
            writeln!(text)?;
        }
        for hash in &self.forgotten {
            writeln!(text, "forgotten {hash:016x}")?;
        }
        let checksum = crc32fast::hash(text.as_bytes());
        writeln!(text, "{CHECKSUM}{checksum:08x}")
    }

    /// Reads a whole file.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, ManifestError> {
        if !bytes.starts_with(FORMAT.as_bytes()) {
            return Err(ManifestError::Foreign);
        }
        let (lines, last) = bytes.split_last_chunk::<CHECKSUM_LINE>().ok_or(ManifestError::Checksum)?;
        if *last != *format!("{CHECKSUM}{:08x}\n", crc32fast::hash(lines)).as_bytes() {
            return Err(ManifestError::Checksum);
        }
        let mut read = Lines::default();
        for (i, line) in lines.split_inclusive(|&b| b == b'\n').enumerate() {
            read.line(i, line).map_err(|problem| match problem {
                Problem::Newer(version) => ManifestError::Newer { version },
                Problem::Is(problem) => {
                    let text = String::from_utf8_lossy(line).trim_end().to_owned();
                    ManifestError::Line { line: i + 1, text, problem }
                }
            })?;
        }
        read.done()
    }
}

/// What the line says that has the log's id; the others may be whatever they are.
pub(super) fn told_id(bytes: &[u8]) -> Option<[u8; 16]> {
    let mut ids = bytes.split(|&b| b == b'\n').filter_map(|line| line.strip_prefix(b"id "));
    ids.find_map(|id| bits128(str::from_utf8(id).ok()?).ok())
}

/// What has been read so far.
#[derive(Default)]
struct Lines {
    id: Option<[u8; 16]>,
    hash: Option<[u8; 16]>,
    home: Option<String>,
    epochs: Vec<(Epoch, Offset)>,
    clean: Option<Offset>,
    lost: Vec<Range<Offset>>,
    damaged: Vec<Range<Offset>>,
    purges: Vec<Purge>,
    forgotten: Vec<u64>,
}

enum Problem {
    Newer(u32),
    Is(&'static str),
}

impl From<&'static str> for Problem {
    fn from(problem: &'static str) -> Self {
        Self::Is(problem)
    }
}

impl Lines {
    fn line(&mut self, i: usize, line: &[u8]) -> Result<(), Problem> {
        let line = line.strip_suffix(b"\n").ok_or("it does not end with a line feed")?;
        let line = str::from_utf8(line).map_err(|_| "it is not UTF-8")?;
        let (word, rest) = line.split_once(' ').ok_or("nothing follows its word")?;
        if i == 0 {
            return match u32::try_from(number(rest)?) {
                Ok(VERSION) => Ok(()),
                Ok(version) if version > VERSION => Err(Problem::Newer(version)),
                _ => Err("there is no such version".into()),
            };
        }
        match word {
            "id" => once(&mut self.id, bits128(rest)?)?,
            "hash" => once(&mut self.hash, bits128(rest)?)?,
            "home" if rest.is_empty() => return Err("it names no place".into()),
            "home" => once(&mut self.home, rest.to_owned())?,
            "epoch" => {
                let (epoch, first) = pair(rest)?;
                self.epochs.push((Epoch::parse(epoch).ok_or("that is no epoch")?, number(first)?));
            }
            "clean" => once(&mut self.clean, number(rest)?)?,
            "lost" => self.lost.push(range(rest)?),
            "damaged" => self.damaged.push(range(rest)?),
            "purge" => {
                let (before, topic) = pair(rest)?;
                self.purges.push(Purge { before: number(before)?, topic: topic_of(topic)? });
            }
            "forgotten" => self.forgotten.push(bits64(rest)?),
            _ => return Err("it is not known to this version".into()),
        }
        Ok(())
    }

    fn done(self) -> Result<Manifest, ManifestError> {
        Ok(Manifest {
            id: self.id.ok_or(ManifestError::Missing("id"))?,
            hash: self.hash.ok_or(ManifestError::Missing("hash"))?,
            home: self.home.ok_or(ManifestError::Missing("home"))?,
            epochs: Epochs::from_list(self.epochs).ok_or(ManifestError::Epochs)?,
            clean: self.clean,
            lost: self.lost,
            damaged: self.damaged,
            purges: self.purges,
            forgotten: self.forgotten,
        })
    }
}

fn once<T>(place: &mut Option<T>, value: T) -> Result<(), &'static str> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err("there may be one such line only"),
    }
}

fn pair(rest: &str) -> Result<(&str, &str), &'static str> {
    rest.split_once(' ').ok_or("it should have two parts")
}

fn range(rest: &str) -> Result<Range<Offset>, &'static str> {
    let (from, until) = pair(rest)?;
    let range = number(from)?..number(until)?;
    if range.is_empty() { Err("its end is not behind its beginning") } else { Ok(range) }
}

/// One spelling a number: no sign, no leading zero.
fn number(text: &str) -> Result<u64, &'static str> {
    let number = u64::from_str(text).map_err(|_| "it should have a number")?;
    if number.to_string() == text {
        Ok(number)
    } else {
        Err("the number should be without sign and leading zeros")
    }
}

fn bits64(text: &str) -> Result<u64, &'static str> {
    hex(text, 16)?;
    u64::from_str_radix(text, 16).map_err(|_| "it should have hex digits")
}

fn bits128(text: &str) -> Result<[u8; 16], &'static str> {
    hex(text, 32)?;
    u128::from_str_radix(text, 16).map(u128::to_be_bytes).map_err(|_| "it should have hex digits")
}

/// Whether these are so many hex digits, in small letters.
fn hex(text: &str, digits: usize) -> Result<(), &'static str> {
    let plain = text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if plain && text.len() == digits { Ok(()) } else { Err("it should have hex digits, of the right number") }
}

fn topic_of(text: &str) -> Result<Topic, &'static str> {
    hex(text, text.len() / 2 * 2)?;
    let bytes = text.as_bytes().chunks(2).map(|pair| {
        let digit = |b: u8| (b as char).to_digit(16).expect("it is a hex digit") as u8;
        digit(pair[0]) << 4 | digit(pair[1])
    });
    let name = String::from_utf8(bytes.collect()).map_err(|_| "the topic is not UTF-8")?;
    Topic::new(name).map_err(|_| "that is no topic")
}
