//! The program of the target `encode`.
#![cfg_attr(fuzzing, no_main)]

keyward_fuzz::entry!(encode);
