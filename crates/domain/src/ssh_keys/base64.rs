//! Reading base64: one spelling for each value, as everywhere where bytes are compared or hashed afterwards.

/// Standard base64 (RFC 4648, section 4): full padding, no blanks, no bits set that stand for nothing.
pub(super) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    if text.is_empty() || !text.len().is_multiple_of(4) {
        return None;
    }
    let padding = text.iter().rev().take_while(|&&byte| byte == b'=').count();
    if padding > 2 {
        return None;
    }
    let digits = text.get(..text.len() - padding)?;
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0_u32);
    for &digit in digits {
        bits = bits << 6 | value(digit)?;
        count += 6;
        if count >= 8 {
            count -= 8;
            out.push(u8::try_from(bits >> count & 0xff).ok()?);
            bits &= (1 << count) - 1;
        }
    }
    (bits == 0).then_some(out)
}

fn value(digit: u8) -> Option<u32> {
    match digit {
        b'A'..=b'Z' => Some(u32::from(digit - b'A')),
        b'a'..=b'z' => Some(u32::from(digit - b'a') + 26),
        b'0'..=b'9' => Some(u32::from(digit - b'0') + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn what_is_encoded_is_decoded() {
        for length in 1..200_usize {
            let bytes: Vec<u8> = (0..length).map(|n| (n * 89 + length).to_le_bytes()[0]).collect();
            assert_eq!(decode(signing::encode::base64(&bytes).as_bytes()), Some(bytes));
        }
    }

    #[test]
    fn there_is_one_spelling_only() {
        assert_eq!(decode(b"QQ==").as_deref(), Some(&b"A"[..]));
        for other in
            ["QR==", "QQ=", "QQ", "QQ===", "QQ= =", "Q Q=", "QQ==\n", "====", "=QQ=", "", "Q-==", "QUI"]
        {
            assert_eq!(decode(other.as_bytes()), None, "{other:?}");
        }
    }
}
