//! Ranges of addresses: where a key may be used from, which proxies are trusted.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use domain::net::{AddressRange, limit_key};

use crate::choices::Choices;

/// Address ranges: one text per range, and the members that its bits say.
pub fn address_range(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut choices = Choices::of(data);
    check_limit_key(random_address(&mut choices));
    let Ok(range) = text.parse::<AddressRange>() else { return };
    let written = range.to_string();
    assert_eq!(written.parse::<AddressRange>().as_ref(), Ok(&range), "{text} is written as {written}");
    let (network, prefix) = written.split_once('/').expect("address and prefix");
    let network: IpAddr = network.parse().expect("an address");
    let prefix: usize = prefix.parse().expect("a number");
    assert!(range.contains(network), "{text} does not hold its own first address");
    assert_eq!(range.is_everything(), prefix == 0);

    // One address per bit, with that bit turned over: inside behind the prefix, outside before it.
    let bits = bits(network);
    for at in 0..bits.len() {
        let mut other = bits.clone();
        other.iter_mut().skip(at).take(1).for_each(|bit| *bit = !*bit);
        let address = address(&other);
        // Turning a bit of an IPv4 address inside IPv6 makes it no longer one.
        if address.to_canonical().is_ipv4() == network.to_canonical().is_ipv4() {
            assert_eq!(range.contains(address), at >= prefix, "{address} in {text}");
        }
        check_forms(&range, address);
    }
    check_forms(&range, random_address(&mut choices));
}

/// An address is in a range or not, however the socket was opened.
fn check_forms(range: &AddressRange, address: IpAddr) {
    if let IpAddr::V4(v4) = address {
        assert_eq!(range.contains(address), range.contains(v4.to_ipv6_mapped().into()), "{address}");
    }
    check_limit_key(address);
}

fn check_limit_key(address: IpAddr) {
    let key = limit_key(address);
    assert_eq!(limit_key(key), key);
    let expected = match address.to_canonical() {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 64,
    };
    let same =
        bits(address.to_canonical()).iter().zip(bits(key)).take_while(|(one, other)| *one == other).count();
    assert!(same >= expected && bits(key).iter().skip(expected).all(|bit| !bit), "{address} counts as {key}");
}

fn random_address(choices: &mut Choices) -> IpAddr {
    let bytes: [u8; 16] = std::array::from_fn(|_| choices.byte());
    match (choices.below(3), bytes) {
        (0, bytes) => Ipv6Addr::from(bytes).into(),
        (1, [a, b, c, d, ..]) => Ipv4Addr::new(a, b, c, d).into(),
        (_, [a, b, c, d, ..]) => Ipv4Addr::new(a, b, c, d).to_ipv6_mapped().into(),
    }
}

fn bits(address: IpAddr) -> Vec<bool> {
    let bytes = match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    };
    bytes.iter().flat_map(|byte| (0..8).map(move |bit| byte & (0x80 >> bit) != 0)).collect()
}

fn address(bits: &[bool]) -> IpAddr {
    let byte = |bits: &[bool]| bits.iter().fold(0, |byte, &bit| byte << 1 | u8::from(bit));
    let bytes: Vec<u8> = bits.chunks(8).map(byte).collect();
    match <[u8; 4]>::try_from(bytes.as_slice()) {
        Ok(v4) => v4.into(),
        Err(_) => <[u8; 16]>::try_from(bytes.as_slice()).expect("16 bytes").into(),
    }
}
