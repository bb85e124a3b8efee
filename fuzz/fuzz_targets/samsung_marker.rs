//! The program of the target `samsung_marker`.
#![cfg_attr(fuzzing, no_main)]

keyward_fuzz::entry!(samsung_marker);
