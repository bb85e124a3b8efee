//! The program of the target `gate_evidence`.
#![cfg_attr(fuzzing, no_main)]

keyward_fuzz::entry!(gate_evidence);
