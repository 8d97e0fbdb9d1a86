//! The library behind the `headwater` command.

mod app;
mod auth;
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
mod response;
mod serve;
mod subscribe;
