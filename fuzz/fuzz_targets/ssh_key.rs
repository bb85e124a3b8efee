//! The program of the target `ssh_key`.
#![cfg_attr(fuzzing, no_main)]

keyward_fuzz::entry!(ssh_key);
