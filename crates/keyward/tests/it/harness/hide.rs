//! Finds secrets where they must not be, also in disguise: in hexadecimal, base64, UTF-16 or reversed.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// So many bytes of a secret are enough to find it, so one that was cut is found too.
const NEEDLE: usize = 12;

/// Secrets to look for.
pub(crate) struct Hidden {
    needles: HashMap<[u8; NEEDLE], String>,
    /// Whether a needle begins with these two bytes: nearly no place gets past this.
    starts: Vec<bool>,
}

impl Hidden {
    /// Looks for these; each must be long enough to be no accident.
    pub(crate) fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mut hidden = Self { needles: HashMap::new(), starts: vec![false; 1 << 16] };
        for secret in secrets {
            for (form, disguised) in disguises(secret.as_bytes()) {
                let needle: [u8; NEEDLE] = disguised[..NEEDLE].try_into().unwrap();
                hidden.starts[usize::from(needle[0]) << 8 | usize::from(needle[1])] = true;
                hidden.needles.insert(needle, format!("{secret} {form}"));
            }
        }
        hidden
    }

    /// What was found, and in which form.
    pub(crate) fn find(&self, haystack: &[u8]) -> Vec<&str> {
        let places = haystack
            .windows(NEEDLE)
            .filter(|place| self.starts[usize::from(place[0]) << 8 | usize::from(place[1])]);
        places.filter_map(|place| self.needles.get(place).map(String::as_str)).collect()
    }

    /// Fails when a file under `directory` holds one of the secrets. The files that were searched.
    pub(crate) fn assert_not_under(&self, directory: &Path) -> Vec<PathBuf> {
        let files = files_under(directory);
        for file in &files {
            let found = self.find(&std::fs::read(file).unwrap());
            assert!(found.is_empty(), "{} holds {found:?}", file.display());
        }
        files
    }

    /// Fails when `text` holds one of the secrets.
    pub(crate) fn assert_not_in(&self, name: &str, text: &str) {
        let found = self.find(text.as_bytes());
        assert!(found.is_empty(), "{name} holds {found:?}:\n{text}");
    }
}

/// All files below a directory; a socket holds nothing.
pub(crate) fn files_under(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_under(&path));
        } else if path.is_file() {
            files.push(path);
        }
    }
    files
}

fn disguises(secret: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let text = std::str::from_utf8(secret).unwrap();
    let mut forms = vec![
        ("as it is", secret.to_vec()),
        ("reversed", secret.iter().rev().copied().collect()),
        ("in capital hexadecimal", hex.to_uppercase().into_bytes()),
        ("in hexadecimal", hex.into_bytes()),
        ("in UTF-16", text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("in big UTF-16", text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
    ];
    // Three characters of base64 depend on where in its groups of three bytes the secret begins.
    forms.extend((0..3).map(|skipped| ("in base64", base64(&secret[skipped..]))));
    forms
}

/// Whole groups only: the last characters depend on what follows.
fn base64(bytes: &[u8]) -> Vec<u8> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let groups = bytes
        .chunks_exact(3)
        .map(|group| group.iter().fold(0_usize, |number, byte| number << 8 | usize::from(*byte)));
    groups.flat_map(|group| [18, 12, 6, 0].map(|shift| ALPHABET[group >> shift & 63])).collect()
}

#[test]
fn a_secret_is_found_in_each_disguise() {
    let hidden = Hidden::new(["correct horse battery staple"]);
    for disguise in [
        "..correct horse battery staple..",
        "..elpats yrettab esroh tcerroc..",
        "..correct horse b",
        "..636f727265637420686f7273652062617474657279..",
        "..636F727265637420686F7273652062617474657279..",
        "..Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0YXBsZQ..",
        "..LmNvcnJlY3QgaG9yc2UgYmF0dGVyeSBzdGFwbGU..",
        "..Li5jb3JyZWN0IGhvcnNlIGJhdHRlcnkgc3RhcGxl..",
        "..c\0o\0r\0r\0e\0c\0t\0 \0h\0o\0r\0s\0e\0",
        "..\0c\0o\0r\0r\0e\0c\0t\0 \0h\0o\0r\0s\0e",
    ] {
        assert!(!hidden.find(disguise.as_bytes()).is_empty(), "{disguise:?}");
    }
    assert_eq!(hidden.find(b"a correct mare, a battery and staples"), [""; 0]);
}
