//! The program of the target `tencent_v1`.
#![cfg_attr(fuzzing, no_main)]

keyward_fuzz::entry!(tencent_v1);
