//! The program of the target `aws4`.
#![cfg_attr(fuzzing, no_main)]

keyward_fuzz::entry!(aws4);
