//! Keys of the world's users, good ones and others.

use domain::access_keys::{AccessKey, KeyKind, KeyStatus, SchemeSet, SignedTime};
use domain::batch::{Batch, Effect};
use domain::clock::{Clock, UnixMillis};
use domain::id::{KeyId, KeyUuid, Serial, UserUuid};
use domain::net::AddressRange;
use domain::secret::Secret;
use domain::ssh_keys::{PublicKey, SshKey, SshKeyType, line};
use domain::users::User;
use signing::Scheme;

use super::{Signer, World, signer};

/// What is unusual about a key.
#[derive(Clone)]
pub struct KeySpec {
    pub schemes: SchemeSet,
    pub status: KeyStatus,
    pub kind: KeyKind,
    pub parent: Option<KeyUuid>,
    pub expires_at: Option<UnixMillis>,
    pub sources: Vec<AddressRange>,
    pub deleted: bool,
    pub damaged: bool,
}

impl Default for KeySpec {
    fn default() -> Self {
        Self {
            schemes: SchemeSet::of(&Scheme::ALL),
            status: KeyStatus::Active,
            kind: KeyKind::Permanent,
            parent: None,
            expires_at: None,
            sources: Vec::new(),
            deleted: false,
            damaged: false,
        }
    }
}

impl World {
    /// A key of `user` with the id and secret of [`signer`]`(name)`.
    pub async fn key(&self, user: UserUuid, name: &str, spec: KeySpec) -> KeyUuid {
        self.key_of(user, &signer(name), spec).await
    }

    pub async fn key_of(&self, user: UserUuid, signer: &Signer, spec: KeySpec) -> KeyUuid {
        let rows = self.store.user_rows(user).await.unwrap().unwrap();
        let now = self.clock.now();
        let mut key = self.key_row(&rows.user, signer, &spec);
        let secret = Secret::new(signer.secret.clone().into_bytes());
        key.sealed = Some(self.vault.seal(&key.binding(), &secret, self.random.as_ref()).unwrap());
        key.mark = self.vault.mark(&key.mark_input());
        let uuid = key.uuid;
        if spec.damaged {
            key.mark = [0; 32];
        }
        self.commit(key.account, uuid.as_bytes(), Effect::InsertKey(key)).await;
        if spec.deleted {
            self.change_key(user, &signer.id, |key| {
                key.deleted_at = Some(now);
                key.deleted_by = Some(user);
                key.sealed = None;
            })
            .await;
        }
        uuid
    }

    /// So many keys of `user`, disabled and of no use.
    pub async fn many_keys(&self, user: UserUuid, count: u32) {
        let owner = self.store.user_rows(user).await.unwrap().unwrap().user;
        let spec = KeySpec { status: KeyStatus::Inactive, ..KeySpec::default() };
        let effects = (0..count).map(|number| {
            let mut key = self.key_row(&owner, &signer(&format!("many{number:05}")), &spec);
            key.mark = self.vault.mark(&key.mark_input());
            Effect::InsertKey(key)
        });
        let audit = vec![self.entry(owner.account, user.as_bytes())];
        let batch = Batch { require: Vec::new(), effects: effects.collect(), audit };
        self.store.commit(batch).await.unwrap();
    }

    fn key_row(&self, owner: &User, signer: &Signer, spec: &KeySpec) -> AccessKey {
        let (user, now) = (owner.uuid, self.clock.now());
        AccessKey {
            uuid: KeyUuid::generate(now, self.random.as_ref()),
            key_id: KeyId::new(signer.id.as_str()),
            account: owner.account,
            user,
            parent: spec.parent,
            dialect: self.dialect.name().to_owned(),
            schemes: spec.schemes,
            kind: spec.kind,
            status: spec.status,
            sealed: None,
            sources: spec.sources.clone(),
            not_before: None,
            expires_at: spec.expires_at,
            audience: Vec::new(),
            signed_time: SignedTime::AsScheme,
            successor: None,
            description: String::new(),
            version: 1,
            created_at: now,
            created_by: user,
            modified_at: now,
            modified_by: user,
            deleted_at: None,
            deleted_by: None,
            mark: [0; 32],
        }
    }

    /// Whatever `change` does to the row of a live key.
    pub async fn change_key(&self, user: UserUuid, key_id: &str, change: impl FnOnce(&mut AccessKey)) {
        let rows = self.store.user_rows(user).await.unwrap().unwrap();
        let mut row = rows.keys.into_iter().find(|key| key.key_id.as_str() == key_id).unwrap();
        change(&mut row);
        row.version += 1;
        row.mark = self.vault.mark(&row.mark_input());
        let uuid = row.uuid;
        self.commit(row.account, uuid.as_bytes(), Effect::UpdateKey(row)).await;
    }

    /// An SSH key of `user`: number [`ssh_number`]`(name)`, with a blob of its own.
    pub async fn ssh_key(&self, user: UserUuid, name: &str) -> KeyUuid {
        let rows = self.store.user_rows(user).await.unwrap().unwrap();
        let public = PublicKey::parse(&ssh_line(name)).unwrap();
        let now = self.clock.now();
        let mut key = SshKey {
            uuid: KeyUuid::generate(now, self.random.as_ref()),
            serial: Serial::new(ssh_number(name).into()).unwrap(),
            account: rows.user.account,
            user,
            kind: public.kind,
            fingerprint: public.fingerprint(),
            blob: public.blob,
            text: ssh_line(name),
            title: name.to_owned(),
            status: KeyStatus::Active,
            sources: Vec::new(),
            expires_at: None,
            version: 1,
            created_at: now,
            created_by: user,
            modified_at: now,
            modified_by: user,
            deleted_at: None,
            deleted_by: None,
            mark: [0; 32],
        };
        key.mark = self.vault.mark(&key.mark_input());
        let uuid = key.uuid;
        self.commit(key.account, uuid.as_bytes(), Effect::InsertSshKey(key)).await;
        uuid
    }
}

/// The number of the SSH key called `name`: of its letters, so that a test can name it without asking the world.
pub fn ssh_number(name: &str) -> u32 {
    name.bytes().fold(7, |number: u32, letter| (number * 31 + u32::from(letter)) % 1_000_003)
}

/// The line of the SSH key called `name`: an Ed25519 key made of that name, which nobody holds the private key of.
pub fn ssh_line(name: &str) -> String {
    let field = |bytes: &[u8]| [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat();
    let kind = SshKeyType::Ed25519;
    let with = |last: u8| {
        let mut point = name.as_bytes().to_vec();
        point.resize(31, b'x');
        point.push(last);
        let blob = [field(kind.as_str().as_bytes()), field(&point)].concat();
        format!("{} {name}@example", line(kind, &blob))
    };
    // Half of all bytes are no point of the curve.
    (b'a'..).map(with).find(|line| PublicKey::parse(line).is_ok()).unwrap()
}
