//! The engine.

mod selector;
mod topic;
mod update;

pub use selector::Selector;
pub use topic::{Topic, TopicError};
pub use update::Update;
