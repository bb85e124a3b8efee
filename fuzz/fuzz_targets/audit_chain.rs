//! The program of the target `audit_chain`.
#![cfg_attr(fuzzing, no_main)]

keyward_fuzz::entry!(audit_chain);
