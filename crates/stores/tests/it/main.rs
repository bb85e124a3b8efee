//! The stores, and the domain's use cases over each of them. One binary: every further one would link everything again.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests fail by panicking; clippy knows only functions marked as tests"
)]

mod actions;
mod authenticate;
mod child;
mod committer;
mod conformance;
mod deletion;
mod faults;
mod files;
mod gate_tokens;
mod gated;
mod key_lists;
mod last_used;
mod model;
mod names;
mod owners;
mod races;
mod randomness;
mod replay;
mod restart;
mod revocation;
mod rotation;
mod secrets;
mod tamper;
mod temporary;
mod token_keys;
mod world;

/// Makes each of the named functions a test over the in-memory store and one over SQLite.
macro_rules! both_stores {
    ($($name:ident),+ $(,)?) => {
        mod memory {
            use crate::world::World;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(World::memory().await).await;
            })+
        }
        mod sqlite {
            use crate::world::World;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(World::sqlite().await).await;
            })+
        }
    };
}
pub(crate) use both_stores;
