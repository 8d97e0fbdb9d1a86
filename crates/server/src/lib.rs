//! The library behind the `headwater` command.

mod app;
mod auth;
// For the comparison in `bench/`, which drives other servers with the same load.
#[doc(hidden)]
pub mod bench;
mod body;
pub mod cli;
mod config;
mod connection;
mod cors;
mod demo;
mod handover;
mod listen;
mod log;
mod problem;
mod publish;
mod purge;
mod response;
mod serve;
mod subscribe;
