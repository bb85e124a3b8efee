//! Tests of the dialects from the outside: requests go in as bytes, answers are read as a client reads them.

// Tests may panic: that is how they fail. Clippy's own exception covers test functions but not their helpers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    unreachable_pub,
    missing_docs
)]

mod broken_store;
mod golden;
mod huawei;
mod native;
mod page;
mod registry;
mod samsung;
mod schemes;
mod scloud;
mod tencent;
mod wire;
mod world;
