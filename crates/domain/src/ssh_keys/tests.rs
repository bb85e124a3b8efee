//! Keys that `ssh-keygen` made, keys made to be weak, and texts that are no keys.

use num_bigint::BigUint;

use super::public_key::KEY_CHARS;
use super::{BadKey, BlockList, Fingerprint, PublicKey, SshKeyType, Weakness, line};

/// `<fingerprint as ssh-keygen -l prints it> <line>`, every type. The security keys are put together after the published
/// format, of the points of other keys here.
const GOOD: &str = include_str!("tests/good.txt");
/// `<reason> <line>`.
const REFUSED: &str = include_str!("tests/refused.txt");

fn good() -> impl Iterator<Item = (&'static str, &'static str)> {
    GOOD.lines().map(|line| line.split_once(' ').unwrap())
}

fn ed25519() -> &'static str {
    good().next().unwrap().1
}

fn field(bytes: &[u8]) -> Vec<u8> {
    [u32::try_from(bytes.len()).unwrap().to_be_bytes().as_slice(), bytes].concat()
}

fn mpint(number: &BigUint) -> Vec<u8> {
    let bytes = number.to_bytes_be();
    if bytes[0] >= 0x80 { field(&[&[0], bytes.as_slice()].concat()) } else { field(&bytes) }
}

fn rsa(exponent: &BigUint, modulus: &BigUint) -> String {
    line(SshKeyType::Rsa, &[field(b"ssh-rsa"), mpint(exponent), mpint(modulus)].concat())
}

/// Exponent and modulus of the RSA key of 3072 bits.
fn rsa_numbers() -> (BigUint, BigUint) {
    let (_, text) = good().find(|(_, text)| text.starts_with("ssh-rsa") && text.len() > 500).unwrap();
    let blob = PublicKey::parse(text).unwrap().blob;
    let e_end = 11 + 4 + 3;
    let e = BigUint::from_bytes_be(&blob[15..e_end]);
    (e, BigUint::from_bytes_be(&blob[e_end + 4..]))
}

