//! ListAccessKeys: the whole account's keys, or for a member his own, filtered, sorted and paged.

use domain::access_keys::{
    AccessKey, Direction, KeyField, KeyFilter, KeyQuery, KeySort, KeyStatus, Tombstones, Total,
};
use domain::clock::UnixMillis;
use domain::id::KeyUuid;
use domain::last_used::LastUse;

use super::call::{Answering, Call, Reply};
use super::errors::{Problem, Refusal};
use super::key_model::{KeyList, KeyModel};

/// Keys that one request looks at, at most, in pages of this many: matches beyond are on the next page.
const LOOKED_AT: usize = 10_000;
const AT_ONCE: u32 = 500;

/// What the domain's filter leaves to this list.
struct Further {
    deleted_only: bool,
    expires_after: Option<UnixMillis>,
    used_before: Option<UnixMillis>,
    used_after: Option<UnixMillis>,
}

impl Further {
    fn shows(&self, key: &AccessKey, used: Option<&LastUse>) -> bool {
        let used = used.map(|used| used.at);
        (!self.deleted_only || key.deleted_at.is_some())
            && self.expires_after.is_none_or(|time| key.expires_at.is_none_or(|end| end > time))
            && self.used_before.is_none_or(|time| used.is_none_or(|used| used < time))
            && self.used_after.is_none_or(|time| used.is_some_and(|used| used > time))
    }

    /// Whether it shows every key, so that nothing has to be looked at twice.
    const fn is_nothing(&self) -> bool {
        !self.deleted_only
            && self.expires_after.is_none()
            && self.used_before.is_none()
            && self.used_after.is_none()
    }
}

pub(super) fn list(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        let wanted = usize::try_from(call.query.limit()?).unwrap_or(usize::MAX);
        let name = format!("access-keys {}", call.query.identity());
        let further = further(&call)?;
        let mut query = KeyQuery {
            filter: filter(&call).await?,
            sort: sort(&call)?,
            after: call.cursor(&name)?.as_deref().map(place).transpose()?,
            limit: if further.is_nothing() { call.query.limit()? } else { AT_ONCE },
            total: Total::Uncounted,
        };
        let mut found: Vec<(AccessKey, Option<LastUse>)> = Vec::new();
        let mut looked_at = 0;
        let has_more = 'pages: loop {
            let page = call.service.list_keys(call.caller, &query).await?;
            let uuids: Vec<KeyUuid> = page.keys.iter().map(|key| key.uuid).collect();
            let uses = call.service.last_uses(&uuids).await?;
            looked_at += uuids.len();
            for (key, used) in page.keys.into_iter().zip(uses) {
                if found.len() >= wanted {
                    break 'pages true;
                }
                query.after = Some(key.uuid);
                if further.shows(&key, used.as_ref()) {
                    found.push((key, used));
                }
            }
            if !page.has_more || found.len() >= wanted || looked_at >= LOOKED_AT {
                break page.has_more;
            }
        };
        let last = query.after.filter(|_| has_more);
        let next_cursor = last.map(|last| call.service.cursor(call.caller, &name, last.as_bytes()));
        answer(&call, &found, next_cursor).await
    })
}

async fn answer(
    call: &Call<'_>,
    found: &[(AccessKey, Option<LastUse>)],
    next_cursor: Option<String>,
) -> Result<Reply, Refusal> {
    let mut owners = Vec::with_capacity(found.len());
    for (key, _) in found {
        owners.push(call.service.user_of(call.caller, key).await?);
    }
    let now = call.now();
    let items = found.iter().zip(&owners);
    let items =
        items.map(|((key, used), owner)| KeyModel::new(key, &owner.rows.user.name, used.as_ref(), now));
    Reply::ok(&KeyList { items: items.collect(), next_cursor })
}

async fn filter(call: &Call<'_>) -> Result<KeyFilter, Refusal> {
    let user = match call.query.text("user") {
        Some(name) => Some(call.service.list_access_keys(call.caller, name).await?.rows.user.uuid),
        None => None,
    };
    let tombstones = match call.query.text("deleted") {
        None | Some("exclude") => Tombstones::LeftOut,
        Some("include" | "only") => Tombstones::Included,
        Some(_) => return Err(Refusal::invalid("deleted", "must be exclude, include or only")),
    };
    let status = call.query.text("status").map(KeyStatus::parse);
    if status == Some(None) {
        return Err(Refusal::invalid("status", "must be active or inactive"));
    }
    Ok(KeyFilter {
        user,
        status: status.flatten(),
        dialect: call.query.text("dialect").map(str::to_owned),
        expires_before: call.query.time("expires_before")?,
        tombstones,
        ..KeyFilter::default()
    })
}

fn further(call: &Call<'_>) -> Result<Further, Refusal> {
    Ok(Further {
        deleted_only: call.query.text("deleted") == Some("only"),
        expires_after: call.query.time("expires_after")?,
        used_before: call.query.time("used_before")?,
        used_after: call.query.time("used_after")?,
    })
}

fn sort(call: &Call<'_>) -> Result<KeySort, Refusal> {
    let word = call.query.text("sort").unwrap_or("created_at");
    let (direction, field) =
        word.strip_prefix('-').map_or((Direction::Ascending, word), |field| (Direction::Descending, field));
    let field = match field {
        "created_at" => KeyField::CreatedAt,
        "modified_at" => KeyField::ModifiedAt,
        "expires_at" => KeyField::ExpiresAt,
        "id" => KeyField::KeyId,
        _ => return Err(Refusal::invalid("sort", "must be created_at, modified_at, expires_at or id")),
    };
    Ok(KeySort::by(vec![(field, direction)]))
}

/// What a cursor says.
fn place(position: &[u8]) -> Result<KeyUuid, Refusal> {
    let uuid = position.try_into().map_err(|_| Refusal::of(Problem::InvalidCursor))?;
    Ok(KeyUuid::from_bytes(uuid))
}
