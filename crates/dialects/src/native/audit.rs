//! ListAudit, ListAccessKeyEvents.

use std::collections::BTreeMap;

use domain::audit::AuditRow;
use domain::audit_log::{ActionFilter, AuditFilter, AuditOrder, AuditPage, AuditPlace};
use domain::id::{KeyId, NodeId, UserUuid};
use serde::Serialize;

use super::call::{Answering, Call, Reply};
use super::errors::{Problem, Refusal};
use super::time;

#[derive(Serialize)]
struct AuditList<'a> {
    items: Vec<EntryModel<'a>>,
    next_cursor: Option<String>,
}

#[derive(Serialize)]
struct EntryModel<'a> {
    node: String,
    seq: u64,
    at: String,
    actor: Option<String>,
    actor_name: Option<&'a str>,
    actor_key: Option<&'a str>,
    request_id: Option<String>,
    source: Option<&'a str>,
    dialect: &'a str,
    action: &'a str,
    object: String,
    object_version: u64,
    detail: &'a str,
}

impl<'a> EntryModel<'a> {
    fn new(row: &'a AuditRow, names: &'a BTreeMap<UserUuid, String>) -> Self {
        let entry = &row.entry;
        Self {
            node: row.node.hex(),
            seq: row.seq,
            at: time::text(entry.at),
            actor: entry.actor.map(|actor| actor.hex()),
            actor_name: entry.actor.and_then(|actor| names.get(&actor)).map(String::as_str),
            actor_key: entry.actor_key.as_ref().map(KeyId::as_str),
            request_id: entry.request.map(|request| request.hex()),
            source: entry.source.as_deref(),
            dialect: &entry.dialect,
            action: &entry.action,
            object: UserUuid::from_bytes(entry.object).hex(),
            object_version: entry.object_version,
            detail: &entry.detail,
        }
    }
}

pub(super) fn list(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        let limit = call.query.limit()?;
        let follow = call.query.flag("follow")?;
        let order = match call.query.text("order") {
            Some("asc") => AuditOrder::Ascending,
            None if follow => AuditOrder::Ascending,
            None | Some("desc") if !follow => AuditOrder::Descending,
            Some("desc") => return Err(Refusal::invalid("order", "must be asc to follow the audit")),
            _ => return Err(Refusal::invalid("order", "must be asc or desc")),
        };
        let filter = filter(&call).await?;
        let list = format!("audit {}", call.query.identity());
        let mut after = call.cursor(&list)?.as_deref().map(place).transpose()?;
        if follow && after.is_none() && filter.since.is_none() {
            after = call.service.audit_end(call.caller).await?;
        }
        let page = call.service.read_audit(call.caller, filter, order, after, limit).await?;
        let behind = page.last.or(after);
        let next = behind.filter(|_| page.has_more || follow);
        answer(&call, &list, &page, next).await
    })
}

pub(super) fn of_key(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        let limit = call.query.limit()?;
        let list = format!("events {}", call.name());
        let after = call.cursor(&list)?.as_deref().map(place).transpose()?;
        let page = call.service.access_key_events(call.caller, call.name(), after, limit).await?;
        answer(&call, &list, &page, page.last.filter(|_| page.has_more)).await
    })
}

async fn answer(
    call: &Call<'_>,
    list: &str,
    page: &AuditPage,
    next: Option<AuditPlace>,
) -> Result<Reply, Refusal> {
    let names = call.service.actor_names(call.caller, &page.rows).await?;
    let items = page.rows.iter().map(|row| EntryModel::new(row, &names)).collect();
    let position = |place: AuditPlace| [&place.node.as_bytes()[..], &place.seq.to_be_bytes()].concat();
    let next_cursor = next.map(|next| call.service.cursor(call.caller, list, &position(next)));
    Reply::ok(&AuditList { items, next_cursor })
}

async fn filter(call: &Call<'_>) -> Result<AuditFilter, Refusal> {
    let mut filter = AuditFilter::of(call.caller.account());
    filter.since = call.query.time("since")?;
    filter.until = call.query.time("until")?;
    filter.actor_key = call.query.text("actor_key").map(str::to_owned);
    filter.action = call.query.text("action").map(|action| {
        let action = action.to_owned();
        if action.ends_with('.') { ActionFilter::BeginsWith(action) } else { ActionFilter::Is(action) }
    });
    if let Some(actor) = call.query.text("actor") {
        filter.actor = Some(actor_of(call, actor).await?);
    }
    if let Some(object) = call.query.text("object") {
        let object = UserUuid::parse(object).filter(|_| object.len() == 32);
        let object = object.ok_or_else(|| Refusal::invalid("object", "must be 32 hexadecimal digits"))?;
        filter.object = Some(*object.as_bytes());
    }
    if let Some(key) = call.query.text("access_key") {
        let (_, key) = call.service.get_access_key(call.caller, key).await?;
        if filter.object.is_some_and(|object| object != *key.uuid.as_bytes()) {
            return Err(Refusal::invalid("access_key", "names another record than `object`"));
        }
        filter.object = Some(*key.uuid.as_bytes());
    }
    Ok(filter)
}

/// A live user by his name; one who may be gone, by his id.
async fn actor_of(call: &Call<'_>, actor: &str) -> Result<UserUuid, Refusal> {
    match call.service.get_user(call.caller, actor).await {
        Ok(record) => Ok(record.rows.user.uuid),
        Err(error @ domain::Error::UserNotFound(_)) => {
            UserUuid::parse(actor).filter(|_| actor.len() == 32).ok_or(error.into())
        }
        Err(error) => Err(error.into()),
    }
}

/// What a cursor says.
fn place(position: &[u8]) -> Result<AuditPlace, Refusal> {
    let read = || {
        let (node, seq) = position.split_first_chunk::<16>()?;
        Some(AuditPlace { node: NodeId::from_bytes(*node), seq: u64::from_be_bytes(seq.try_into().ok()?) })
    };
    read().ok_or(Refusal::of(Problem::InvalidCursor))
}
