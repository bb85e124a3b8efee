//! The program of the target `master_key`.
#![cfg_attr(fuzzing, no_main)]

keyward_fuzz::entry!(master_key);
