//! SSH public keys of users. The types; reading a key is in `public_key`, the use cases are in the files below.

mod base64;
mod blocked;
mod change;
mod confirm;
mod curve;
mod list;
mod login;
mod public_key;
mod read;
#[cfg(test)]
mod tests;
mod weak;

use crate::access_keys::KeyStatus;
use crate::clock::UnixMillis;
use crate::error::{Error, Field};
use crate::id::{AccountUuid, KeyUuid, Serial, UserUuid};
use crate::net::AddressRange;
use crate::vault::{Mark, MarkInput};

pub use blocked::BlockList;
pub use change::{NewSshKey, SshKeyChange, SshKeyRef};
pub use confirm::DisabledSshKeys;
pub use list::{SshKeyQuery, SshKeysFound};
pub use login::{LoginAccount, LoginKey, LoginRefused};
pub use public_key::{BadKey, Fingerprint, KEY_CHARS, PublicKey, SshKeyType, Weakness, check_blob, line};
pub use read::{FoundSshKey, SshKeyPage};

/// Most characters of a title.
pub const TITLE_CHARS: usize = 1_000;

/// An SSH public key of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshKey {
    /// Its record.
    pub uuid: KeyUuid,
    /// The number that dialects show; never given out again.
    pub serial: Serial,
    /// Its account.
    pub account: AccountUuid,
    /// Its owner; never changes.
    pub user: UserUuid,
    /// Its type.
    pub kind: SshKeyType,
    /// What the key is. Unique among the live keys of the account, so that a key means one user (threats T57, T91).
    pub blob: Vec<u8>,
    /// What it is looked up by.
    pub fingerprint: Fingerprint,
    /// The text as it was added, without blanks around it.
    pub text: String,
    /// What its owner calls it; need not be unique.
    pub title: String,
    /// Enabled or disabled.
    pub status: KeyStatus,
    /// Where it may be used from; empty means anywhere.
    pub sources: Vec<AddressRange>,
    /// From when on it may not act any more.
    pub expires_at: Option<UnixMillis>,
    /// Raised with every change.
    pub version: u64,
    /// When it was added.
    pub created_at: UnixMillis,
    /// Who added it.
    pub created_by: UserUuid,
    /// When it was last changed.
    pub modified_at: UnixMillis,
    /// Who last changed it.
    pub modified_by: UserUuid,
    /// When it was deleted.
    pub deleted_at: Option<UnixMillis>,
    /// Who deleted it.
    pub deleted_by: Option<UserUuid>,
    /// The mark over all of the above.
    pub mark: Mark,
}

impl SshKey {
    /// What the mark covers.
    pub fn mark_input(&self) -> MarkInput {
        let input = MarkInput::new("ssh-key")
            .bytes(self.uuid.as_bytes())
            .number(self.serial.get().into())
            .bytes(self.account.as_bytes())
            .bytes(self.user.as_bytes())
            .text(self.kind.as_str())
            .bytes(&self.blob)
            .bytes(&self.fingerprint.0)
            .text(&self.text)
            .text(&self.title)
            .text(self.status.as_str())
            .maybe(self.expires_at.map(|at| at.0))
            .number(self.version.cast_signed())
            .number(self.created_at.0)
            .bytes(self.created_by.as_bytes())
            .number(self.modified_at.0)
            .bytes(self.modified_by.as_bytes())
            .maybe(self.deleted_at.map(|at| at.0))
            .bytes(self.deleted_by.as_ref().map_or(&[], |id| id.as_bytes().as_slice()));
        // Came later: left out where it is not set, so that marks of older rows stay good.
        self.sources.iter().fold(input, |input, range| input.text(&range.to_string()))
    }

    /// Whether its time is up.
    pub fn is_expired(&self, now: UnixMillis) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }

    /// Type and blob as a line for `authorized_keys`, written anew from what was understood (threat T89).
    pub fn line(&self) -> String {
        line(self.kind, &self.blob)
    }
}

fn check_title(text: &str) -> Result<(), Error> {
    let field = Field::Title;
    if text.trim().is_empty() {
        return Err(Error::Invalid { field, rule: "must not be empty" });
    }
    if text.chars().count() > TITLE_CHARS {
        return Err(Error::Invalid { field, rule: "has at most 1000 characters" });
    }
    if text.chars().any(char::is_control) {
        return Err(Error::Invalid { field, rule: "must not hold control characters" });
    }
    Ok(())
}
