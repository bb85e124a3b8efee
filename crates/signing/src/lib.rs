//! Request signatures of several clouds: what a request claims about its signer, and whether the claim holds.
//!
//! This crate is pure: no async, no I/O, no clock, no store. A scheme module turns a [`RequestView`] (or, for scloud,
//! [`Params`]) into a [`Claim`]; whoever knows the secret then asks the claim to [`verify`](Claim::verify) itself. Judging
//! the time window, nonces, tokens and scopes is left to the caller, who knows the clock and the policy.
//!
//! Rules that hold for every scheme:
//! - [`same_signature`] is the only comparison of signatures, and it takes constant time (threat T55);
//! - signatures have one spelling: exact length, exact alphabet, lower-case hexadecimal (threat T16);
//! - an empty secret never verifies (threat T19).

mod authorization;
pub mod aws4;
mod canonical;
pub mod claim;
mod detect;
pub mod encode;
pub mod explain;
pub mod json;
mod mac;
pub mod params;
pub mod redact;
pub mod reject;
pub mod request;
pub mod scheme;
pub mod scloud;
pub mod scp;
pub mod sdk_hmac_sha256;
pub mod tc3;
pub mod tencent_v1;
#[cfg(test)]
mod testing;
mod time;

pub use claim::{Claim, Explanation, Payload, Scope};
pub use detect::detect;
pub use explain::{ExplainError, claimed_key_id, describe_request, explain, explain_request};
pub use json::{Number, Value};
pub use mac::{Hash, same_signature};
pub use params::{ParamError, Params};
pub use reject::Reject;
pub use request::{Body, RequestView, UrlScheme};
pub use scheme::Scheme;
pub use time::{format_basic, format_time};
