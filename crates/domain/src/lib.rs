//! The product itself: accounts, users, access keys, who may do what, and how it is kept.
//!
//! No HTTP, no SQL and no wire type lives here. A dialect hands over a [`signing::Claim`] and calls a use case of
//! [`Service`]; a store implements [`store::Store`]. Time, randomness and limits come in as arguments.

pub mod access_keys;
pub mod accounts;
pub mod audit;
pub mod audit_log;
pub mod authenticate;
pub mod batch;
pub mod caller;
pub mod clock;
mod commit;
pub mod cursor;
pub mod decision;
pub mod directory;
pub mod doctor;
pub mod duration;
pub mod error;
mod hashing;
pub mod id;
pub mod idempotency;
pub mod invariants;
pub mod last_used;
pub mod limits;
pub mod lockout;
pub mod name;
pub mod net;
pub mod passwords;
pub mod policy;
pub mod random;
pub mod reason;
pub mod refusals;
pub mod replay;
pub mod report;
pub mod secret;
pub mod service;
pub mod signature_uses;
mod signer;
pub mod ssh_keys;
pub mod store;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod throttle;
pub mod tokens;
pub mod users;
pub mod vault;

pub use error::Error;
pub use service::Service;
