//! The program of the target `tencent`.
#![cfg_attr(fuzzing, no_main)]

keyward_fuzz::entry!(tencent);
