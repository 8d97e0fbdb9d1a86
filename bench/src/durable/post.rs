//! One connection that publishes one update after the other, each its own request.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use headwater::bench::{Answers, Stamp};

use super::feed::Target;
use crate::Failure;

const PATIENCE: Duration = Duration::from_mins(1);

/// A kept connection.
pub(crate) struct Post {
    stream: TcpStream,
    token: String,
    answers: Answers,
    body: Vec<u8>,
    request: Vec<u8>,
    buffer: Vec<u8>,
}

impl Post {
    pub(crate) fn connect(target: &Target) -> Result<Self, Failure> {
        let stream = TcpStream::connect(target.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            stream,
            token: target.token.clone(),
            answers: Answers::default(),
            body: Vec::new(),
            request: Vec::new(),
            buffer: vec![0; 4096],
        })
    }

    /// Publishes an update of `size` bytes on `topic`, which needs no escapes; waits for its 200.
    pub(crate) fn publish(&mut self, topic: &str, stamp: &Stamp, size: usize) -> Result<(), Failure> {
        self.body.clear();
        write!(self.body, "topic={topic}&data=")?;
        stamp.write(size, &mut self.body);
        self.request.clear();
        write!(
            self.request,
            "POST /.well-known/mercure HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n",
            self.token,
            self.body.len()
        )?;
        self.request.extend_from_slice(&self.body);
        self.stream.write_all(&self.request)?;
        loop {
            let read = self.stream.read(&mut self.buffer)?;
            if read == 0 {
                return Err("a publish got no answer: the hub closed the connection".into());
            }
            match self.answers.next(&mut &self.buffer[..read])? {
                Some(answer) if answer.status == 200 => return Ok(()),
                Some(answer) => {
                    return Err(format!("a publish got {}: {}", answer.status, answer.text).into());
                }
                None => {}
            }
        }
    }
}
