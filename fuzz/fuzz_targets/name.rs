//! The program of the target `name`.
#![cfg_attr(fuzzing, no_main)]

keyward_fuzz::entry!(name);
