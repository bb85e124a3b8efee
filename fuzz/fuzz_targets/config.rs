//! The program of the target `config`.
#![cfg_attr(fuzzing, no_main)]

keyward_fuzz::entry!(config);
