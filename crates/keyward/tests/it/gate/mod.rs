//! The gate as other services ask it: over its socket, over TCP, and through the real programs that stand in front of them.

mod caddy;
mod envoy;
pub(crate) mod nginx;
mod questions;
mod revocation;
mod sshd;
mod stage;
mod tokens;
