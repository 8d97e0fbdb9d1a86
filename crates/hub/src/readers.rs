mod past;
pub(crate) use past::{Fetched, PAGE_BYTES, PAGE_ITEMS, Past, Want};