fn weakness(text: &str) -> Weakness {
    match PublicKey::parse(text) {
        Err(BadKey::Weak(weakness)) => weakness,
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_type_that_ssh_keygen_makes_is_read() {
    let mut seen = Vec::new();
    for (fingerprint, text) in good() {
        let key = PublicKey::parse(text).unwrap();
        assert_eq!(key.fingerprint().to_string(), fingerprint);
        assert_eq!(Fingerprint::parse(fingerprint), Some(key.fingerprint()));
        let rewritten = line(key.kind, &key.blob);
        assert!(text.starts_with(&rewritten));
        assert_eq!(
            PublicKey::parse(&format!(" \t{rewritten}  another comment \r\n")).unwrap().blob,
            key.blob
        );
        seen.push(key.kind);
    }
    assert!(SshKeyType::ALL.iter().all(|kind| seen.contains(kind)), "{seen:?}");
}

#[test]
fn t87_short_rsa_dsa_and_certificates_are_refused() {
    for row in REFUSED.lines().filter(|row| !row.starts_with('#')) {
        let (reason, text) = row.split_once(' ').unwrap();
        let expected = match reason {
            "rsa-1024" => BadKey::Weak(Weakness::TooShort),
            "dsa" | "certificate" => BadKey::Type,
            other => panic!("{other}"),
        };
        assert_eq!(PublicKey::parse(text), Err(expected), "{reason}");
    }
}

#[test]
fn t87_bad_exponents_and_small_factors_are_refused() {
    let (e, n) = rsa_numbers();
    assert!(PublicKey::parse(&rsa(&e, &n)).is_ok());
    for bad in [1_u32, 2, 4, 65_536] {
        assert_eq!(weakness(&rsa(&BigUint::from(bad), &n)), Weakness::Exponent, "{bad}");
    }
    let huge = (BigUint::from(1_u8) << 256_u32) + 1_u8;
    assert_eq!(weakness(&rsa(&huge, &n)), Weakness::Exponent);
    assert!(PublicKey::parse(&rsa(&BigUint::from(3_u8), &n)).is_ok());
    for factor in [2_u32, 3, 4_093] {
        let times = (&n >> 16_u32) * factor;
        assert_eq!(weakness(&rsa(&e, &times)), Weakness::SmallFactor, "{factor}");
    }
    assert_eq!(weakness(&rsa(&e, &(&n >> 1_025_u32))), Weakness::TooShort, "one bit less than 2048");
    assert_eq!(weakness(&rsa(&e, &((BigUint::from(1_u8) << 16_384_u32) + 1_u8))), Weakness::TooBig);
}

#[test]
fn t87_the_fingerprint_of_roca_is_found() {
    let (e, n) = rsa_numbers();
    // A modulus of the faulty library is a power of 65537 modulo the product of the first primes, whatever its factors.
    let is_prime = |n: &u32| (2..*n).all(|d| !n.is_multiple_of(d));
    let product: BigUint = (2_u32..=701).filter(is_prime).map(BigUint::from).product();
    let power = BigUint::from(65_537_u32).modpow(&BigUint::from(12_345_u32), &product);
    let mut k = &n / &product;
    let roca = loop {
        let candidate = &k * &product + &power;
        if !matches!(PublicKey::parse(&rsa(&e, &candidate)), Err(BadKey::Weak(Weakness::SmallFactor))) {
            break candidate;
        }
        k += 1_u8;
    };
    assert_eq!(weakness(&rsa(&e, &roca)), Weakness::Roca);
    let mut neighbour = roca + 2_u8;
    while matches!(PublicKey::parse(&rsa(&e, &neighbour)), Err(BadKey::Weak(Weakness::SmallFactor))) {
        neighbour += 2_u8;
    }
    assert!(PublicKey::parse(&rsa(&e, &neighbour)).is_ok());
}

#[test]
fn t87_primes_that_are_close_together_are_found() {
    let (e, n) = rsa_numbers();
    let mut a = n.sqrt() | BigUint::from(1_u8);
    // (a − b)(a + b), as far apart as the keys of CVE-2022-26320.
    let b = BigUint::from(1_u8) << 400_u32;
    let close = loop {
        let product = (&a - &b) * (&a + &b);
        if !matches!(PublicKey::parse(&rsa(&e, &product)), Err(BadKey::Weak(Weakness::SmallFactor))) {
            break product;
        }
        a += 2_u8;
    };
    assert_eq!(weakness(&rsa(&e, &close)), Weakness::ClosePrimes);
}

#[test]
fn t87_listed_keys_are_known_by_their_fingerprints() {
    let (fingerprint, text) = good().next().unwrap();
    let list = BlockList::parse(&format!("# compromised\n\n  {fingerprint}\r\n")).unwrap();
    assert!(list.contains(&PublicKey::parse(text).unwrap().fingerprint()));
    assert!(!list.contains(&PublicKey::parse(good().nth(1).unwrap().1).unwrap().fingerprint()));
    assert_eq!(BlockList::parse(&format!("{fingerprint}\nMD5:00")).err(), Some(2));
    // Whole lines too, of keys that are refused anyway as well, and words behind a `#`.
    let others: Vec<&str> = REFUSED.lines().filter_map(|line| line.strip_prefix("rsa-1024 ")).collect();
    let list =
        BlockList::parse(&format!("{text} with a comment\n{fingerprint} # again\n{}\n", others[0])).unwrap();
    assert_eq!((list.len(), list.is_empty()), (2, false));
    assert!(list.contains(&PublicKey::parse(text).unwrap().fingerprint()));
    for bad in [
        format!("{fingerprint} again"),
        format!("no-pty {text}"),
        text.replace("ssh-ed25519 ", "ssh-rsa "),
        "ssh-ed25519 AAAA".to_owned(),
        "ssh-ed25519 /////w==".to_owned(),
        fingerprint[..49].to_owned(),
    ] {
        assert_eq!(BlockList::parse(&format!("{text}\n#\n{bad}\n{text}")).err(), Some(3), "{bad}");
    }
}

#[test]
fn t88_malformed_blobs_are_refused() {
    let (_, text) = good().next().unwrap();
    let blob = PublicKey::parse(text).unwrap().blob;
    let point = &blob[blob.len() - 32..];
    let ed = |kind: &[u8], point: &[u8], rest: &[u8]| {
        line(SshKeyType::Ed25519, &[&field(kind), &field(point), rest].concat())
    };
    let name = b"ssh-ed25519".as_slice();
    assert!(PublicKey::parse(&ed(name, point, b"")).is_ok());
    let mut outside = point.to_vec();
    outside[31] = 0x7f;
    outside[..31].fill(0xff);
    let small: [[u8; 32]; 3] = [
        [0; 32],
        {
            let mut one = [0; 32];
            one[0] = 1;
            one
        },
        {
            // −1, which is p − 1.
            let mut bytes = [0xff; 32];
            (bytes[0], bytes[31]) = (0xec, 0x7f);
            bytes
        },
    ];
    let mut bad = vec![
        ed(name, &point[..31], b""),
        ed(name, &[point, &[0]].concat(), b""),
        ed(name, point, b"\0"),
        ed(name, point, &field(b"")),
        ed(b"ssh-rsa", point, b""),
        ed(b"ssh-ed25519\0", point, b""),
        ed(name, &outside, b""),
        line(SshKeyType::Ed25519, &[&field(name), [0xff; 4].as_slice(), point].concat()),
        line(SshKeyType::Ed25519, &field(name)),
        line(SshKeyType::Ed25519, b"\0"),
    ];
    bad.extend(small.iter().map(|point| ed(name, point, b"")));
    for text in bad {
        assert_eq!(PublicKey::parse(&text), Err(BadKey::Blob), "{text}");
    }
    let (e, n) = rsa_numbers();
    let twice =
        [field(b"ssh-rsa"), mpint(&e), field(&[&[0, 0], n.to_bytes_be().as_slice()].concat())].concat();
    let negative = [field(b"ssh-rsa"), mpint(&e), field(&n.to_bytes_be())].concat();
    for blob in [twice, negative] {
        assert_eq!(PublicKey::parse(&line(SshKeyType::Rsa, &blob)), Err(BadKey::Blob));
    }
}

#[test]
fn t88_points_lie_on_the_curve_that_is_named() {
    for (_, text) in good().filter(|(_, text)| text.starts_with("ecdsa")) {
        let key = PublicKey::parse(text).unwrap();
        for at in [key.blob.len() - 1, key.blob.len() - 40] {
            let mut blob = key.blob.clone();
            blob[at] ^= 1;
            assert_eq!(PublicKey::parse(&line(key.kind, &blob)), Err(BadKey::Blob), "byte {at}");
        }
        let other =
            if key.kind == SshKeyType::EcdsaP256 { SshKeyType::EcdsaP384 } else { SshKeyType::EcdsaP256 };
        assert_eq!(PublicKey::parse(&line(other, &key.blob)), Err(BadKey::Blob));
    }
}

#[test]
fn t88_no_shortened_or_changed_blob_panics_and_no_prefix_is_a_key() {
    for (_, text) in good() {
        let key = PublicKey::parse(text).unwrap();
        for length in 0..key.blob.len() {
            assert!(PublicKey::parse(&line(key.kind, &key.blob[..length])).is_err());
        }
        for at in 0..key.blob.len().min(120) {
            let mut blob = key.blob.clone();
            blob[at] ^= 0x80;
            let _ = PublicKey::parse(&line(key.kind, &blob));
        }
    }
}

#[test]
fn t89_options_lines_control_characters_and_private_keys_are_refused() {
    let key = ed25519();
    let code = key.split(' ').nth(1).unwrap();
    let private =
        "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\n-----END OPENSSH PRIVATE KEY-----\n";
    let long = format!("{key} {}", "x".repeat(KEY_CHARS));
    let cases = [
        (private.to_owned(), BadKey::Private),
        (format!("command=\"rm\" {key}"), BadKey::Form),
        (format!("no-pty,command=\"rm\" {key}"), BadKey::Form),
        (format!("*.example.org {key}"), BadKey::Form),
        (format!("{key}\n{key}"), BadKey::NotOneLine),
        (format!("{key}\n\n"), BadKey::NotOneLine),
        (format!("{key}\rx"), BadKey::NotOneLine),
        (format!("\n{key}"), BadKey::NotOneLine),
        (String::new(), BadKey::NotOneLine),
        (" \t ".to_owned(), BadKey::NotOneLine),
        ("ssh-ed25519".to_owned(), BadKey::Form),
        (format!("ssh-ed25519 {code} a\0b"), BadKey::Comment),
        (format!("ssh-ed25519 {code} a\u{1b}[31mb"), BadKey::Comment),
        (format!("ssh-ed25519 {code} a\u{85}b"), BadKey::Comment),
        (format!("ssh-ed25519 {code}= x"), BadKey::Base64),
        (format!("ssh-ed25519 {}", &code[..9]), BadKey::Base64),
        (format!("ssh-ed25519\u{a0}{code}"), BadKey::Form),
        (format!("SSH-ED25519 {code}"), BadKey::Type),
        ("garbage here".to_owned(), BadKey::Type),
        ("---- BEGIN SSH2 PUBLIC KEY ----".to_owned(), BadKey::Type),
        (long, BadKey::TooLong),
    ];
    for (text, expected) in cases {
        assert_eq!(PublicKey::parse(&text).err(), Some(expected), "{text:?}");
    }
}

#[test]
fn t91_a_key_is_its_blob_whatever_surrounds_it() {
    let key = ed25519();
    let plain = PublicKey::parse(key).unwrap();
    let bare = line(plain.kind, &plain.blob);
    for text in [bare.clone(), format!("{bare} other comment"), format!("  {}\n", bare.replace(' ', " \t "))]
    {
        assert_eq!(PublicKey::parse(&text).unwrap().fingerprint(), plain.fingerprint());
    }
}
