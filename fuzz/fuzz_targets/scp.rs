//! The program of the target `scp`.
#![cfg_attr(fuzzing, no_main)]

keyward_fuzz::entry!(scp);
