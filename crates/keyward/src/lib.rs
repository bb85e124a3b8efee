//! The server behind the `keyward` program, as a library so that tests and fuzz targets reach its parts. What a key may do
//! is decided in `domain`.

pub mod cli;
pub mod config;
pub mod forwarded;
pub mod front;
pub mod gate;
pub mod listen;
pub mod node;
pub mod operator;
pub mod pipeline;
pub mod serve;
mod settings;
pub mod shutdown;
pub mod system;
pub mod telemetry;
