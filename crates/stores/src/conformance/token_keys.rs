//! Temporary keys of session tokens.

use domain::access_keys::SchemeSet;
use domain::batch::{Effect, Require};
use domain::caller::Credential;
use domain::clock::UnixMillis;
use domain::id::KeyId;
use domain::policy::Role;
use domain::store::KeyOwner;
use domain::tokens::{SESSIONS_PER_USER, Token, TokenHash, TokenKey, TokenKind};
use domain::users::{User, UserStatus};

use super::rows::{NOW, account, key, token, token_key, user};
use super::{Subject, is_corrupt};
use Effect::{
    DeleteToken, ForgetLogin, InsertAccount, InsertKey, InsertToken, InsertTokenKey, InsertUser, UpdateUser,
};

/// Two users of one account.
async fn two_users(s: &Subject) -> (User, User) {
    let a = account(1);
    let (u, v) = (user(&a, 1), user(&a, 2));
    s.write(vec![InsertAccount(a), InsertUser(u.clone()), InsertUser(v.clone())]).await;
    (u, v)
}

async fn keys_of(s: &Subject, user: &User) -> Vec<TokenKey> {
    s.store.user_rows(user.uuid).await.unwrap().unwrap().token_keys
}

pub(super) async fn keys_come_with_their_user_and_go_with_their_token(s: Subject) {
    let (u, v) = two_users(&s).await;
    let (one, two, his) = (token(&u, 1), token(&u, 2), token(&v, 3));
    s.write([&one, &two, &his].map(|token| InsertToken(token.clone())).to_vec()).await;
    let full = TokenKey {
        schemes: SchemeSet::from_bits(4),
        sealed: vec![1, 2, 3],
        security_token: TokenHash([9; 32]),
        issued_at: NOW.plus(-5),
        mark: [8; 32],
        ..token_key(&one, 2)
    };
    let keys = [full.clone(), token_key(&one, 1), token_key(&two, 3), token_key(&his, 4)];
    s.write(keys.iter().map(|key| InsertTokenKey(key.clone())).collect()).await;
    assert_eq!(keys_of(&s, &u).await, [token_key(&one, 1), full.clone(), token_key(&two, 3)], "by record");
    let owner = async |key: &TokenKey| s.store.key_owner(&key.key_id).await.unwrap();
    assert_eq!(owner(&full).await, Some(KeyOwner { account: u.account, user: u.uuid }));
    assert_eq!(s.store.row_counts().await.unwrap().keys, 0, "they are no access keys");
    assert_eq!(s.store.key_with_id(&full.key_id).await, Ok(None));
    s.write(vec![DeleteToken(one)]).await;
    assert_eq!(keys_of(&s, &u).await, [token_key(&two, 3)]);
    assert_eq!(owner(&full).await, None, "nothing is left of it");
    s.write(vec![ForgetLogin(u.uuid)]).await;
    assert_eq!(keys_of(&s, &u).await, []);
    assert_eq!(keys_of(&s, &v).await, [token_key(&his, 4)], "another user's stay");
    assert_eq!(s.store.check().await, Ok(Vec::new()));
}

pub(super) async fn expired_keys_make_room(s: Subject) {
    let (u, v) = two_users(&s).await;
    let (mine, his) = (token(&u, 1), token(&v, 2));
    let ending = |token: &Token, number: u32, millis: i64| TokenKey {
        expires_at: NOW.plus(millis),
        ..token_key(token, number)
    };
    s.write(vec![InsertToken(mine.clone()), InsertToken(his.clone())]).await;
    s.write(vec![InsertTokenKey(ending(&mine, 1, 10)), InsertTokenKey(ending(&his, 2, 10))]).await;
    let later = |number, millis| TokenKey { issued_at: NOW.plus(millis), ..token_key(&mine, number) };
    s.write(vec![InsertTokenKey(later(3, 9))]).await;
    assert_eq!(keys_of(&s, &u).await.len(), 2, "it lives for one millisecond more");
    s.write(vec![InsertTokenKey(later(4, 10))]).await;
    assert_eq!(keys_of(&s, &u).await, [later(3, 9), later(4, 10)], "what has expired goes");
    assert_eq!(keys_of(&s, &v).await.len(), 1, "another user's stay");
    // A token that makes room for another takes its keys along, too.
    for first in (0..u32::try_from(SESSIONS_PER_USER).unwrap()).step_by(200) {
        let newer = |number| Token { issued_at: NOW.plus(1), ..token(&u, 1_000 + number) };
        s.write((first..first + 200).map(|number| InsertToken(newer(number))).collect()).await;
    }
    assert_eq!(keys_of(&s, &u).await, []);
}

