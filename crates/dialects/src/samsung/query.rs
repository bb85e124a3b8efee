//! The parameters of a list: read, checked, and written again into its links.

use domain::access_keys::{Direction, KeyField, KeyFilter, KeyKind, KeySort};
use domain::id::KeyUuid;
use serde::Serialize;
use signing::encode::{form_decode, form_encode, form_pieces};
use signing::json::Value;

use super::access_keys::SCOPE;
use super::body::{Members, Problems};
use super::call::record_id;
use super::errors::{Refusal, echo};

/// Most keys on a page, and as many as there are on one that says nothing: the provider never asks for a second page.
const MAX_LIMIT: u32 = 10_000;
/// Longest marker, in characters.
const MARKER_CHARS: usize = 64;
/// Most parameters of one request.
const MAX_PARAMETERS: usize = 64;

/// The parameters, in the order in which the SDK writes them.
const NAMES: [&str; 7] =
    ["access_key_type", "account_id", "limit", "marker", "parent_access_key_id", "sort", "with_count"];

/// The fields that a list may be sorted by.
const FIELDS: [(&str, KeyField); 8] = [
    ("created_at", KeyField::CreatedAt),
    ("modified_at", KeyField::ModifiedAt),
    ("expiration_timestamp", KeyField::ExpiresAt),
    ("access_key", KeyField::KeyId),
    ("access_key_type", KeyField::Kind),
    ("description", KeyField::Description),
    ("is_enabled", KeyField::Status),
    ("id", KeyField::Id),
];

/// What a list was asked for. An empty value is as none: the SDK sends one for what is not set.
#[derive(Debug, Default)]
pub(super) struct ListQuery {
    /// As given, decoded, by their names.
    given: Vec<(&'static str, String)>,
    pub(super) page: Page,
    kind: Wanted<KeyKind>,
    parent: Wanted<KeyUuid>,
}

/// How a list is cut and sorted.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) limit: u32,
    pub(super) after: Option<KeyUuid>,
    pub(super) sort: KeySort,
    pub(super) with_count: bool,
}

/// A filter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Wanted<T> {
    #[default]
    Anything,
    This(T),
    /// What no key here is.
    Nothing,
}

impl Default for Page {
    fn default() -> Self {
        let sort = KeySort::by(vec![(KeyField::CreatedAt, Direction::Descending)]);
        Self { limit: MAX_LIMIT, after: None, sort, with_count: false }
    }
}

impl ListQuery {
    /// Reads a query. Of a repeated parameter the last value counts; the target is signed as a whole. Unknown ones are passed
    /// over.
    ///
    /// # Errors
    /// `ValidationError`, which names each parameter that does not fit.
    pub(super) fn read(query: &str) -> Result<Self, Refusal> {
        let mut list = Self::default();
        let mut problems = Problems::default();
        for (count, (name, value)) in form_pieces(query.as_bytes()).enumerate() {
            let (Ok(name), Ok(value), true) = (form_decode(name), form_decode(value), count < MAX_PARAMETERS)
            else {
                problems.add("query", "Input should be a valid query string");
                break;
            };
            if let Some(known) = NAMES.into_iter().find(|known| *known == name) {
                list.given.retain(|(given, _)| *given != known);
                list.given.push((known, value.into_owned()));
            }
        }
        list.given.retain(|(_, value)| !value.is_empty());
        list.given.sort_by_key(|(name, _)| *name);
        let limit = list.get("limit").map(str::to_owned);
        let with_count = list.get("with_count").is_some_and(|text| text.eq_ignore_ascii_case("true"));
        list.page = Page::read(limit.as_deref(), list.get("marker"), list.get("sort"), &mut problems);
        list.page.with_count = with_count;
        list.kind = match list.get("access_key_type") {
            None => Wanted::Anything,
            Some("PERMANENT") => Wanted::This(KeyKind::Permanent),
            Some("TEMPORARY") => Wanted::This(KeyKind::Temporary),
            Some("SECRET_VAULT_TEMPORARY") => Wanted::Nothing,
            Some(other) => {
                let what = "Input should be 'PERMANENT', 'TEMPORARY' or 'SECRET_VAULT_TEMPORARY', not";
                problems.add("access_key_type", &format!("{what} '{}'", echo(other)));
                Wanted::Nothing
            }
        };
        list.parent = match list.get("parent_access_key_id") {
            None => Wanted::Anything,
            Some(text) => record_id(text).map_or(Wanted::Nothing, Wanted::This),
        };
        problems.check()?;
        Ok(list)
    }

    /// The account asked for.
    pub(super) fn account(&self) -> Option<&str> {
        self.get("account_id")
    }

