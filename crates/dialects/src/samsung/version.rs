//! The versions of the API. What they say about access keys is the same in all of them, but for one word.

use signing::RequestView;

use super::errors::{Code, Refusal};

/// A version of the API, oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Version {
    V1_0,
    V1_1,
    V1_2,
    V1_3,
    V1_4,
}

impl Version {
    /// All that are served, the current one first.
    pub(super) const ALL: [Self; 5] = [Self::V1_4, Self::V1_3, Self::V1_2, Self::V1_1, Self::V1_0];

    /// What a request without the header means.
    const CURRENT: Self = Self::V1_4;

    pub(super) const fn number(self) -> &'static str {
        match self {
            Self::V1_0 => "1.0",
            Self::V1_1 => "1.1",
            Self::V1_2 => "1.2",
            Self::V1_3 => "1.3",
            Self::V1_4 => "1.4",
        }
    }

    /// Clients refuse to call when theirs is not listed at all, so that all are.
    pub(super) const fn status(self) -> &'static str {
        match self {
            Self::V1_4 => "CURRENT",
            Self::V1_0 | Self::V1_1 | Self::V1_2 | Self::V1_3 => "SUPPORTED",
        }
    }
}

/// The version that a request asks for: `iam 1.2` in `Scp-Api-Version`.
///
/// # Errors
/// `UnsupportedApiVersion`, which names those that are served.
pub(super) fn read(view: &RequestView<'_>) -> Result<Version, Refusal> {
    let name = "Scp-Api-Version";
    let unsupported = || {
        let served: Vec<&str> = Version::ALL.into_iter().map(Version::number).collect();
        let detail = format!("Scp-Api-Version must be `iam` and one of {}.", served.join(", "));
        Refusal::plain(Code::UnsupportedApiVersion, detail)
    };
    match view.single_text(name, name) {
        Err(_) => Err(unsupported()),
        Ok(None) => Ok(Version::CURRENT),
        Ok(Some(text)) => {
            let asked = text.strip_prefix("iam ").unwrap_or_default();
            Version::ALL.into_iter().find(|version| version.number() == asked).ok_or_else(unsupported)
        }
    }
}
