//! Rows to write: made from a number, so that equal numbers give equal rows.

use std::collections::BTreeMap;

use domain::access_keys::{AccessKey, KeyKind, KeyStatus, SchemeSet, SignedTime};
use domain::accounts::{Account, AccountStatus};
use domain::clock::UnixMillis;
use domain::id::{AccountUuid, KeyId, KeyUuid, Serial, UserUuid};
use domain::name::NameKey;
use domain::passwords::{HASH_COST, Password};
use domain::policy::Role;
use domain::ssh_keys::{Fingerprint, SshKey, SshKeyType};
use domain::tokens::{Token, TokenHash, TokenKey, TokenKind};
use domain::users::{User, UserStatus};

/// When everything happens.
pub const NOW: UnixMillis = UnixMillis(1_700_000_000_000);

fn id(kind: u8, number: u32) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[0] = kind;
    bytes[12..].copy_from_slice(&number.to_be_bytes());
    bytes
}

/// The serial that row number `number` of a kind has.
pub fn serial(kind: u32, number: u32) -> Serial {
    Serial::new(i64::from(kind * 1_000_000 + number)).unwrap()
}

/// Account number `number`: active.
pub fn account(number: u32) -> Account {
    let name = format!("Account{number}");
    Account {
        uuid: AccountUuid::from_bytes(id(1, number)),
        serial: serial(1, number),
        name_key: NameKey::of(&name),
        name,
        status: AccountStatus::Active,
        max_key_lifetime_ms: None,
        version: 1,
        created_at: NOW,
        modified_at: NOW,
        deleted_at: None,
        mark: [1; 32],
    }
}

/// User number `number` of `account`: an active member.
pub fn user(account: &Account, number: u32) -> User {
    let name = format!("User{number}");
    User {
        uuid: UserUuid::from_bytes(id(2, number)),
        serial: serial(2, number),
        account: account.uuid,
        name_key: NameKey::of(&name),
        name,
        is_root: false,
        role: Role::Member,
        status: UserStatus::Active,
        display_name: String::new(),
        email: String::new(),
        attributes: BTreeMap::new(),
        version: 1,
        created_at: NOW,
        modified_at: NOW,
        deleted_at: None,
        mark: [2; 32],
    }
}

/// The root user of `account`: user number `number`, administrator, with the account's serial.
pub fn root(account: &Account, number: u32) -> User {
    User { is_root: true, role: Role::Admin, serial: account.serial, ..user(account, number) }
}

/// Key number `number` of `user`: permanent, active, for every scheme, without an end.
pub fn key(user: &User, number: u32) -> AccessKey {
    AccessKey {
        uuid: KeyUuid::from_bytes(id(3, number)),
        key_id: KeyId::new(format!("Key{number}")),
        account: user.account,
        user: user.uuid,
        parent: None,
        dialect: "test".to_owned(),
        schemes: SchemeSet::all(),
        kind: KeyKind::Permanent,
        status: KeyStatus::Active,
        sealed: Some(vec![3; 40]),
        sources: Vec::new(),
        not_before: None,
        expires_at: None,
        audience: Vec::new(),
        signed_time: SignedTime::AsScheme,
        successor: None,
        description: String::new(),
        version: 1,
        created_at: NOW,
        created_by: user.uuid,
        modified_at: NOW,
        modified_by: user.uuid,
        deleted_at: None,
        deleted_by: None,
        mark: [3; 32],
    }
}

/// SSH key number `number` of `user`: active, without an end. Its blob is no key that anybody could use.
pub fn ssh_key(user: &User, number: u32) -> SshKey {
    let blob = number.to_be_bytes().to_vec();
    SshKey {
        uuid: KeyUuid::from_bytes(id(4, number)),
        serial: serial(4, number),
        account: user.account,
        user: user.uuid,
        kind: SshKeyType::Ed25519,
        fingerprint: Fingerprint::of(&blob),
        blob,
        text: format!("ssh-ed25519 {number}"),
        title: format!("Title {number}"),
        status: KeyStatus::Active,
        sources: Vec::new(),
        expires_at: None,
        version: 1,
        created_at: NOW,
        created_by: user.uuid,
        modified_at: NOW,
        modified_by: user.uuid,
        deleted_at: None,
        deleted_by: None,
        mark: [4; 32],
    }
}

/// `key` as a tombstone.
pub fn buried_ssh_key(key: &SshKey) -> SshKey {
    SshKey { deleted_at: Some(NOW), deleted_by: Some(key.user), version: key.version + 1, ..key.clone() }
}

/// Session token number `number` of `user`, for an hour.
pub fn token(user: &User, number: u32) -> Token {
    Token {
        hash: TokenHash::of(&number.to_be_bytes()),
        kind: TokenKind::Session,
        account: user.account,
        user: user.uuid,
        user_version: user.version,
        name: String::new(),
        issued_at: NOW,
        expires_at: Some(NOW.plus(3_600_000)),
        mark: [5; 32],
    }
}

/// Temporary key number `number` of `token`, for half an hour.
pub fn token_key(token: &Token, number: u32) -> TokenKey {
    TokenKey {
        uuid: KeyUuid::from_bytes(id(7, number)),
        key_id: KeyId::new(format!("TokenKey{number}")),
        token: token.hash,
        account: token.account,
        user: token.user,
        dialect: "test".to_owned(),
        schemes: SchemeSet::all(),
        sealed: vec![7; 40],
        security_token: TokenHash([7; 32]),
        issued_at: NOW,
        expires_at: NOW.plus(1_800_000),
        mark: [7; 32],
    }
}

/// A password of `user`, one of many.
pub fn password(user: &User, number: u8) -> Password {
    Password {
        user: user.uuid,
        salt: [number; 16],
        hash: [number; 32],
        cost: HASH_COST,
        changed_at: NOW,
        mark: [6; 32],
    }
}

/// A temporary key of `parent`.
pub fn child(parent: &AccessKey, user: &User, number: u32) -> AccessKey {
    AccessKey { parent: Some(parent.uuid), kind: KeyKind::Temporary, ..key(user, number) }
}

/// `key` as a tombstone.
pub fn buried(key: &AccessKey) -> AccessKey {
    AccessKey {
        sealed: None,
        deleted_at: Some(NOW),
        deleted_by: Some(key.user),
        version: key.version + 1,
        ..key.clone()
    }
}

/// `user` as a tombstone.
pub fn gone(user: &User) -> User {
    User { deleted_at: Some(NOW), version: user.version + 1, ..user.clone() }
}
