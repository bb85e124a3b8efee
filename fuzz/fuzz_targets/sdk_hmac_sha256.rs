//! The program of the target `sdk_hmac_sha256`.
#![cfg_attr(fuzzing, no_main)]

keyward_fuzz::entry!(sdk_hmac_sha256);
