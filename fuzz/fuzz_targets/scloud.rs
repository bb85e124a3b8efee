//! The program of the target `scloud`.
#![cfg_attr(fuzzing, no_main)]

keyward_fuzz::entry!(scloud);
