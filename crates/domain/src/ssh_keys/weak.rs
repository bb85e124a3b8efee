//! RSA keys that can be broken (threat T87).

use std::sync::LazyLock;

use num_bigint::BigUint;

use super::public_key::Weakness;

const RSA_BITS: std::ops::RangeInclusive<u64> = 2_048..=16_384;
/// Largest exponent, in bits: the bound of FIPS 186-5.
const EXPONENT_BITS: u64 = 256;
/// Factors below this are looked for.
const SMALL_FACTORS: u32 = 4_096;
/// Steps of Fermat's method. The keys of CVE-2022-26320 fall within the first few; primes drawn at random never do.
const FERMAT_STEPS: u32 = 100;
/// The generator that the faulty library of CVE-2017-15361 made its primes from.
const ROCA_GENERATOR: u32 = 65_537;
/// The primes that its moduli were of that form by, whatever their size.
const ROCA_LARGEST_PRIME: u32 = 167;

/// Looks at the two numbers of an RSA key.
pub(super) fn check_rsa(exponent: &[u8], modulus: &[u8]) -> Result<(), Weakness> {
    let (e, n) = (BigUint::from_bytes_be(exponent), BigUint::from_bytes_be(modulus));
    if n.bits() < *RSA_BITS.start() {
        return Err(Weakness::TooShort);
    }
    if n.bits() > *RSA_BITS.end() {
        return Err(Weakness::TooBig);
    }
    if !e.bit(0) || e < BigUint::from(3_u8) || e.bits() > EXPONENT_BITS {
        return Err(Weakness::Exponent);
    }
    if PRIMES.iter().any(|&prime| remainder(&n, prime) == 0) {
        return Err(Weakness::SmallFactor);
    }
    if is_roca(&n) {
        return Err(Weakness::Roca);
    }
    if has_close_primes(&n) {
        return Err(Weakness::ClosePrimes);
    }
    Ok(())
}

static PRIMES: LazyLock<Vec<u32>> = LazyLock::new(|| {
    let is_prime = |n: &u32| (2..).take_while(|d| d * d <= *n).all(|d| !n.is_multiple_of(d));
    (2..SMALL_FACTORS).filter(is_prime).collect()
});

fn remainder(n: &BigUint, divisor: u32) -> u32 {
    u32::try_from(n % divisor).unwrap_or_default()
}

/// The published fingerprint: modulo each of the small primes the modulus is a power of the generator. Of other moduli
/// about one in 2^27 is.
fn is_roca(n: &BigUint) -> bool {
    let odd = PRIMES.iter().filter(|&&prime| prime > 2 && prime <= ROCA_LARGEST_PRIME);
    odd.into_iter().all(|&prime| is_power(ROCA_GENERATOR % prime, remainder(n, prime), prime))
}

fn is_power(generator: u32, value: u32, prime: u32) -> bool {
    let mut power = 1;
    for _ in 0..prime {
        if power == value {
            return true;
        }
        power = power * generator % prime;
    }
    false
}

/// Fermat's method: n = a² − b², where a begins at the root of n.
fn has_close_primes(n: &BigUint) -> bool {
    let mut a = n.sqrt();
    if &a * &a < *n {
        a += 1_u8;
    }
    let mut rest = &a * &a - n;
    for _ in 0..FERMAT_STEPS {
        if is_square(&rest) {
            return true;
        }
        // (a + 1)² − n
        rest += 2_u8 * &a + 1_u8;
        a += 1_u8;
    }
    false
}

fn is_square(n: &BigUint) -> bool {
    // Squares end in 0, 1, 4 or 9 modulo 16, and the root of most others need not be drawn.
    if !matches!(remainder(n, 16), 0 | 1 | 4 | 9) {
        return false;
    }
    let root = n.sqrt();
    &root * &root == *n
}
