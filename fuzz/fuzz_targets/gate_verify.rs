//! The program of the target `gate_verify`.
#![cfg_attr(fuzzing, no_main)]

keyward_fuzz::entry!(gate_verify);
