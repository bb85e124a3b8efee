//! SSH keys, passwords and tokens.

use domain::access_keys::KeyStatus;
use domain::accounts::{Account, AccountStatus};
use domain::batch::{Effect, Require};
use domain::caller::Credential;
use domain::clock::UnixMillis;
use domain::policy::Role;
use domain::ssh_keys::{Fingerprint, SshKey};
use domain::store::KeyOwner;
use domain::tokens::{SESSIONS_PER_USER, Token, TokenHash, TokenKind};
use domain::users::{User, UserStatus};

use super::rows::{NOW, account, buried_ssh_key, gone, password, ssh_key, token, user};
use super::{Subject, is_corrupt};
use Effect::{
    DeleteToken, ForgetLogin, InsertAccount, InsertSshKey, InsertToken, InsertUser, SetPassword,
    UpdateSshKey, UpdateUser,
};

/// Two accounts with a user each.
async fn two_users(s: &Subject) -> (User, User) {
    let (a, b) = (account(1), account(2));
    let (u, v) = (user(&a, 1), user(&b, 2));
    s.write(vec![InsertAccount(a), InsertAccount(b), InsertUser(u.clone()), InsertUser(v.clone())]).await;
    (u, v)
}

pub(super) async fn ssh_keys_read_back(s: Subject) {
    let (u, _) = two_users(&s).await;
    let full = SshKey {
        status: KeyStatus::Inactive,
        expires_at: Some(NOW.plus(5)),
        created_at: NOW.plus(-1),
        text: "ssh-ed25519 AAAA with a comment ü".to_owned(),
        title: "100% _mine_".to_owned(),
        sources: ["10.0.0.0/8", "2001:db8::/32"].map(|range| range.parse().unwrap()).to_vec(),
        ..ssh_key(&u, 3)
    };
    let (one, two, dead) = (ssh_key(&u, 2), ssh_key(&u, 1), buried_ssh_key(&ssh_key(&u, 4)));
    s.write([&one, &two, &full, &dead].map(|key| InsertSshKey(key.clone())).to_vec()).await;
    let keys = s.store.ssh_keys(u.uuid).await.unwrap();
    assert_eq!(keys, [full.clone(), two.clone(), one.clone()], "live ones by creation, then number");
    let changed = SshKey {
        title: "other".to_owned(),
        sources: vec!["192.0.2.7".parse().unwrap()],
        version: 2,
        modified_at: NOW.plus(9),
        ..one.clone()
    };
    s.write(vec![UpdateSshKey(changed.clone()), UpdateSshKey(buried_ssh_key(&two))]).await;
    assert_eq!(s.store.ssh_keys(u.uuid).await.unwrap(), [full.clone(), changed.clone()]);
    let mut all = Vec::new();
    loop {
        let page = s.store.scan_ssh_keys(all.last().map(|key: &SshKey| key.uuid), 3).await.unwrap();
        if page.is_empty() {
            break;
        }
        all.extend(page);
    }
    assert_eq!(all, [buried_ssh_key(&two), changed, full, dead], "tombstones too, by record");
    assert_eq!(s.store.row_counts().await.unwrap().ssh_keys, 4);
    assert_eq!(s.store.check().await, Ok(Vec::new()));
}

pub(super) async fn ssh_keys_are_found_in_their_account(s: Subject) {
    let (u, v) = two_users(&s).await;
    let (mine, his) = (ssh_key(&u, 1), ssh_key(&v, 2));
    let twin = SshKey { blob: mine.blob.clone(), fingerprint: mine.fingerprint, ..ssh_key(&v, 3) };
    let dead = buried_ssh_key(&ssh_key(&u, 4));
    s.write([&mine, &his, &twin, &dead].map(|key| InsertSshKey(key.clone())).to_vec()).await;
    let numbered = async |account, serial| s.store.ssh_key_with_serial(account, serial).await.unwrap();
    let printed =
        async |account, print: &Fingerprint| s.store.ssh_key_with_fingerprint(account, print).await.unwrap();
    assert_eq!(numbered(u.account, mine.serial).await.as_ref(), Some(&mine));
    assert_eq!(numbered(u.account, his.serial).await, None, "another account's");
    assert_eq!(numbered(u.account, dead.serial).await, None, "deleted");
    assert_eq!(printed(u.account, &mine.fingerprint).await.as_ref(), Some(&mine));
    assert_eq!(printed(v.account, &mine.fingerprint).await.as_ref(), Some(&twin), "each account has its own");
    assert_eq!(printed(u.account, &his.fingerprint).await, None);
    assert_eq!(printed(u.account, &dead.fingerprint).await, None, "deleted");
    assert_eq!(s.store.ssh_keys_of_account(v.account, None, 1).await.unwrap(), std::slice::from_ref(&his));
    assert_eq!(s.store.ssh_keys_of_account(v.account, Some(his.uuid), 9).await.unwrap(), [twin]);
    assert_eq!(s.store.ssh_keys_of_account(u.account, None, 9).await.unwrap(), [mine]);
}

