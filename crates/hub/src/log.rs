//! The history on disk: a log in segments, each with an index of its own.

mod hash;
mod index;
mod manifest;
#[cfg(test)]
mod steps;
