//! The program of the target `form`.
#![cfg_attr(fuzzing, no_main)]

keyward_fuzz::entry!(form);
