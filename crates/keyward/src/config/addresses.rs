//! Ranges of IP addresses.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::text::{InvalidText, text_form};

/// A network such as `10.0.0.0/8` or `fd00::/8`. A single address is a network of its full length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    network: IpAddr,
    prefix_bits: u8,
}

impl Cidr {
    /// Whether the address lies in this network. An IPv4 address mapped into IPv6 counts as IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        masked(address.to_canonical(), self.prefix_bits) == Some(self.network)
            && address.to_canonical().is_ipv4() == self.network.is_ipv4()
    }

    /// Whether every address of its family lies in this network.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.prefix_bits == 0
    }
}

/// The address with everything behind the prefix set to zero; `None` when the prefix is too long for it.
fn masked(address: IpAddr, prefix_bits: u8) -> Option<IpAddr> {
    match address {
        IpAddr::V4(v4) => {
            let host_bits = 32_u32.checked_sub(u32::from(prefix_bits))?;
            let mask = u32::MAX.checked_shl(host_bits).unwrap_or(0);
            Some(IpAddr::from((v4.to_bits() & mask).to_be_bytes()))
        }
        IpAddr::V6(v6) => {
            let host_bits = 128_u32.checked_sub(u32::from(prefix_bits))?;
            let mask = u128::MAX.checked_shl(host_bits).unwrap_or(0);
            Some(IpAddr::from((v6.to_bits() & mask).to_be_bytes()))
        }
    }
}

impl FromStr for Cidr {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, InvalidText> {
        let form =
            || InvalidText::new("must hold networks such as \"10.0.0.0/8\", \"fd00::/8\" or one address");
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let network: IpAddr = address.parse().map_err(|_| form())?;
        let full = if network.is_ipv4() { 32 } else { 128 };
        let prefix_bits = match prefix {
            // `parse` would take "+8" and "08".
            Some(digits) if digits == "0" || !digits.starts_with(['0', '+']) => {
                digits.parse().ok().filter(|bits| *bits <= full).ok_or_else(form)?
            }
            Some(_) => return Err(form()),
            None => full,
        };
        match masked(network, prefix_bits) {
            Some(start) if start == network => Ok(Self { network, prefix_bits }),
            Some(start) => Err(InvalidText::new(format!(
                "holds {text}, which is not the start of its network; write {start}/{prefix_bits}"
            ))),
            None => Err(form()),
        }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.network, self.prefix_bits)
    }
}

text_form!(Cidr);

#[cfg(test)]
mod tests {
    use super::*;

    fn cidr(text: &str) -> Cidr {
        text.parse().unwrap()
    }

    #[test]
    fn a_network_contains_its_addresses_and_no_others() {
        let inside = |network: &str, address: &str| cidr(network).contains(address.parse().unwrap());
        assert!(inside("10.0.0.0/8", "10.255.255.255"));
        assert!(!inside("10.0.0.0/8", "11.0.0.0"));
        assert!(inside("10.0.0.0/8", "::ffff:10.1.2.3"));
        assert!(!inside("10.0.0.0/8", "::10.1.2.3"));
        assert!(inside("192.0.2.7", "192.0.2.7"));
        assert!(!inside("192.0.2.7", "192.0.2.6"));
        assert!(inside("fd00::/8", "fdff::1"));
        assert!(!inside("fd00::/8", "fe00::1"));
        assert!(inside("0.0.0.0/0", "203.0.113.1"));
        assert!(!inside("0.0.0.0/0", "2001:db8::1"));
        assert!(inside("::/0", "2001:db8::1"));
        assert!(!inside("::/0", "192.0.2.1"));
    }

    #[test]
    fn odd_spellings_are_refused() {
        for text in
            ["", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/+8", "10.0.0.0/08", "10.0.0/8", "all"]
        {
            assert!(text.parse::<Cidr>().is_err(), "{text}");
        }
        let error = "10.1.0.0/8".parse::<Cidr>().unwrap_err().to_string();
        assert!(error.ends_with("write 10.0.0.0/8"), "{error}");
    }
}
