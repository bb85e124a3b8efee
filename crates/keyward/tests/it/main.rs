//! Tests of the whole server: the real program on ports that the system chooses, each test with servers and directories of
//! its own. One binary, because each further one would link everything again.
#![cfg(test)]

mod harness;

mod credentials;
mod explain;
mod files;
mod first_start;
mod integrity;
mod lifecycle;
mod log;
mod master_key;
mod paths;
mod secrets;
mod smuggling;
mod transport;
