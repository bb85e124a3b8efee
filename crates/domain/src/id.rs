//! Identifiers as types, so that a user is never taken for a key.

use std::fmt;

use uuid::{Builder, Uuid};

use crate::clock::UnixMillis;
use crate::random::{Randomness, positive_i32};

macro_rules! entity_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// A new time-ordered id (UUID version 7, RFC 9562), so that rows are appended rather than scattered.
            pub fn generate(now: UnixMillis, random: &dyn Randomness) -> Self {
                Self(uuid_v7(now, random))
            }

            /// The id as it was stored.
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// The sixteen bytes to store.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }

            /// The form that dialects show: 32 lower-case hexadecimal digits.
            pub fn hex(&self) -> String {
                self.0.simple().to_string()
            }

            /// Reads 32 hexadecimal digits or the hyphenated form; `None` for anything else.
            pub fn parse(text: &str) -> Option<Self> {
                Uuid::try_parse(text).ok().map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.simple().fmt(f)
            }
        }
    };
}

entity_id!(
    /// An account (tenant).
    AccountUuid
);
entity_id!(
    /// A user. Keys are bound to it, never to the name (threat T47).
    UserUuid
);
entity_id!(
    /// The record of an access key, whose [`KeyId`] signs requests, or of an SSH key.
    KeyUuid
);
entity_id!(
    /// One run of the server. Each start is a new node with an audit chain of its own.
    NodeId
);
entity_id!(
    /// One request, as told to the client and written to log and audit.
    RequestId
);

fn uuid_v7(now: UnixMillis, random: &dyn Randomness) -> Uuid {
    let mut bytes = [0u8; 10];
    random.fill(&mut bytes);
    let millis = u64::try_from(now.0).unwrap_or(0);
    Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid()
}

/// The id of an access key as it travels in requests. Any text: imported ids have any shape.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(Box<str>);

impl KeyId {
    /// Longest id that is looked up, in bytes; longer ones cannot exist.
    pub const MAX_BYTES: usize = 256;

    /// Wraps an id read from a store or made by a dialect's generator.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The small integer that dialects show for an account or user: positive, below 2^31, drawn at random so that it counts
/// nothing (threat T58), never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Serial(u32);

impl Serial {
    /// A candidate; the store refuses one that is taken and the caller draws again.
    pub fn generate(random: &dyn Randomness) -> Self {
        Self(positive_i32(random))
    }

    /// `None` unless `value` is in `1..2^31`.
    pub fn new(value: i64) -> Option<Self> {
        u32::try_from(value).ok().filter(|v| (1..=0x7fff_ffff).contains(v)).map(Self)
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}
