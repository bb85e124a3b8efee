//! Address ranges: where a key may be used from, which proxies are trusted.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A CIDR block, or one address. IPv4-mapped IPv6 addresses are taken for the IPv4 address they carry, so that one client
/// has one address however the socket was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AddressRange {
    network: IpAddr,
    prefix: u8,
}

/// Why a text is not a range: the rest of a sentence that begins with the setting's or field's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRange {
    /// Neither an address nor a CIDR block.
    #[error("must hold networks such as 10.0.0.0/8, fd00::/8 or one address")]
    Form,
    /// An address inside a network where its first one belongs: likely a slip, and it would mean more than it says.
    #[error("holds an address that is not the start of its network; write {0}")]
    NotTheStart(AddressRange),
}

impl AddressRange {
    /// Whether `address` lies in the range.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.network.is_ipv4() && masked(address, self.prefix) == Some(self.network)
    }

    /// Whether every address of `other` lies in the range.
    pub fn covers(&self, other: &Self) -> bool {
        self.prefix <= other.prefix && self.contains(other.network)
    }

    /// Whether every address of its family lies in the range.
    pub const fn is_everything(&self) -> bool {
        self.prefix == 0
    }
}

/// The address with everything behind the prefix set to zero; `None` when the prefix is too long for it.
fn masked(address: IpAddr, prefix: u8) -> Option<IpAddr> {
    match address {
        IpAddr::V4(v4) => {
            let host_bits = 32_u32.checked_sub(u32::from(prefix))?;
            let mask = u32::MAX.checked_shl(host_bits).unwrap_or(0);
            Some(IpAddr::from((v4.to_bits() & mask).to_be_bytes()))
        }
        IpAddr::V6(v6) => {
            let host_bits = 128_u32.checked_sub(u32::from(prefix))?;
            let mask = u128::MAX.checked_shl(host_bits).unwrap_or(0);
            Some(IpAddr::from((v6.to_bits() & mask).to_be_bytes()))
        }
    }
}

impl FromStr for AddressRange {
    type Err = BadRange;

    fn from_str(text: &str) -> Result<Self, BadRange> {
        let (address, digits) = match text.split_once('/') {
            Some((address, digits)) => (address, Some(digits)),
            None => (text, None),
        };
        let network: IpAddr = address.parse().map_err(|_| BadRange::Form)?;
        let prefix = match digits {
            None if network.is_ipv4() => 32,
            None => 128,
            // `parse` would take "+8" and "08".
            Some(digits) if digits == "0" || !digits.starts_with(['0', '+']) => {
                digits.parse().map_err(|_| BadRange::Form)?
            }
            Some(_) => return Err(BadRange::Form),
        };
        let start = Self { network: masked(network, prefix).ok_or(BadRange::Form)?, prefix };
        if start.network != network {
            return Err(BadRange::NotTheStart(start));
        }
        // A range of mapped addresses is the range of the IPv4 addresses that they carry.
        match (network.to_canonical(), prefix.checked_sub(96)) {
            (network @ IpAddr::V4(_), Some(prefix)) if start.network.is_ipv6() => {
                Ok(Self { network, prefix })
            }
            _ => Ok(start),
        }
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix)
    }
}

/// The address that limits and last-used records count by: IPv4 whole, IPv6 cut to its /64, because one subscriber holds
/// a whole /64 (threat T84).
pub fn limit_key(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) & (u128::MAX << 64)).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::{AddressRange, limit_key};

    #[test]
    fn ranges_hold_what_they_say() {
        let holds = |range: &str, address: &str| {
            range.parse::<AddressRange>().unwrap().contains(address.parse().unwrap())
        };
        assert!(holds("10.0.0.0/8", "10.255.1.2") && !holds("10.0.0.0/8", "11.0.0.0"));
        assert!(holds("0.0.0.0/0", "203.0.113.1") && !holds("0.0.0.0/0", "2001:db8::1"));
        assert!(holds("192.0.2.7", "192.0.2.7") && !holds("192.0.2.7", "192.0.2.6"));
        assert!(holds("10.0.0.0/8", "::ffff:10.1.1.1"), "a mapped address is the IPv4 address");
        assert!(holds("2001:db8::/33", "2001:db8:7fff::1") && !holds("2001:db8::/33", "2001:db8:8000::1"));
        assert!(holds("::/0", "2001:db8::1") && !holds("::/0", "10.0.0.1"));
        assert!(holds("::ffff:10.0.0.0/104", "10.1.2.3") && !holds("::ffff:10.0.0.0/104", "11.0.0.0"));
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in [
            "",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/",
            "10.0.0/8",
            "10.0.0.0/-1",
            "host",
            "10.0.0.0/8/8",
            "10.0.0.0/+8",
            "10.0.0.0/08",
        ] {
            assert_eq!(text.parse::<AddressRange>(), Err(super::BadRange::Form), "{text}");
        }
        let slip = "10.1.0.0/8".parse::<AddressRange>().unwrap_err().to_string();
        assert!(slip.ends_with("write 10.0.0.0/8"), "{slip}");
    }

    #[test]
    fn one_subscriber_has_one_limit() {
        let key = |text: &str| limit_key(text.parse().unwrap()).to_string();
        assert_eq!(key("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(key("::ffff:192.0.2.1"), "192.0.2.1");
    }
}
