//! Sealed secrets: what the store hands back is hostile until it opens.

use std::sync::LazyLock;

use domain::clock::UnixMillis;
use domain::secret::Secret;
use domain::testing::TestRandom;
use domain::vault::{Binding, MasterKey, Vault, VaultError};

use crate::choices::Choices;

static VAULT: LazyLock<Vault> = LazyLock::new(|| {
    let random = TestRandom::seeded(1);
    let master = MasterKey::generate(&random);
    let ring = Vault::new_ring(&master, UnixMillis(0), &random);
    Vault::open(&master, &ring, &random).expect("a new ring opens")
});

/// Sealed blobs: only what the vault itself sealed opens, whole, unchanged, and for the same record (threats T19, T60).
pub fn sealed(data: &[u8]) {
    let [record, account, owner] = [b"record-16-bytes.", b"account-16-bytes", b"owner-16-bytes-."];
    let dialect = String::from_utf8_lossy(data.get(..8).unwrap_or(data));
    let binding = Binding { kind: "access-key", record, account, owner, dialect: &dialect };
    refused(&binding, data);

    let random = TestRandom::seeded(2);
    let blob = VAULT.seal(&binding, &Secret::new(data.to_vec()), &random).expect("a ring that opened seals");
    let opened = VAULT.open_sealed(&binding, &blob).expect("what was sealed opens");
    assert_eq!(opened.expose(), data);
    assert_eq!(domain::vault::sealed_under(&blob), Some(VAULT.active_data_key()));

    let mut choices = Choices::of(data);
    for _ in 0..4 {
        let mut changed = blob.clone();
        choices.change(&mut changed);
        if changed != blob {
            refused(&binding, &changed);
        }
    }
    refused(&binding, blob.get(..choices.below(blob.len())).unwrap_or_default());
    refused(&binding, &[&blob, data.get(..1).unwrap_or(b"x")].concat());
    for other in others(&binding) {
        refused(&other, &blob);
    }
    let mut other_dialect = dialect.clone().into_owned();
    choices.change_text(&mut other_dialect);
    if other_dialect != dialect {
        refused(&Binding { dialect: &other_dialect, ..binding }, &blob);
    }
}

/// The same record in another place.
fn others<'a>(binding: &Binding<'a>) -> [Binding<'a>; 5] {
    let Binding { record, account, owner, .. } = *binding;
    [
        Binding { kind: "access-ke", ..*binding },
        Binding { record: account, ..*binding },
        Binding { account: owner, ..*binding },
        Binding { owner: record, ..*binding },
        Binding { account: owner, owner: account, ..*binding },
    ]
}

fn refused(binding: &Binding<'_>, blob: &[u8]) {
    let outcome = VAULT.open_sealed(binding, blob).map(|_| "opened");
    assert_eq!(outcome, Err(VaultError::DoesNotOpen), "{blob:?}");
}
