//! Randomness as an argument, and unbiased text made from it.

/// A cryptographically secure source of random bytes. The binary has the only implementation that asks the
/// operating system (threat T20).
pub trait Randomness: Send + Sync {
    /// Fills `bytes` with random values.
    fn fill(&self, bytes: &mut [u8]);
}

/// The 62 letters and digits.
pub const ALPHANUMERIC: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// `length` characters drawn evenly from `alphabet` (at most 256 characters), by rejection: a plain remainder would
/// favour the first characters (threat T20).
pub fn text(random: &dyn Randomness, alphabet: &[u8], length: usize) -> String {
    let mut out = String::with_capacity(length);
    let size = alphabet.len();
    let limit = 256 - 256 % size.max(1);
    let mut buffer = zeroize::Zeroizing::new([0u8; 64]);
    while out.len() < length {
        random.fill(buffer.as_mut_slice());
        for &byte in buffer.iter() {
            let value = usize::from(byte);
            if value < limit
                && out.len() < length
                && let Some(&character) = alphabet.get(value % size)
            {
                out.push(char::from(character));
            }
        }
    }
    out
}

/// A password of `length` letters, digits and signs with at least one small and one capital letter, digit and sign, drawn
/// evenly from all that there are of these. `length` must be well above four.
pub fn password(random: &dyn Randomness, length: usize) -> zeroize::Zeroizing<String> {
    const ALPHABET: &[u8] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#%*+-.=?@_~";
    loop {
        let password = zeroize::Zeroizing::new(text(random, ALPHABET, length));
        let has = |class: fn(&char) -> bool| password.chars().any(|c| class(&c));
        let has_all = has(char::is_ascii_lowercase)
            && has(char::is_ascii_uppercase)
            && has(char::is_ascii_digit)
            && has(char::is_ascii_punctuation);
        if has_all {
            return password;
        }
    }
}

/// A random integer of `[1, 2^31)`, the range that every dialect can show as a signed 32-bit number.
pub fn positive_i32(random: &dyn Randomness) -> u32 {
    loop {
        let mut bytes = [0u8; 4];
        random.fill(&mut bytes);
        let value = u32::from_be_bytes(bytes) & 0x7fff_ffff;
        if value != 0 {
            return value;
        }
    }
}
