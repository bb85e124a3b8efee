//! Tests of the whole server: the real program on ports that the system chooses, each test with servers and directories of
//! its own. One binary, because each further one would link everything again.
#![cfg(test)]

mod harness;

mod admin_socket;
mod backups;
mod cli;
mod credentials;
mod defaults;
mod explain;
mod files;
mod first_start;
mod gate;
mod hostile;
#[cfg(feature = "tls")]
mod http2;
mod integrity;
mod journey;
mod lifecycle;
mod limits;
mod log;
mod master_key;
mod overload;
mod paths;
mod rotation;
mod secrets;
mod sessions;
mod smuggling;
mod ssh_keys;
#[cfg(feature = "tls")]
mod tls;
mod transport;
mod why;
