//! The library behind the `headwater` command.
#![allow(dead_code, reason = "the parts arrive before serve.rs joins them; goes away with that")]

mod auth;
pub mod bench;
mod body;
pub mod cli;
mod config;
mod cors;
mod demo;
mod log;
mod problem;
mod serve;