pub(super) async fn a_key_belongs_to_a_session_of_its_user(s: Subject) {
    let (u, v) = two_users(&s).await;
    let (mine, his) = (token(&u, 1), token(&v, 2));
    let gate = Token { kind: TokenKind::Gate, name: "nginx".to_owned(), expires_at: None, ..token(&u, 3) };
    s.write([&mine, &his, &gate].map(|token| InsertToken(token.clone())).to_vec()).await;
    let good = token_key(&mine, 1);
    s.write(vec![InsertTokenKey(good.clone())]).await;
    let bad = [
        good.clone(),
        TokenKey { uuid: token_key(&mine, 2).uuid, ..good.clone() },
        TokenKey { key_id: KeyId::new("other"), ..good.clone() },
        token_key(&gate, 3),
        token_key(&token(&u, 9), 3),
        TokenKey { user: v.uuid, ..token_key(&mine, 3) },
        TokenKey { account: account(2).uuid, ..token_key(&mine, 3) },
    ];
    for bad in bad {
        assert!(is_corrupt(&s.try_write(vec![InsertTokenKey(bad.clone())]).await), "{bad:?}");
    }
    assert_eq!(keys_of(&s, &u).await, [good]);
}

pub(super) async fn key_requirements(s: Subject) {
    let (u, v) = two_users(&s).await;
    let mine = token(&u, 1);
    let ended = TokenKey { expires_at: NOW.plus(5), ..token_key(&mine, 2) };
    s.write(vec![InsertToken(mine.clone()), InsertKey(key(&u, 1))]).await;
    s.write(vec![InsertTokenKey(token_key(&mine, 1)), InsertTokenKey(ended.clone())]).await;
    let below =
        |user: &User, limit, millis| Require::TokenKeysBelow { user: user.uuid, limit, at: NOW.plus(millis) };
    for (limit, millis, expected) in [(3, 0, true), (2, 0, false), (2, 4, false), (2, 5, true), (1, 5, false)]
    {
        assert_eq!(s.holds(below(&u, limit, millis)).await, expected, "{limit} {millis}");
    }
    assert!(s.holds(below(&v, 1, 0)).await && !s.holds(below(&v, 0, 0)).await);
    assert!(!s.holds(Require::KeyIdIsFree(ended.key_id)).await);
    assert!(!s.holds(Require::KeyIdIsFree(key(&u, 1).key_id)).await);
    assert!(s.holds(Require::KeyIdIsFree(token_key(&mine, 3).key_id)).await);
}

pub(super) async fn a_key_may_act_while_its_token_may(s: Subject) {
    let (u, v) = two_users(&s).await;
    let frozen = User { status: UserStatus::Frozen, ..user(&account(1), 3) };
    s.write(vec![InsertUser(frozen.clone())]).await;
    let may_act = |key: &TokenKey, role, at: UnixMillis| Require::CallerMayAct {
        credential: Credential::TokenKey(key.uuid),
        role,
        at,
    };
    let ending = |token: Token, millis: i64| Token { expires_at: Some(NOW.plus(millis)), ..token };
    let cases = [
        (token(&u, 1), 1_000, true),
        (token(&u, 2), 1, true),
        (ending(token(&u, 4), 1), 1_000, true),
        (Token { user_version: 0, ..token(&u, 6) }, 1_000, false),
        (token(&frozen, 7), 1_000, false),
    ];
    for (number, (token, lives, expected)) in (1..).zip(cases) {
        let key = TokenKey { expires_at: NOW.plus(lives), ..token_key(&token, number) };
        s.write(vec![InsertToken(token), InsertTokenKey(key.clone())]).await;
        assert_eq!(s.holds(may_act(&key, Role::Member, NOW)).await, expected, "{key:?}");
    }
    let (one, two, three) =
        (token_key(&token(&u, 1), 1), token_key(&token(&u, 2), 2), token_key(&token(&u, 4), 3));
    assert!(!s.holds(may_act(&two, Role::Member, NOW.plus(1))).await, "it has ended");
    assert!(!s.holds(may_act(&three, Role::Member, NOW.plus(1))).await, "its token has ended");
    assert!(s.holds(may_act(&one, Role::Member, NOW.plus(1))).await);
    assert!(!s.holds(may_act(&one, Role::Admin, NOW)).await, "another role");
    assert!(!s.holds(may_act(&token_key(&token(&v, 9), 99), Role::Member, NOW)).await, "no such key");
    s.write(vec![UpdateUser(User { version: 2, ..u.clone() })]).await;
    assert!(!s.holds(may_act(&one, Role::Member, NOW)).await, "any change of the user ends it");
    s.write(vec![UpdateUser(u), DeleteToken(token(&user(&account(1), 1), 1))]).await;
    assert!(!s.holds(may_act(&one, Role::Member, NOW)).await, "the end of its token ends it");
}
