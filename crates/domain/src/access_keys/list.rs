//! Listing keys of a user or of a whole account: filters, sorts, and pages that neither repeat nor pass over a key that is
//! there throughout the walk (threat T51).

use std::cmp::Ordering;

use super::{AccessKey, KeyKind, KeyStatus, SchemeSet};
use crate::caller::Caller;
use crate::clock::UnixMillis;
use crate::error::Error;
use crate::id::{AccountUuid, KeyUuid, UserUuid};
use crate::last_used::UseKind;
use crate::limits::SORTED_KEYS;
use crate::policy::{Action, Reach};
use crate::service::Service;

/// Which keys a list shows: those that meet every member.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyFilter {
    /// The owner.
    pub user: Option<UserUuid>,
    /// Enabled or disabled.
    pub status: Option<KeyStatus>,
    /// Permanent or temporary.
    pub kind: Option<KeyKind>,
    /// The dialect that issued it.
    pub dialect: Option<String>,
    /// May sign in one of these.
    pub schemes: Option<SchemeSet>,
    /// The key that it belongs to.
    pub parent: Option<KeyUuid>,
    /// Ends before this time.
    pub expires_before: Option<UnixMillis>,
    /// Was not used since this time, or never.
    pub unused_since: Option<UnixMillis>,
    /// Whether deleted keys are among them.
    pub tombstones: Tombstones,
}

/// Whether deleted keys are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tombstones {
    /// They are not.
    #[default]
    LeftOut,
    /// They are, to those who read the whole account.
    Included,
}

impl KeyFilter {
    /// Whether `key`, which was last used then, is listed.
    pub fn shows(&self, key: &AccessKey, last_use: Option<UnixMillis>) -> bool {
        self.may_ever_show(key)
            && self.unused_since.is_none_or(|since| last_use.is_none_or(|at| at < since))
            && (key.deleted_at.is_none() || self.tombstones == Tombstones::Included)
            && self.status.is_none_or(|status| key.status == status)
            && self.expires_before.is_none_or(|end| key.expires_at.is_some_and(|at| at < end))
    }

    /// Whether what hardly ever changes of `key` meets the filter. A marker of a walk must, though the key may have been
    /// disabled or deleted since it was shown.
    fn may_ever_show(&self, key: &AccessKey) -> bool {
        self.user.is_none_or(|user| key.user == user)
            && self.kind.is_none_or(|kind| key.kind == kind)
            && self.dialect.as_ref().is_none_or(|dialect| key.dialect == *dialect)
            && self.schemes.is_none_or(|schemes| key.schemes.meets(schemes))
            && self.parent.is_none_or(|parent| key.parent == Some(parent))
    }
}

/// What a list is sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyField {
    /// When it was made. Indexed.
    CreatedAt,
    /// Its record. Indexed: the ids of records begin with the time of creation, so this is the same order.
    Id,
    /// When it was last changed.
    ModifiedAt,
    /// When it ends; what never ends comes last.
    ExpiresAt,
    /// What travels in requests.
    KeyId,
    /// Permanent before temporary.
    Kind,
    /// Free text, by its bytes.
    Description,
    /// Disabled before enabled.
    Status,
}

impl KeyField {
    fn compare(self, one: &AccessKey, other: &AccessKey) -> Ordering {
        let end = |key: &AccessKey| key.expires_at.map_or(i64::MAX, |at| at.0);
        let is_enabled = |key: &AccessKey| key.status == KeyStatus::Active;
        match self {
            KeyField::CreatedAt => one.created_at.cmp(&other.created_at),
            KeyField::Id => (one.created_at, one.uuid).cmp(&(other.created_at, other.uuid)),
            KeyField::ModifiedAt => one.modified_at.cmp(&other.modified_at),
            KeyField::ExpiresAt => end(one).cmp(&end(other)),
            KeyField::KeyId => one.key_id.cmp(&other.key_id),
            KeyField::Kind => one.kind.as_str().cmp(other.kind.as_str()),
            KeyField::Description => one.description.cmp(&other.description),
            KeyField::Status => is_enabled(one).cmp(&is_enabled(other)),
        }
    }
}

/// Which way a list runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// Smallest, oldest first.
    #[default]
    Ascending,
    /// Greatest, newest first.
    Descending,
}

impl Direction {
    const fn apply(self, ordering: Ordering) -> Ordering {
        match self {
            Direction::Ascending => ordering,
            Direction::Descending => ordering.reverse(),
        }
    }
}

/// The order of a list: by the first field, among equals by the next. Ties that remain are broken by the record, in the
/// direction of the first field, so that there is always exactly one order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeySort(Vec<(KeyField, Direction)>);

