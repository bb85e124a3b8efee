//! Runs every seed and a few thousand changed ones of each target as plain tests, and checks that targets, programs and
//! seeds agree.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::choices::Choices;
use crate::scheme::Scheme;

/// Changed seeds per target.
const EXECUTIONS: usize = 3_000;
/// As libFuzzer's own default.
const MAX_BYTES: usize = 4_096;

macro_rules! targets {
    ($($target:ident)*) => {
        const TARGETS: &[&str] = &[$(stringify!($target)),*];
        $(
            #[test]
            fn $target() {
                run(stringify!($target), crate::$target);
            }
        )*
    };
}

targets! {
    address_range audit_chain aws4 config duration encode explain form gate_evidence gate_verify head http2_head json master_key
    name samsung_marker samsung_query scloud scp sdk_hmac_sha256 sealed ssh_key tc3 tencent tencent_v1
    token_bodies
}

/// The targets of signature schemes.
const SCHEMES: [(&str, &Scheme); 6] = [
    ("aws4", &crate::aws4::STANDARD),
    ("scloud", &crate::scloud::SCHEME),
    ("scp", &crate::scp::SCHEME),
    ("sdk_hmac_sha256", &crate::sdk_hmac_sha256::SCHEME),
    ("tc3", &crate::tc3::VENDOR),
    ("tencent_v1", &crate::tencent_v1::SCHEME),
];

/// Shows the input that a target panics on.
struct Input<'a> {
    from: &'a str,
    bytes: &'a [u8],
}

impl Drop for Input<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the input, made from {}: b\"{}\"", self.from, self.bytes.escape_ascii());
        }
    }
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// The seeds of a target, by name.
fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = folder("seeds").join(target);
    names(&folder).into_iter().map(|name| (name.clone(), std::fs::read(folder.join(name)).unwrap())).collect()
}

fn run(name: &str, target: fn(&[u8])) {
    let seeds = seeds(name);
    assert!(!seeds.is_empty());
    let run = |from: &str, bytes: &[u8]| {
        let _input = Input { from, bytes };
        target(bytes);
    };
    run("nothing", b"");
    seeds.iter().for_each(|(seed, bytes)| run(seed, bytes));
    let mut choices = Choices::of(name.as_bytes());
    for _ in 0..EXECUTIONS {
        let (seed, bytes) = choices.one_of(&seeds).unwrap();
        run(seed, &changed(bytes, &seeds, &mut choices));
    }
}

/// A seed cut off, joined with the end of another, with a part left out or repeated, and with a few bytes changed.
fn changed(seed: &[u8], seeds: &[(String, Vec<u8>)], choices: &mut Choices) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    let (from, to) = (choices.below(bytes.len() + 1), choices.below(bytes.len() + 1));
    let part = from.min(to)..from.max(to);
    match choices.below(8) {
        0 => bytes.truncate(from),
        1 => {
            let (_, other) = choices.one_of(seeds).unwrap();
            bytes.truncate(from);
            bytes.extend_from_slice(&other[choices.below(other.len() + 1)..]);
        }
        2 => drop(bytes.drain(part)),
        3 => {
            let repeated = bytes[part].to_vec();
            bytes.splice(from..from, repeated);
        }
        _ => {}
    }
    for _ in 0..choices.below(4) {
        choices.change(&mut bytes);
    }
    bytes.truncate(MAX_BYTES);
    bytes
}

#[test]
fn targets_programs_and_seeds_agree() {
    let targets: BTreeSet<String> = TARGETS.iter().map(|&target| target.to_owned()).collect();
    assert_eq!(names(&folder("seeds")), targets);
    let programs: BTreeSet<String> = targets.iter().map(|target| format!("{target}.rs")).collect();
    assert_eq!(names(&folder("fuzz_targets")), programs);
    let manifest = std::fs::read_to_string(folder("Cargo.toml")).unwrap();
    let listed: BTreeSet<String> = manifest
        .lines()
        .filter_map(|line| line.strip_prefix("path = \"fuzz_targets/")?.strip_suffix(".rs\""))
        .map(str::to_owned)
        .collect();
    assert_eq!(listed, targets);
}

/// The changes are worth something only if they begin at signatures that hold.
#[test]
fn seeds_from_vectors_verify_and_hostile_ones_do_not() {
    for (target, scheme) in SCHEMES {
        let mut verified = 0;
        for (seed, bytes) in seeds(target) {
            let accepted = scheme.accepts(&bytes);
            assert!(accepted || !seed.starts_with("vector-"), "{target}/{seed} does not verify");
            assert!(!accepted || !seed.starts_with("hostile-"), "{target}/{seed} verifies");
            verified += usize::from(accepted);
        }
        assert!(verified >= 10, "{target}: only {verified} seeds verify");
    }
}
