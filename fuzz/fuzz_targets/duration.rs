//! The program of the target `duration`.
#![cfg_attr(fuzzing, no_main)]

keyward_fuzz::entry!(duration);