    /// Which keys; `None` when no key can be meant.
    pub(super) fn key_filter(&self) -> Option<KeyFilter> {
        let mut filter = KeyFilter { schemes: Some(SCOPE.schemes), ..KeyFilter::default() };
        match self.kind {
            Wanted::Anything => {}
            Wanted::This(kind) => filter.kind = Some(kind),
            Wanted::Nothing => return None,
        }
        match self.parent {
            Wanted::Anything => {}
            Wanted::This(parent) => filter.parent = Some(parent),
            Wanted::Nothing => return None,
        }
        Some(filter)
    }

    /// The links of a page of the list at `url`: to the first, to itself, and to the next where there is one.
    pub(super) fn links(&self, url: &str, next: Option<KeyUuid>) -> Vec<Link> {
        let link = |rel, marker: Option<String>| {
            let others = self.given.iter().filter(|(name, _)| *name != "marker");
            let mut parameters: Vec<(&str, &str)> =
                others.map(|(name, value)| (*name, value.as_str())).collect();
            parameters.extend(marker.as_deref().map(|marker| ("marker", marker)));
            parameters.sort_unstable();
            let pieces: Vec<String> = parameters
                .iter()
                .map(|(name, value)| format!("{name}={}", form_encode(value.as_bytes())))
                .collect();
            let mark = if pieces.is_empty() { "" } else { "?" };
            Link { href: [url, mark, &pieces.join("&")].concat(), rel }
        };
        let own = link("self", self.get("marker").map(str::to_owned));
        let mut links = vec![link("first", None), own];
        links.extend(next.map(|next| link("next", Some(next.hex()))));
        links
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.given.iter().find(|(given, _)| *given == name).map(|(_, value)| value.as_str())
    }
}

/// A link of a list, with an absolute URL.
#[derive(Serialize)]
pub(super) struct Link {
    href: String,
    rel: &'static str,
}

#[cfg(feature = "testing")]
impl Link {
    /// What follows the `?`.
    pub(super) fn into_query(self) -> String {
        self.href.split_once('?').map(|(_, query)| query.to_owned()).unwrap_or_default()
    }
}

impl Page {
    fn read(limit: Option<&str>, marker: Option<&str>, sort: Option<&str>, problems: &mut Problems) -> Self {
        let mut page = Self::default();
        if let Some(text) = limit {
            match read_limit(text) {
                Some(limit) => page.limit = limit,
                None => problems.add("limit", "Input should be a whole number of 1 to 10000"),
            }
        }
        if let Some(text) = marker {
            page.after = record_id(text).filter(|_| text.chars().count() <= MARKER_CHARS);
            if page.after.is_none() {
                problems.add("marker", &format!("no such access key in this list: '{}'", echo(text)));
            }
        }
        if let Some(text) = sort {
            match read_sort(text) {
                Ok(sort) => page.sort = sort,
                Err(piece) => {
                    let known: Vec<&str> = FIELDS.iter().map(|(name, _)| *name).collect();
                    let known = known.join(", ");
                    problems
                        .add("sort", &format!("'{}' is not field:asc or field:desc of {known}", echo(piece)));
                }
            }
        }
        page
    }

    /// The same members in the body of a bulk deletion.
    pub(super) fn from_body(members: &Members, problems: &mut Problems) -> Self {
        let limit = match members.get("limit") {
            Some(Value::Number(number)) => Some(number.literal().to_owned()),
            Some(Value::Text(text)) => Some(text.clone()),
            Some(_) => Some("?".to_owned()),
            None => None,
        };
        let marker = members.text("marker", problems).filter(|text| !text.is_empty());
        let sort = members.text("sort", problems).filter(|text| !text.is_empty());
        let mut page = Self::read(limit.as_deref(), marker, sort, problems);
        page.with_count = members.flag("with_count", problems).unwrap_or_default();
        page
    }
}

fn read_limit(text: &str) -> Option<u32> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit))
}

/// Reads `field:asc,field:desc`; a field alone ascends. The provider's page also spells `createdAt,desc`.
///
/// # Errors
/// The piece that is none.
fn read_sort(text: &str) -> Result<KeySort, &str> {
    let mut fields: Vec<(KeyField, Direction)> = Vec::new();
    let mut is_bare = false;
    for piece in text.split(',') {
        if let (Some(direction), true, Some(last)) = (read_direction(piece), is_bare, fields.last_mut()) {
            last.1 = direction;
            is_bare = false;
            continue;
        }
        let (name, direction) = match piece.split_once(':') {
            Some((name, direction)) => (name, Some(read_direction(direction).ok_or(piece)?)),
            None => (piece, None),
        };
        let name = if name == "createdAt" { "created_at" } else { name };
        let (_, field) = FIELDS.iter().find(|(known, _)| *known == name).ok_or(piece)?;
        if fields.iter().any(|(given, _)| given == field) {
            return Err(piece);
        }
        is_bare = direction.is_none();
        fields.push((*field, direction.unwrap_or_default()));
    }
    Ok(KeySort::by(fields))
}

fn read_direction(word: &str) -> Option<Direction> {
    match word {
        "asc" => Some(Direction::Ascending),
        "desc" => Some(Direction::Descending),
        _ => None,
    }
}