impl KeySort {
    /// By these fields; by creation when there are none.
    pub const fn by(fields: Vec<(KeyField, Direction)>) -> Self {
        Self(fields)
    }

    /// How two keys follow each other.
    pub fn compare(&self, one: &AccessKey, other: &AccessKey) -> Ordering {
        let fields = self.0.iter().map(|(field, direction)| direction.apply(field.compare(one, other)));
        let first = self.0.first().map_or(Direction::Ascending, |(_, direction)| *direction);
        let tie = first.apply(KeyField::Id.compare(one, other));
        fields.chain([tie]).find(|ordering| ordering.is_ne()).unwrap_or(Ordering::Equal)
    }

    /// The direction, if this is the order of creation, which the store has an index for.
    fn indexed(&self) -> Option<Direction> {
        let Some(((field, first), rest)) = self.0.split_first() else { return Some(Direction::Ascending) };
        let by_creation = |field: &KeyField| matches!(field, KeyField::CreatedAt | KeyField::Id);
        // What follows an id decides nothing any more.
        let rest_agrees = *field == KeyField::Id
            || rest.first().is_none_or(|(field, direction)| *field == KeyField::Id && direction == first);
        (by_creation(field) && rest_agrees).then_some(*first)
    }
}

/// A page that is asked for.
#[derive(Clone, Debug)]
pub struct KeyQuery {
    /// Which keys.
    pub filter: KeyFilter,
    /// In which order.
    pub sort: KeySort,
    /// The key before the first of the page: the last one of the page before. It may have been deleted since.
    pub after: Option<KeyUuid>,
    /// Most keys on the page.
    pub limit: u32,
    /// Whether all matches are counted.
    pub total: Total,
}

/// Whether all matches of a list are counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Total {
    /// They are not.
    #[default]
    Uncounted,
    /// They are, which reads each of them.
    Counted,
}

/// A page of keys.
#[derive(Debug, Default)]
pub struct KeyList {
    /// The keys, in the order asked for.
    pub keys: Vec<AccessKey>,
    /// All matches, over all pages, where they were to be counted.
    pub total: Option<u64>,
    /// Whether more follow.
    pub has_more: bool,
}

/// What a store is asked for: keys of an account in the order of creation.
#[derive(Clone, Debug)]
pub struct KeyScan {
    /// The account.
    pub account: AccountUuid,
    /// Which of its keys.
    pub filter: KeyFilter,
    /// Which way.
    pub direction: Direction,
    /// Those behind this place only: creation time and record of a key, which need not exist.
    pub after: Option<(UnixMillis, KeyUuid)>,
    /// Most keys.
    pub limit: u32,
    /// Whether all matches are counted, those before `after` too.
    pub total: Total,
}

/// What a store answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyScanPage {
    /// The keys by creation time, then record.
    pub keys: Vec<AccessKey>,
    /// All matches, where they were to be counted.
    pub total: Option<u64>,
}

impl Service {
    /// A page of the keys that the caller may see: his own, or those of his account. A walk from page to page by
    /// [`KeyQuery::after`] shows each key that is there throughout exactly once when sorted by what never changes.
    ///
    /// # Errors
    /// [`Error::Denied`]; [`Error::CursorInvalid`] when `after` is no key that this list could have shown;
    /// [`Error::TooManyToSort`]; [`Error::Damaged`] when a key of the page fails its integrity check (promise P7).
    pub async fn list_keys(&self, caller: &Caller, query: &KeyQuery) -> Result<KeyList, Error> {
        let mut query = query.clone();
        if caller.reach(Action::ReadAccessKey)? == Reach::Own {
            let asks_for_more = query.filter.user.is_some_and(|user| user != caller.user)
                || query.filter.tombstones == Tombstones::Included;
            if asks_for_more {
                return Err(Error::Denied);
            }
            query.filter.user = Some(caller.user);
        }
        let marker = match query.after {
            Some(after) => Some(self.marker(caller, after, &query.filter).await?),
            None => None,
        };
        if let Some(parent) = query.filter.parent {
            // Children are their parent's user's, which spares an index.
            let parent = self.store.key_row(parent).await?.filter(|key| key.account == caller.account);
            let user = parent.map(|parent| parent.user);
            let user = user.filter(|user| query.filter.user.is_none_or(|wanted| wanted == *user));
            let Some(user) = user else { return Ok(KeyList::none(query.total)) };
            query.filter.user = Some(user);
        }
        match (query.filter.user, query.filter.tombstones) {
            (Some(user), Tombstones::LeftOut) => {
                let keys = self.keys_in_memory(caller.account, user, &query.filter).await?;
                Ok(sorted_page(keys, &query, marker.as_ref()))
            }
            (Some(_) | None, _) => self.scan(caller.account, &query, marker.as_ref()).await,
        }
    }