pub(super) async fn an_ssh_key_has_one_owner_in_an_account(s: Subject) {
    let (u, v) = two_users(&s).await;
    let mine = ssh_key(&u, 1);
    s.write(vec![InsertSshKey(mine.clone())]).await;
    let again = SshKey { blob: mine.blob.clone(), fingerprint: mine.fingerprint, ..ssh_key(&u, 2) };
    assert!(is_corrupt(&s.try_write(vec![InsertSshKey(again.clone())]).await), "the same key twice");
    let numbered = SshKey { serial: mine.serial, ..ssh_key(&u, 3) };
    assert!(is_corrupt(&s.try_write(vec![InsertSshKey(numbered)]).await), "a number is given once");
    let user_number = SshKey { serial: u.serial, ..ssh_key(&u, 3) };
    assert!(
        is_corrupt(&s.try_write(vec![InsertSshKey(user_number)]).await),
        "users and keys share the numbers"
    );
    let foreign = SshKey { account: v.account, ..ssh_key(&u, 3) };
    assert!(is_corrupt(&s.try_write(vec![InsertSshKey(foreign)]).await), "a user of another account");
    s.write(vec![UpdateSshKey(buried_ssh_key(&mine)), InsertSshKey(again.clone())]).await;
    assert!(
        is_corrupt(&s.try_write(vec![UpdateSshKey(SshKey { version: 3, ..mine })]).await),
        "a tombstone does not come back while another key has its place"
    );
}

pub(super) async fn what_never_changes_of_an_ssh_key_stays(s: Subject) {
    let (u, v) = two_users(&s).await;
    let key = ssh_key(&u, 1);
    s.write(vec![InsertSshKey(key.clone())]).await;
    let other = ssh_key(&u, 2);
    let changed = [
        SshKey { user: v.uuid, ..key.clone() },
        SshKey { account: v.account, ..key.clone() },
        SshKey { serial: other.serial, ..key.clone() },
        SshKey { blob: other.blob.clone(), ..key.clone() },
        SshKey { fingerprint: other.fingerprint, ..key.clone() },
        SshKey { text: other.text.clone(), ..key.clone() },
        SshKey { created_at: NOW.plus(1), ..key.clone() },
        SshKey { created_by: v.uuid, ..key.clone() },
        other,
    ];
    for changed in changed {
        assert!(is_corrupt(&s.try_write(vec![UpdateSshKey(changed.clone())]).await), "{changed:?}");
    }
    assert_eq!(s.store.ssh_keys(u.uuid).await.unwrap(), [key]);
}

pub(super) async fn ssh_key_requirements(s: Subject) {
    let (u, v) = two_users(&s).await;
    let (one, two, dead) = (ssh_key(&u, 1), ssh_key(&u, 2), buried_ssh_key(&ssh_key(&u, 3)));
    s.write([&one, &two, &dead].map(|key| InsertSshKey(key.clone())).to_vec()).await;
    let free = |account, key: &SshKey| Require::SshKeyIsFree { account, fingerprint: key.fingerprint };
    assert!(!s.holds(free(u.account, &one)).await);
    assert!(s.holds(free(v.account, &one)).await, "in another account");
    assert!(s.holds(free(u.account, &dead)).await, "deleted");
    for (limit, expected) in [(1, false), (2, false), (3, true)] {
        assert_eq!(s.holds(Require::SshKeysBelow { user: u.uuid, limit }).await, expected);
    }
    let are = |keys: &[&SshKey]| Require::LiveSshKeysAre(u.uuid, keys.iter().map(|key| key.uuid).collect());
    assert!(s.holds(are(&[&two, &one])).await);
    assert!(!s.holds(are(&[&one])).await && !s.holds(are(&[&one, &two, &dead])).await);
    assert!(s.holds(Require::SshKeyVersionIs(one.uuid, 1)).await);
    assert!(!s.holds(Require::SshKeyVersionIs(one.uuid, 2)).await);
    assert!(!s.holds(Require::SshKeyVersionIs(ssh_key(&u, 9).uuid, 1)).await);
    assert!(!s.holds(Require::SerialIsFree(dead.serial)).await, "a deleted key keeps its number");
}

