//! The program of the target `head`.
#![cfg_attr(fuzzing, no_main)]

keyward_fuzz::entry!(head);
