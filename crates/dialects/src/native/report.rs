//! GetReport: the credential report, as JSON or CSV.

use domain::access_keys::AccessKey;
use domain::clock::UnixMillis;
use domain::last_used::LastUse;
use domain::report::ReportedUser;
use domain::users::User;
use serde::Serialize;
use signing::Scheme;
use zeroize::Zeroizing;

use super::call::{Answering, Call, Reply};
use super::errors::Refusal;
use super::key_model::{KeyModel, state};
use super::{csv, time};

const COLUMNS: [&str; 18] = [
    "user",
    "user_id",
    "role",
    "is_root",
    "user_status",
    "user_created_at",
    "access_key_id",
    "dialect",
    "schemes",
    "kind",
    "status",
    "state",
    "created_at",
    "expires_at",
    "last_used_at",
    "last_used_source",
    "last_used_dialect",
    "last_used_operation",
];

#[derive(Serialize)]
struct Report<'a> {
    generated_at: String,
    account: &'a str,
    items: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    user: &'a str,
    user_id: String,
    role: &'static str,
    is_root: bool,
    user_status: &'static str,
    user_created_at: String,
    access_key: Option<KeyModel<'a>>,
}

/// A key with its last use.
type UsedKey<'a> = (&'a AccessKey, Option<&'a LastUse>);

pub(super) fn get(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        let is_csv = match call.query.text("format") {
            None | Some("json") => false,
            Some("csv") => true,
            Some(_) => return Err(Refusal::invalid("format", "must be json or csv")),
        };
        let users = call.service.credential_report(call.caller).await?;
        let now = call.now();
        if is_csv {
            let body = Zeroizing::new(table(&users, now).into_bytes());
            return Ok(Reply::with(200, "text/csv; charset=utf-8", body));
        }
        let items = rows(&users).map(|(user, key)| Row {
            user: &user.name,
            user_id: user.uuid.hex(),
            role: user.role.as_str(),
            is_root: user.is_root,
            user_status: user.status.as_str(),
            user_created_at: time::text(user.created_at),
            access_key: key.map(|(key, used)| KeyModel::new(key, &user.name, used, now)),
        });
        let account = call.caller.account_name();
        Reply::ok(&Report { generated_at: time::text(now), account, items: items.collect() })
    })
}

/// A row for each key, and one for each user without a key.
fn rows(users: &[ReportedUser]) -> impl Iterator<Item = (&User, Option<UsedKey<'_>>)> {
    users.iter().flat_map(|ReportedUser { record, uses }| {
        let user = &record.rows.user;
        let keys = record.rows.keys.iter().zip(uses.iter().map(Option::as_ref));
        let alone = record.rows.keys.is_empty().then_some((user, None));
        keys.map(move |used| (user, Some(used))).chain(alone)
    })
}

fn table(users: &[ReportedUser], now: UnixMillis) -> String {
    let mut out = String::new();
    csv::write(&mut out, &COLUMNS);
    for (user, key) in rows(users) {
        let mut cells = vec![
            user.name.clone(),
            user.uuid.hex(),
            user.role.as_str().to_owned(),
            user.is_root.to_string(),
            user.status.as_str().to_owned(),
            time::text(user.created_at),
        ];
        if let Some((key, used)) = key {
            cells.extend(key_cells(key, used, now));
        }
        cells.resize(COLUMNS.len(), String::new());
        csv::write(&mut out, &cells.iter().map(String::as_str).collect::<Vec<_>>());
    }
    out
}

fn key_cells(key: &AccessKey, used: Option<&LastUse>, now: UnixMillis) -> [String; 12] {
    let schemes = Scheme::ALL.into_iter().filter(|scheme| key.schemes.contains(*scheme));
    let schemes: Vec<&str> = schemes.map(Scheme::as_str).collect();
    let source = used.and_then(|used| used.source);
    [
        key.key_id.to_string(),
        key.dialect.clone(),
        schemes.join(" "),
        key.kind.as_str().to_owned(),
        key.status.as_str().to_owned(),
        state(key, now).to_owned(),
        time::text(key.created_at),
        key.expires_at.map(time::text).unwrap_or_default(),
        used.map(|used| time::text(used.at)).unwrap_or_default(),
        source.map(|source| source.to_string()).unwrap_or_default(),
        used.map(|used| used.dialect.to_string()).unwrap_or_default(),
        used.map(|used| used.operation.to_string()).unwrap_or_default(),
    ]
}