    /// The key before a page. Nothing is said of keys that the list never shows (threat T38).
    async fn marker(&self, caller: &Caller, after: KeyUuid, filter: &KeyFilter) -> Result<AccessKey, Error> {
        let row = self.store.key_row(after).await?;
        let row = row.filter(|key| key.account == caller.account && filter.may_ever_show(key));
        let row = row.ok_or(Error::CursorInvalid)?;
        self.check_marks(std::slice::from_ref(&row))?;
        Ok(row)
    }

    fn check_marks(&self, keys: &[AccessKey]) -> Result<(), Error> {
        let is_marked = |key: &AccessKey| self.vault.is_marked(&key.mark_input(), &key.mark);
        if keys.iter().all(is_marked) { Ok(()) } else { Err(Error::Damaged) }
    }

    /// Live keys of one user, which the directory has anyway.
    async fn keys_in_memory(
        &self,
        account: AccountUuid,
        user: UserUuid,
        filter: &KeyFilter,
    ) -> Result<Vec<AccessKey>, Error> {
        let Some(record) = self.directory.by_user(account, user).await? else { return Ok(Vec::new()) };
        if !record.intact || !record.damaged.is_empty() {
            return Err(Error::Damaged);
        }
        let keys = &record.rows.keys;
        let uses = match filter.unused_since {
            Some(_) => self.last_uses(&keys.iter().map(|key| key.uuid).collect::<Vec<_>>()).await?,
            None => Vec::new(),
        };
        let last_use = |place: usize| uses.get(place).and_then(Option::as_ref).map(|last| last.at);
        let shown = keys.iter().enumerate().filter(|(place, key)| filter.shows(key, last_use(*place)));
        Ok(shown.map(|(_, key)| key.clone()).collect())
    }

    /// Leaves out what this node has seen used and not written yet. A page may so be shorter than it could be, and a total
    /// greater; a walk still shows each key that was unused throughout.
    fn drop_just_used(&self, keys: &mut Vec<AccessKey>, filter: &KeyFilter) {
        if let Some(since) = filter.unused_since {
            keys.retain(|key| {
                self.last_used.pending(UseKind::AccessKey, key.uuid).is_none_or(|last| last.at < since)
            });
        }
    }

    async fn scan(
        &self,
        account: AccountUuid,
        query: &KeyQuery,
        marker: Option<&AccessKey>,
    ) -> Result<KeyList, Error> {
        let KeyQuery { filter, sort, limit, total, .. } = query;
        let mut scan = KeyScan {
            account,
            filter: filter.clone(),
            direction: Direction::Ascending,
            after: None,
            limit: SORTED_KEYS + 1,
            total: *total,
        };
        if let Some(direction) = sort.indexed() {
            let after = marker.map(|key| (key.created_at, key.uuid));
            scan = KeyScan { direction, after, limit: limit.saturating_add(1), ..scan };
            let KeyScanPage { keys, total } = self.store.scan_keys(scan).await?;
            self.check_marks(&keys)?;
            let mut list = KeyList { total, ..cut(keys, *limit) };
            self.drop_just_used(&mut list.keys, filter);
            return Ok(list);
        }
        let mut all = self.store.scan_keys(scan).await?.keys;
        if all.len() > usize::try_from(SORTED_KEYS).unwrap_or(usize::MAX) {
            return Err(Error::TooManyToSort);
        }
        self.check_marks(&all)?;
        self.drop_just_used(&mut all, filter);
        Ok(sorted_page(all, query, marker))
    }
}

impl KeyList {
    fn none(total: Total) -> Self {
        Self { total: (total == Total::Counted).then_some(0), ..Self::default() }
    }
}

/// The page of a list that is in memory as a whole.
fn sorted_page(mut keys: Vec<AccessKey>, query: &KeyQuery, marker: Option<&AccessKey>) -> KeyList {
    let all = u64::try_from(keys.len()).unwrap_or(u64::MAX);
    if let Some(marker) = marker {
        keys.retain(|key| query.sort.compare(marker, key).is_lt());
    }
    keys.sort_by(|one, other| query.sort.compare(one, other));
    KeyList { total: (query.total == Total::Counted).then_some(all), ..cut(keys, query.limit) }
}

/// Cuts a list that may be longer than the page.
fn cut(mut keys: Vec<AccessKey>, limit: u32) -> KeyList {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = keys.len() > limit;
    keys.truncate(limit);
    KeyList { keys, total: None, has_more }
}
