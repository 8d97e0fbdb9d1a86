//! The server as its clients meet it: the real binary, and bytes on a socket. Each test has a hub of its own.

mod auth;
mod cors;
mod cursor;
mod demo;
mod directory;
mod disk;
mod drain;
mod durable;
mod forms;
mod harness;
mod hostile;
mod include;
mod limits;
mod ndjson;
mod once;
mod pages;
mod poll;
mod private;
mod publish;
mod purge;
mod streams;
mod subscribe;
