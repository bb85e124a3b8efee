//! The program of the target `samsung_query`.
#![cfg_attr(fuzzing, no_main)]

keyward_fuzz::entry!(samsung_query);
