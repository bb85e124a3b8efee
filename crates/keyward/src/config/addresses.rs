//! Ranges of IP addresses, in the form that the settings file has.

use std::fmt;
use std::str::FromStr;

use domain::net::{AddressRange, BadRange};

use super::text::text_form;

/// A network such as `10.0.0.0/8` or `fd00::/8`, or a single address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr(pub AddressRange);

impl FromStr for Cidr {
    type Err = BadRange;

    fn from_str(text: &str) -> Result<Self, BadRange> {
        text.parse().map(Self)
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

text_form!(Cidr);
