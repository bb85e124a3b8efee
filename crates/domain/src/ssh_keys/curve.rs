//! Whether the point in a key lies on its curve. A point that does not has no place in any signature, and readers that
//! skip the test have failed on it (threat T88).

use std::sync::LazyLock;

use num_bigint::BigUint;

/// A curve y² = x³ − 3x + b over the integers modulo `prime` (FIPS 186-5, SP 800-186).
pub(super) struct Curve {
    /// Its name in a blob (RFC 5656).
    pub(super) name: &'static str,
    /// Bytes of a coordinate.
    bytes: usize,
    prime: LazyLock<BigUint>,
    b: LazyLock<BigUint>,
}

pub(super) static P256: Curve = Curve {
    name: "nistp256",
    bytes: 32,
    prime: LazyLock::new(|| number("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff")),
    b: LazyLock::new(|| number("5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b")),
};

pub(super) static P384: Curve = Curve {
    name: "nistp384",
    bytes: 48,
    // 2^384 − 2^128 − 2^96 + 2^32 − 1
    prime: LazyLock::new(|| power(384) - power(128) - power(96) + power(32) - 1_u8),
    b: LazyLock::new(|| {
        number(
            "b3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aef",
        )
    }),
};

pub(super) static P521: Curve = Curve {
    name: "nistp521",
    bytes: 66,
    prime: LazyLock::new(|| power(521) - 1_u8),
    b: LazyLock::new(|| {
        number(
            "0051953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf07\
             3573df883d2c34f1ef451fd46b503f00",
        )
    }),
};

impl Curve {
    /// Whether `point`, in the uncompressed form (SEC 1, section 2.3.3), lies on the curve.
    pub(super) fn holds(&self, point: &[u8]) -> bool {
        let Some((4, coordinates)) = point.split_first().map(|(form, rest)| (*form, rest)) else {
            return false;
        };
        if coordinates.len() != 2 * self.bytes {
            return false;
        }
        let (x, y) = coordinates.split_at(self.bytes);
        let (x, y) = (BigUint::from_bytes_be(x), BigUint::from_bytes_be(y));
        let prime = &*self.prime;
        if x >= *prime || y >= *prime {
            return false;
        }
        // Both sides without a subtraction: y² + 3x and x³ + b.
        (&y * &y + 3_u8 * &x) % prime == (&x * &x * &x + &*self.b) % prime
    }
}

static P25519: LazyLock<BigUint> = LazyLock::new(|| power(255) - 19_u8);
/// The constant d of edwards25519 (RFC 8032, section 5.1).
static D25519: LazyLock<BigUint> =
    LazyLock::new(|| number("52036cee2b6ffe738cc740797779e89800700a4d4141d8ab75eb4dca135978a3"));

/// Whether `encoded` is a point of edwards25519 in its only spelling, and not one of the eight that everybody can sign for.
pub(super) fn is_ed25519_key(encoded: &[u8; 32]) -> bool {
    let (prime, d, one) = (&*P25519, &*D25519, BigUint::from(1_u8));
    let mut bytes = *encoded;
    if let Some(last) = bytes.last_mut() {
        // The sign of x.
        *last &= 0x7f;
    }
    let y = BigUint::from_bytes_le(&bytes);
    if y >= *prime {
        return false;
    }
    let y2 = &y * &y % prime;
    // Points of order 1, 2 and 4 have y = 1, −1 and 0; those of order 8 double to y = 0, which is d·y⁴ + 2y² = 1.
    let order_8 = (d * &y2 % prime * &y2 + 2_u8 * &y2) % prime == one;
    if y <= one || y2 == one || order_8 {
        return false;
    }
    // x² = (y² − 1) / (d·y² + 1) has a root exactly when the product of both is a square (Euler's criterion).
    let product = (&y2 + prime - &one) * (d * &y2 + &one) % prime;
    product.modpow(&((prime - &one) >> 1_u8), prime) == one
}

/// 2 to that power.
fn power(exponent: u32) -> BigUint {
    BigUint::from(1_u8) << exponent
}

/// A number that is written here in hexadecimal digits.
fn number(digits: &str) -> BigUint {
    BigUint::parse_bytes(digits.as_bytes(), 16).unwrap_or_default()
}
