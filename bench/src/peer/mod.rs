//! The servers that are compared with: as small as what they stand for allows.
//!
//! `GET /` is the stream of everything, `POST /` publishes the body, `POST /batch` every line of it.

mod axum;
mod floor;

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr},
    process, thread,
};

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    /// Accepts, then writes the same bytes to every connection: what the kernel alone costs.
    Floor,
    /// axum's `Sse` over tokio's `broadcast`: what a Rust programmer writes today.
    Axum,
}

/// Serves on the loopback; prints the address first. The end of standard input ends the process, so that a
/// comparison that dies takes its servers along.
pub(crate) fn serve(kind: Kind, port: u16) -> io::Result<()> {
    thread::spawn(|| {
        // Whatever it says, it is over when it ends.
        drop(io::stdin().read_to_end(&mut Vec::new()));
        process::exit(0);
    });
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    match kind {
        Kind::Floor => floor::serve(address),
        Kind::Axum => axum::serve(address),
    }
}

/// The line that the comparison waits for.
fn announce(address: SocketAddr) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{address}")?;
    out.flush()
}
