//! SSH public keys, beside OpenSSH's own reading of them.

use std::collections::HashMap;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::{LazyLock, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::ssh_keys::{Fingerprint, KEY_CHARS, PublicKey, SshKeyType, check_blob, line};

/// A text, or a blob behind the number of a type. Whatever is accepted is one line, is the same key when it is written anew,
/// is accepted by `ssh-keygen -l` under the same fingerprint, and no other type reads the blob (threats T88, T89).
pub fn ssh_key(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(key) = PublicKey::parse(text)
    {
        assert!(text.chars().count() <= KEY_CHARS);
        assert!(!text.trim_end().contains(['\n', '\r']), "one line");
        assert!(!key.comment.chars().any(char::is_control), "a comment that could be a line of its own");
        assert!(text.trim_start_matches([' ', '\t']).starts_with(key.kind.as_str()), "nothing in front");
        check(key.kind, &key.blob);
    }
    if let Some((&number, blob)) = data.split_first()
        && let Some(&kind) = SshKeyType::ALL.get(usize::from(number))
        && check_blob(kind, blob).is_ok()
    {
        check(kind, blob);
    }
}

fn check(kind: SshKeyType, blob: &[u8]) {
    let written = line(kind, blob);
    assert_eq!(written.split(' ').nth(1), Some(STANDARD.encode(blob).as_str()));
    let again = PublicKey::parse(&written).unwrap_or_else(|error| panic!("{written} {error}"));
    assert_eq!((again.kind, again.blob.as_slice()), (kind, blob));
    let fingerprint = Fingerprint::of(blob);
    assert_eq!(Fingerprint::parse(&fingerprint.to_string()), Some(fingerprint));
    for &other in SshKeyType::ALL.iter().filter(|other| **other != kind) {
        assert!(check_blob(other, blob).is_err(), "{other:?} too");
    }
    if let Some(printed) = printed_by_ssh_keygen(&written) {
        assert_eq!(printed, fingerprint.to_string(), "{written}");
    }
}

/// What `ssh-keygen -l` prints for a line, each asked for once; `None` where there is no such program.
fn printed_by_ssh_keygen(written: &str) -> Option<String> {
    static ASKED: LazyLock<Mutex<HashMap<String, Option<String>>>> = LazyLock::new(Mutex::default);
    let mut asked = ASKED.lock().unwrap_or_else(PoisonError::into_inner);
    asked.entry(written.to_owned()).or_insert_with(|| ask(written)).clone()
}

fn ask(written: &str) -> Option<String> {
    let mut command = Command::new("ssh-keygen");
    command.args(["-l", "-E", "sha256", "-f", "-"]);
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut child = child.ok()?;
    let mut input = child.stdin.take()?;
    input.write_all(written.as_bytes()).ok()?;
    drop(input);
    let output = child.wait_with_output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Some(text.split(' ').nth(1).unwrap_or("refused").to_owned())
}
