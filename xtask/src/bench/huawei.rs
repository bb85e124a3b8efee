//! The Huawei dialect's list of SSH keys, by a signature and by a token; and logins, which the tokens come from.

use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use serde_json::json;
use signing::{Body, RequestView, UrlScheme, format_basic, sdk_hmac_sha256};

use super::cases::{ListCase, Owner};
use super::fixture::{Fixture, KEYS_PER_USER, SEEDING_CONNECTIONS, user_name};
use super::load;
use super::native;
use crate::harness::http::{Connection, Response};
use crate::harness::random::Random;
use crate::harness::scloud::Credential;

/// SSH keys of each user.
const SSH_KEYS: usize = 2;
/// Users who log in: a login costs what a password hash does.
const LOGINS: usize = 50;
/// A user's password.
pub(super) const PASSWORD: &str = "correct horse battery";

/// One's own SSH keys, as the official SDK lists them.
pub(super) const BY_KEY: ListCase = ListCase {
    name: "huawei ListUserKeys, by key",
    owners: |fixture, keys| owners(fixture, keys / KEYS_PER_USER),
    request: |server, owner| signed(server, &owner.key, "GET", "/v4/user/keys", ""),
    accepted: is_list,
};

/// The same with a token, as after a login.
pub(super) const BY_TOKEN: ListCase = ListCase {
    name: "huawei ListUserKeys, by token",
    owners: |fixture, keys| logged_in(fixture, (keys / KEYS_PER_USER).min(LOGINS)),
    request: |server, owner| with_token(server, &owner.key.secret, ""),
    accepted: is_list,
};