pub(super) async fn passwords_are_replaced_and_forgotten(s: Subject) {
    let (u, v) = two_users(&s).await;
    assert_eq!(s.store.password(u.uuid).await, Ok(None));
    s.write(vec![SetPassword(password(&u, 1)), SetPassword(password(&v, 2))]).await;
    s.write(vec![SetPassword(password(&u, 3))]).await;
    assert_eq!(s.store.password(u.uuid).await, Ok(Some(password(&u, 3))));
    s.write(vec![ForgetLogin(u.uuid)]).await;
    assert_eq!(s.store.password(u.uuid).await, Ok(None));
    assert_eq!(s.store.password(v.uuid).await, Ok(Some(password(&v, 2))), "another user's stays");
    let nobody = user(&account(1), 9);
    assert!(is_corrupt(&s.try_write(vec![SetPassword(password(&nobody, 1))]).await));
}

pub(super) async fn tokens_come_with_their_user(s: Subject) {
    let (u, v) = two_users(&s).await;
    let gate = Token { kind: TokenKind::Gate, name: "nginx".to_owned(), expires_at: None, ..token(&u, 3) };
    let mut his = vec![token(&u, 1), token(&u, 2), gate.clone()];
    his.sort_by_key(|token| token.hash);
    s.write(his.iter().rev().map(|token| InsertToken(token.clone())).collect()).await;
    s.write(vec![InsertToken(token(&v, 4))]).await;
    assert_eq!(s.store.user_rows(u.uuid).await.unwrap().unwrap().tokens, his, "in the order of their hashes");
    let owner = Some(KeyOwner { account: u.account, user: u.uuid });
    assert_eq!(s.store.token_owner(&gate.hash).await, Ok(owner));
    assert_eq!(s.store.token_owner(&TokenHash::of(b"none")).await, Ok(None));
    assert_eq!(s.store.tokens(u.account, TokenKind::Gate, 9).await.unwrap(), std::slice::from_ref(&gate));
    assert_eq!(s.store.tokens(v.account, TokenKind::Gate, 9).await.unwrap(), []);
    let free = |account, name: &str| Require::GateTokenIsFree { account, name: name.to_owned() };
    assert!(!s.holds(free(u.account, "nginx")).await);
    assert!(s.holds(free(u.account, "Nginx")).await && s.holds(free(v.account, "nginx")).await);
    assert!(s.holds(Require::TokenExists(token(&u, 1).hash)).await);
    s.write(vec![DeleteToken(token(&u, 1))]).await;
    assert!(!s.holds(Require::TokenExists(token(&u, 1).hash)).await);
    assert!(is_corrupt(&s.try_write(vec![DeleteToken(token(&u, 1))]).await), "it is gone");
    assert!(is_corrupt(&s.try_write(vec![InsertToken(gate.clone())]).await), "it is there");
    s.write(vec![ForgetLogin(u.uuid)]).await;
    assert_eq!(s.store.user_rows(u.uuid).await.unwrap().unwrap().tokens, [gate], "a gate token is no login");
}

