//! The program of the target `address_range`.
#![cfg_attr(fuzzing, no_main)]

keyward_fuzz::entry!(address_range);
