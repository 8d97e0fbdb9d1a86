//! The client against servers that follow a script, with a clock that stands still until a test moves it.

mod publisher;
mod server;
mod source;
mod still;
