//! Takes the chunks' frames off a body (RFC 9112, 7.1), wherever the reads cut it.

/// The bytes are no chunked body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the body is not in chunked coding as its head says")]
pub struct Malformed;

/// A decoder: eight bytes, because ten thousand connections have one each.
#[derive(Debug, Default)]
pub struct Chunked {
    /// Of the size while it is read, then of the chunk that remains.
    left: u32,
    place: Place,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Place {
    #[default]
    Start,
    Size,
    Extension,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    TrailerStart,
    Trailer,
    LastLf,
    End,
}

impl Chunked {
    /// The next run of the body's own bytes; `None`: the input is used up, or the body has ended.
    #[inline]
    pub fn next<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<&'a [u8]>, Malformed> {
        loop {
            if self.place == Place::Data {
                let (data, rest) = input.split_at(input.len().min(self.left as usize));
                *input = rest;
                self.left -= data.len() as u32;
                if self.left == 0 {
                    self.place = Place::DataCr;
                }
                if data.is_empty() {
                    return Ok(None);
                }
                return Ok(Some(data));
            }
            let (false, Some((&byte, rest))) = (self.ended(), input.split_first()) else {
                return Ok(None);
            };
            self.frame(byte)?;
            *input = rest;
        }
    }

    /// Whether the last chunk and the trailers have been seen. What follows belongs to the next message.
    pub fn ended(&self) -> bool {
        self.place == Place::End
    }

    #[inline]
    fn frame(&mut self, byte: u8) -> Result<(), Malformed> {
        self.place = match (self.place, byte) {
            (Place::Size | Place::Extension, b'\r') => Place::SizeLf,
            (Place::Size, b';' | b' ' | b'\t') | (Place::Extension, _) => Place::Extension,
            (Place::Start | Place::Size, _) => {
                let digit = char::from(byte).to_digit(16).ok_or(Malformed)?;
                if self.left >> 28 != 0 {
                    return Err(Malformed);
                }
                self.left = self.left << 4 | digit;
                Place::Size
            }
            (Place::SizeLf, b'\n') if self.left == 0 => Place::TrailerStart,
            (Place::SizeLf, b'\n') => Place::Data,
            (Place::DataCr, b'\r') => Place::DataLf,
            (Place::DataLf, b'\n') => Place::Start,
            (Place::TrailerStart, b'\r') => Place::LastLf,
            (Place::Trailer, b'\n') => Place::TrailerStart,
            (Place::TrailerStart | Place::Trailer, _) => Place::Trailer,
            (Place::LastLf, b'\n') => Place::End,
            _ => return Err(Malformed),
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(parts: &[&[u8]]) -> Result<(Vec<u8>, bool), Malformed> {
        let mut chunked = Chunked::default();
        let mut body = Vec::new();
        for part in parts {
            let mut input = *part;
            while let Some(data) = chunked.next(&mut input)? {
                body.extend_from_slice(data);
            }
        }
        Ok((body, chunked.ended()))
    }

    #[test]
    fn a_cut_at_any_byte_changes_nothing() {
        let stream: &[u8] =
            b"5\r\nhello\r\n00B;name=\"v\"\r\n, new world\r\n1 \r\n!\r\n0\r\nTrailer: x\r\n\r\n";
        let whole = (b"hello, new world!".to_vec(), true);
        for cut in 0..stream.len() {
            assert_eq!(decode(&[&stream[..cut], &stream[cut..]]), Ok(whole.clone()), "cut at {cut}");
        }
        assert_eq!(decode(&stream.chunks(1).collect::<Vec<_>>()), Ok(whole));
    }

    #[test]
    fn what_follows_the_end_is_left_alone() {
        let mut chunked = Chunked::default();
        let mut input: &[u8] = b"0\r\n\r\nHTTP/1.1 200 OK";
        assert_eq!(chunked.next(&mut input), Ok(None));
        assert_eq!(input, b"HTTP/1.1 200 OK");
        assert!(chunked.ended());
    }

    #[test]
    fn what_is_not_chunked_is_an_error() {
        for bad in ["\r\n", "g\r\n", "5\r\nhello!", "5\rx", "123456789\r\n", ";\r\n", "data: x\n\n"] {
            assert_eq!(decode(&[bad.as_bytes()]), Err(Malformed), "{bad:?}");
        }
    }
}