fn is_list(body: &[u8]) -> bool {
    body.starts_with(br#"{"keys":[{"#)
}

/// Users who sign in this dialect and have SSH keys.
fn owners(fixture: &Fixture, users: usize) -> Result<Vec<Owner>> {
    fixture.seed_users(users)?;
    let server = fixture.server()?.1;
    let create = |number| {
        let path = format!("/users/{}/access-keys", user_name(number));
        native::request(server, fixture.administrator(), "POST", &path, r#"{"schemes":["sdk-hmac-sha256"]}"#)
    };
    let requests: Result<Vec<load::Request>> = (0..users).map(|number| Ok(create(number)?.into())).collect();
    let owners = load::collect(&server.into(), SEEDING_CONNECTIONS, requests?, Owner::of_key)?;
    let (mut connection, mut random) = (Connection::open(server)?, Random::new(0, 0));
    for owner in &owners {
        for title in 0..SSH_KEYS {
            add_ssh_key(&mut connection, server, &owner.key, title, &mut random)?;
        }
    }
    Ok(owners)
}

/// Half of all texts of 32 bytes are points of the curve: tries until one is.
fn add_ssh_key(
    connection: &mut Connection,
    server: SocketAddr,
    signer: &Credential,
    title: usize,
    random: &mut Random,
) -> Result<()> {
    for _ in 0..100 {
        let point: Vec<u8> = (0..4).flat_map(|_| random.next().to_be_bytes()).collect();
        let blob = [&b"\0\0\0\x0bssh-ed25519\0\0\0\x20"[..], &point].concat();
        let key = format!("ssh-ed25519 {}", base64(&blob));
        let body = json!({ "title": format!("laptop {title}"), "key": key }).to_string();
        let answer = connection.exchange(&signed(server, signer, "POST", "/v4/user/keys", &body))?;
        match answer.status {
            201 => return Ok(()),
            400 => {}
            _ => bail!("no SSH key: {}", text(&answer)),
        }
    }
    bail!("a hundred texts in a row were no keys")
}

/// Users with SSH keys who have logged in; their tokens stand in the place of secrets.
fn logged_in(fixture: &Fixture, users: usize) -> Result<Vec<Owner>> {
    let owners = owners(fixture, users)?;
    let server = fixture.server()?.1;
    let mut connection = Connection::open(server)?;
    let mut tokens = Vec::new();
    for owner in owners {
        set_password(&mut connection, server, fixture.administrator(), &owner.user)?;
        let answer = connection.exchange(&login(server, &owner.user, PASSWORD))?;
        let token = token(&answer).with_context(|| format!("no token: {}", text(&answer)))?;
        tokens.push(Owner { key: Credential { id: String::new(), secret: token }, ..owner });
    }
    Ok(tokens)
}

/// Gives a user the password of the bench.
pub(super) fn set_password(
    connection: &mut Connection,
    server: SocketAddr,
    admin: &Credential,
    user: &str,
) -> Result<()> {
    let body = json!({ "password": PASSWORD }).to_string();
    let request = native::request(server, admin, "PUT", &format!("/users/{user}/password"), &body)?;
    let answer = connection.exchange(&request)?;
    if (200..300).contains(&answer.status) { Ok(()) } else { bail!("no password: {}", text(&answer)) }
}

/// A login to the account of the bench.
pub(super) fn login(server: SocketAddr, user: &str, password: &str) -> Vec<u8> {
    let user = json!({ "name": user, "password": password, "domain": { "name": "default" } });
    let identity = json!({ "methods": ["password"], "password": { "user": user } });
    let body = json!({ "auth": { "identity": identity } }).to_string();
    format!(
        "POST /v3/auth/tokens?nocatalog HTTP/1.1\r\nHost: {server}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// The token in the head of an answer to a login.
pub(super) fn token(answer: &Response) -> Option<String> {
    let head = String::from_utf8_lossy(&answer.head).into_owned();
    let fields = head.lines().filter_map(|line| line.split_once(": "));
    fields
        .filter(|(name, _)| name.eq_ignore_ascii_case("x-subject-token"))
        .map(|(_, token)| token.to_owned())
        .next()
}

/// The list with a token, and `more` header fields, each with its line end.
pub(super) fn with_token(server: SocketAddr, token: &str, more: &str) -> Vec<u8> {
    format!(
        "GET /v4/user/keys HTTP/1.1\r\nHost: {server}\r\nUser-Agent: keyward-xtask\r\n{more}X-Auth-Token: {token}\r\n\r\n"
    )
    .into_bytes()
}

/// A request as the Python SDK signs it.
fn signed(server: SocketAddr, signer: &Credential, method: &str, target: &str, body: &str) -> Vec<u8> {
    let (host, date) = (server.to_string(), format_basic(native::now_ms() / 1000));
    let fields = [
        ("Content-Type", "application/json"),
        ("Host", &host),
        ("User-Agent", "huaweicloud-usdk-python/3.0"),
        ("X-Sdk-Date", &date),
    ];
    let headers = fields.map(|(name, value)| (name, value.as_bytes()));
    let view = RequestView::new(method, target, &headers, Body::Bytes(body.as_bytes()), UrlScheme::Http);
    let names = ["content-type", "host", "user-agent", "x-sdk-date"];
    let authorization = sdk_hmac_sha256::sign(&view, &signer.id, signer.secret.as_bytes(), &names);
    // Whatever is missing, the first answer says so.
    let authorization = authorization.unwrap_or_default();
    let fields: String = fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!(
        "{method} {target} HTTP/1.1\r\n{fields}Authorization: {authorization}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn text(answer: &Response) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

/// Base64 with padding; of 51 bytes, which need none.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |group: u32, place: u32| {
        let index = usize::try_from(group >> (6 * place) & 63).unwrap_or_default();
        char::from(ALPHABET.get(index).copied().unwrap_or_default())
    };
    let groups =
        bytes.chunks_exact(3).map(|three| three.iter().fold(0, |group, byte| group << 8 | u32::from(*byte)));
    groups.flat_map(|group| (0..4).rev().map(move |place| digit(group, place))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_rfc_4648() {
        assert_eq!(base64(b"fooBAR\0\xff\xfe"), "Zm9vQkFSAP/+");
    }
}
