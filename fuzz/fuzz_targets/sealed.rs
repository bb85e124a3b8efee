//! The program of the target `sealed`.
#![cfg_attr(fuzzing, no_main)]

keyward_fuzz::entry!(sealed);
