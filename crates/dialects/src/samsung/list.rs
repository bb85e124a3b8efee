//! ListAccessKey and DeleteBulkAccessKey, which answer with a list.

use domain::access_keys::{AccessKey, KeyList, KeyQuery, Total};
use domain::policy::Action;
use serde::Serialize;
use signing::json::Value;
use zeroize::Zeroizing;

use super::access_keys::{Record, SCOPE, doomed, secret_at, secrets_for_owner};
use super::body::{Members, Problems};
use super::call::{Call, Done, Reply, base_url, record_id};
use super::errors::not_found;
use super::query::{Link, ListQuery, Page};

/// Most keys in one bulk deletion.
const BULK_IDS: usize = 1_000;

#[derive(Serialize)]
struct ListModel<'a> {
    access_keys: Vec<Record<'a>>,
    count: Option<u64>,
    links: Vec<Link>,
}

impl<'a> ListModel<'a> {
    fn new(list: &'a KeyList, secrets: &'a [Option<Zeroizing<String>>], links: Vec<Link>) -> Self {
        let record = |(place, key)| Record::new(key, secret_at(secrets, place));
        Self { access_keys: list.keys.iter().enumerate().map(record).collect(), count: list.total, links }
    }
}

pub(super) fn list(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let query = ListQuery::read(call.request.view.query())?;
        call.check_account(query.account())?;
        let total = if query.page.with_count { Total::Counted } else { Total::Uncounted };
        let list = match query.key_filter() {
            Some(filter) => {
                let Page { limit, after, sort, .. } = &query.page;
                let wanted = KeyQuery { filter, sort: sort.clone(), after: *after, limit: *limit, total };
                call.service.list_keys(call.caller, &wanted).await?
            }
            None => KeyList { total: query.page.with_count.then_some(0), ..KeyList::default() },
        };
        let secrets = secrets_for_owner(&call, &list.keys).await?;
        let next = list.keys.last().filter(|_| list.has_more).map(|key| key.uuid);
        let links = query.links(&format!("{}/v1/access-keys", base_url(call.request)), next);
        Done::json(200, &ListModel::new(&list, &secrets, links))
    })
}

/// Deletes all the keys named or none, and lists those that are gone.
pub(super) fn delete_bulk(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let members = Members::read(&call.request.view)?;
        let mut problems = Problems::default();
        let ids = read_ids(&members, &mut problems);
        let page = Page::from_body(&members, &mut problems);
        problems.check()?;
        let mut keys: Vec<AccessKey> = Vec::new();
        for id in ids {
            let id = record_id(id).ok_or_else(not_found)?;
            keys.push(call.service.access_key(call.caller, Action::DeleteAccessKey, id, SCOPE).await?);
        }
        if page.after.is_some_and(|after| keys.iter().all(|key| key.uuid != after)) {
            return Err(domain::Error::CursorInvalid.into());
        }
        let names: Vec<_> = keys.iter().map(|key| key.key_id.as_str().into()).collect();
        let removed = call.service.delete_access_keys(call.caller, &names, SCOPE, doomed(&call)).await?;
        let list = cut(removed, &page);
        let url = format!("{}/v1/access-keys/bulk", base_url(call.request));
        let links = ListQuery::default().links(&url, None);
        Done::json(200, &ListModel::new(&list, &[], links))
    })
}

fn read_ids<'a>(members: &'a Members, problems: &mut Problems) -> Vec<&'a str> {
    let Some(Value::Array(values)) = members.get("ids") else {
        let what =
            if members.get("ids").is_some() { "Input should be a valid list" } else { "Field required" };
        problems.add("ids", what);
        return Vec::new();
    };
    if values.is_empty() || values.len() > BULK_IDS {
        problems.add("ids", "List should have 1 to 1000 items");
    }
    let id = |value: &'a Value| match value {
        Value::Text(id) => Some(id.as_str()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    };
    let ids: Vec<&str> = values.iter().filter_map(id).collect();
    if ids.len() < values.len() {
        problems.add("ids", "Input should be a valid string");
    }
    ids
}

/// The page of the keys that were removed.
fn cut(mut removed: Vec<AccessKey>, page: &Page) -> KeyList {
    removed.sort_by(|one, other| page.sort.compare(one, other));
    let count = u64::try_from(removed.len()).unwrap_or(u64::MAX);
    if let Some(after) = page.after {
        let place = removed.iter().position(|key| key.uuid == after).map_or(0, |place| place + 1);
        removed.drain(..place);
    }
    removed.truncate(usize::try_from(page.limit).unwrap_or(usize::MAX));
    KeyList { keys: removed, total: page.with_count.then_some(count), has_more: false }
}
