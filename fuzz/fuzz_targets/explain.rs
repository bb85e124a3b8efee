//! The program of the target `explain`.
#![cfg_attr(fuzzing, no_main)]

keyward_fuzz::entry!(explain);
