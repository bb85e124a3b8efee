//! Tests of the whole server: the real program on ports that the system chooses, each test with servers and directories of
//! its own. One binary, because each further one would link everything again.
#![cfg(test)]

mod harness;

mod credentials;
mod files;
mod first_start;
mod lifecycle;
mod master_key;
mod paths;
mod smuggling;
mod transport;
