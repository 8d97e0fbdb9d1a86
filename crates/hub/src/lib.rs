//! The engine.

mod automaton;
mod places;
mod selector;
mod template;
mod topic;
mod update;

pub use selector::Selector;
pub use topic::{Topic, TopicError};
pub use update::Update;
