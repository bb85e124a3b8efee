//! Fuzz targets: one plain function per parser, with what must hold of it as assertions.
//!
//! The functions know nothing of libFuzzer. `fuzz_targets/` hands them its inputs; the tests hand them every seed and a
//! few thousand changed ones on the stable toolchain. `README.md` says how to run either. Nothing of the product lives here.

mod address_range;
mod audit_chain;
mod aws4;
mod choices;
mod config;
mod duration;
mod encode;
mod entry;
mod explain;
mod form;
mod gate_evidence;
mod gate_verify;
mod head;
mod http2_head;
mod json;
mod master_key;
mod name;
mod request;
mod samsung_marker;
mod samsung_query;
mod scheme;
mod scloud;
mod scp;
mod sdk_hmac_sha256;
mod sealed;
#[cfg(test)]
mod seeds;
mod ssh_key;
mod stack;
mod tc3;
mod tencent;
mod tencent_v1;
mod token_bodies;

pub use address_range::address_range;
pub use audit_chain::audit_chain;
pub use aws4::aws4;
pub use config::config;
pub use duration::duration;
pub use encode::encode;
pub use entry::replay;
pub use explain::explain;
pub use form::form;
pub use gate_evidence::gate_evidence;
pub use gate_verify::gate_verify;
pub use head::head;
pub use http2_head::http2_head;
pub use json::json;
pub use master_key::master_key;
pub use name::name;
pub use samsung_marker::samsung_marker;
pub use samsung_query::samsung_query;
pub use scloud::scloud;
pub use scp::scp;
pub use sdk_hmac_sha256::sdk_hmac_sha256;
pub use sealed::sealed;
pub use ssh_key::ssh_key;
pub use tc3::tc3;
pub use tencent::tencent;
pub use tencent_v1::tencent_v1;
pub use token_bodies::token_bodies;
