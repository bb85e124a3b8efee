//! The program of the target `token_bodies`.
#![cfg_attr(fuzzing, no_main)]

keyward_fuzz::entry!(token_bodies);