pub(super) async fn tokens_make_room(s: Subject) {
    let (u, v) = two_users(&s).await;
    let at = |number: u32, millis: i64, lives: i64| Token {
        issued_at: NOW.plus(millis),
        expires_at: Some(NOW.plus(millis + lives)),
        ..token(&u, number)
    };
    let (short, other) = (at(1, 0, 10), token(&v, 2));
    s.write(vec![InsertToken(short.clone()), InsertToken(other.clone())]).await;
    s.write(vec![InsertToken(at(3, 9, 5_000_000))]).await;
    let hashes = async || -> Vec<TokenHash> {
        s.store.user_rows(u.uuid).await.unwrap().unwrap().tokens.iter().map(|token| token.hash).collect()
    };
    assert!(hashes().await.contains(&short.hash), "it lives for one millisecond more");
    s.write(vec![InsertToken(at(4, 10, 5_000_000))]).await;
    assert!(!hashes().await.contains(&short.hash), "what has expired goes");
    let most = u32::try_from(SESSIONS_PER_USER).unwrap();
    for chunk in (5..most + 3).collect::<Vec<_>>().chunks(200) {
        let tokens = chunk.iter().map(|&number| InsertToken(at(number, i64::from(number) + 10, 5_000_000)));
        s.write(tokens.collect()).await;
    }
    let kept = hashes().await;
    assert_eq!(kept.len(), SESSIONS_PER_USER);
    assert!(kept.contains(&at(3, 9, 0).hash));
    s.write(vec![InsertToken(at(most + 3, 9_999, 5_000_000))]).await;
    let kept = hashes().await;
    assert_eq!(kept.len(), SESSIONS_PER_USER);
    assert!(!kept.contains(&at(3, 9, 0).hash), "the oldest makes room");
    assert!(kept.contains(&at(most + 3, 0, 0).hash));
    assert_eq!(s.store.token_owner(&other.hash).await.unwrap().unwrap().user, v.uuid, "another user's stays");
}

pub(super) async fn gate_tokens_have_names_of_their_own(s: Subject) {
    let (u, v) = two_users(&s).await;
    let named = |user: &User, number: u32| Token {
        kind: TokenKind::Gate,
        name: "envoy".to_owned(),
        expires_at: None,
        ..token(user, number)
    };
    s.write(vec![InsertToken(named(&u, 1)), InsertToken(named(&v, 2))]).await;
    assert!(is_corrupt(&s.try_write(vec![InsertToken(named(&u, 3))]).await), "the name is taken");
    s.write(vec![DeleteToken(named(&u, 1)), InsertToken(named(&u, 3))]).await;
    let session = Token { name: "envoy".to_owned(), ..token(&u, 4) };
    s.write(vec![InsertToken(session)]).await;
}

pub(super) async fn a_token_may_act(s: Subject) {
    let (a, off) = (account(1), Account { status: AccountStatus::Disabled, ..account(2) });
    let (u, frozen, dead, stranger) =
        (user(&a, 1), User { status: UserStatus::Frozen, ..user(&a, 2) }, gone(&user(&a, 3)), user(&off, 4));
    s.write(vec![InsertAccount(a), InsertAccount(off)]).await;
    s.write([&u, &frozen, &dead, &stranger].map(|user| InsertUser(user.clone())).to_vec()).await;
    let may_act = |token: &Token, role, at: UnixMillis| Require::CallerMayAct {
        credential: Credential::Token(token.hash),
        role,
        at,
    };
    let cases = [
        (token(&u, 1), true),
        (Token { expires_at: Some(NOW), issued_at: NOW.plus(-1), ..token(&u, 2) }, false),
        (Token { expires_at: Some(NOW.plus(1)), issued_at: NOW.plus(-1), ..token(&u, 3) }, true),
        (Token { user_version: 0, ..token(&u, 4) }, false),
        (Token { kind: TokenKind::Gate, expires_at: None, ..token(&u, 5) }, false),
        (token(&frozen, 6), false),
        (token(&dead, 7), false),
        (token(&stranger, 8), false),
    ];
    for (token, expected) in cases {
        s.write(vec![InsertToken(token.clone())]).await;
        assert_eq!(s.holds(may_act(&token, Role::Member, NOW)).await, expected, "{token:?}");
    }
    let token = token(&u, 1);
    assert!(!s.holds(may_act(&token, Role::Admin, NOW)).await, "another role");
    assert!(!s.holds(may_act(&super::rows::token(&u, 99), Role::Member, NOW)).await, "no such token");
    s.write(vec![UpdateUser(User { version: 2, ..u })]).await;
    assert!(!s.holds(may_act(&token, Role::Member, NOW)).await, "any change of the user ends it");
}
