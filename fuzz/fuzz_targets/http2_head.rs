//! The program of the target `http2_head`.
#![cfg_attr(fuzzing, no_main)]

keyward_fuzz::entry!(http2_head);
