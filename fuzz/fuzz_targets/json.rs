//! The program of the target `json`.
#![cfg_attr(fuzzing, no_main)]

keyward_fuzz::entry!(json);
