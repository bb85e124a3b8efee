//! One table per section of figures: name, type, default and permitted range in a row each.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A length of time in whole seconds, as the file writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Seconds(pub u32);

impl From<Seconds> for Duration {
    fn from(seconds: Seconds) -> Self {
        Self::from_secs(u64::from(seconds.0))
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Declares a section: the struct, its serde form with unknown keys refused, its defaults, and
/// `out_of_range`, which names the first figure outside its range.
macro_rules! section {
    (
        $(#[$about:meta])*
        pub struct $name:ident in $section:literal {
            $( $(#[$doc:meta])* $field:ident: $kind:ty = $default:expr $(, $range:expr)?; )*
        }
    ) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            $( $(#[$doc])* pub $field: $kind, )*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $( $field: $default, )* }
            }
        }

        impl $name {
            /// A sentence about the first figure that is outside its range.
            pub(super) fn out_of_range(&self) -> Option<String> {
                $($(
                    let range = $range;
                    if !range.contains(&self.$field) {
                        return Some(format!(
                            "{}.{} is {}; choose a value from {} to {}",
                            $section, stringify!($field), self.$field, range.start(), range.end(),
                        ));
                    }
                )?)*
                None
            }
        }
    };
}
pub(super) use section;
