//! The program of the target `tc3`.
#![cfg_attr(fuzzing, no_main)]

keyward_fuzz::entry!(tc3);
