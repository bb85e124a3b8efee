//! The server behind the `keyward` program, as a library so that tests and fuzz targets reach its parts.

pub mod listen;
pub mod shutdown;
