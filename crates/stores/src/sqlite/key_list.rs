//! Keys of an account in the order of creation, filtered: pages and counts. The text of a query is put together from
//! constants only; whatever a request says is bound (threat T77).

use domain::access_keys::{AccessKey, Direction, KeyScan, KeyScanPage, Tombstones, Total};
use domain::clock::UnixMillis;
use domain::id::KeyUuid;
use rusqlite::types::ToSql;
use rusqlite::{Connection, params};

use super::fault::Fault;
use super::reads::{all, first};
use super::rows;

/// A key by its record, deleted keys included.
pub(super) fn key_row(db: &Connection, key: KeyUuid) -> Result<Option<AccessKey>, Fault> {
    let query = format!("SELECT {} FROM access_keys WHERE uuid = ?1", rows::ACCESS_KEY);
    first(db, &query, params![key.as_bytes()], rows::access_key)
}

/// A page. Live and dead keys are in indexes of their own, so they are read apart and merged.
pub(super) fn scan_keys(db: &Connection, scan: &KeyScan) -> Result<KeyScanPage, Fault> {
    let halves: &[&str] = match scan.filter.tombstones {
        Tombstones::LeftOut => &[LIVE],
        Tombstones::Included => &[LIVE, DEAD],
    };
    let mut page = KeyScanPage { keys: Vec::new(), total: (scan.total == Total::Counted).then_some(0) };
    for half in halves {
        page.keys
            .extend(with_bound(scan, |bound| all(db, &page_query(scan, half), bound, rows::access_key))?);
        if let Some(total) = &mut page.total {
            *total += with_bound(scan, |bound| count(db, &count_query(scan, half), bound))?;
        }
    }
    let place = |key: &AccessKey| (key.created_at, key.uuid);
    match scan.direction {
        Direction::Ascending => page.keys.sort_by_key(place),
        Direction::Descending => page.keys.sort_by_key(|key| std::cmp::Reverse(place(key))),
    }
    page.keys.truncate(usize::try_from(scan.limit).unwrap_or(usize::MAX));
    Ok(page)
}

const LIVE: &str = "deleted_at IS NULL";
const DEAD: &str = "deleted_at IS NOT NULL";

/// What each filter asks for, by the numbers of [`with_bound`]; an absent one is NULL and asks for nothing.
const FILTERS: &str = "(?3 IS NULL OR status = ?3) AND (?4 IS NULL OR kind = ?4) AND (?5 IS NULL OR dialect = ?5) \
     AND (?6 IS NULL OR schemes & ?6 <> 0) AND (?7 IS NULL OR parent = ?7) AND (?8 IS NULL OR expires_at < ?8) \
     AND (?12 IS NULL OR NOT EXISTS \
          (SELECT 1 FROM last_used WHERE kind = 'access-key' AND record = access_keys.uuid AND at >= ?12))";

/// Whose keys: each has an index that gives the order too. The sign keeps the other index out of it.
fn owner(scan: &KeyScan) -> &'static str {
    match scan.filter.user {
        None => "account = ?1 AND ?2 IS NULL",
        Some(_) => "+account = ?1 AND user = ?2",
    }
}

fn page_query(scan: &KeyScan, half: &str) -> String {
    let (behind, order) = match scan.direction {
        Direction::Ascending => (">", "ASC"),
        Direction::Descending => ("<", "DESC"),
    };
    format!(
        "SELECT {} FROM access_keys WHERE {} AND {half} AND (created_at, uuid) {behind} (?9, ?10) AND {FILTERS} \
         ORDER BY created_at {order}, uuid {order} LIMIT ?11",
        rows::ACCESS_KEY,
        owner(scan)
    )
}

/// Names the place and the limit too, so that both queries are bound alike.
fn count_query(scan: &KeyScan, half: &str) -> String {
    format!(
        "SELECT count(*) FROM access_keys WHERE {} AND {half} AND {FILTERS} AND coalesce(?9, ?10, ?11) IS NOT NULL",
        owner(scan)
    )
}

fn count(db: &Connection, query: &str, bound: &[&dyn ToSql]) -> Result<u64, Fault> {
    Ok(db.prepare_cached(query)?.query_row(bound, |row| row.get(0))?)
}

/// Calls with the twelve values of a query.
fn with_bound<T>(scan: &KeyScan, call: impl FnOnce(&[&dyn ToSql]) -> T) -> T {
    let filter = &scan.filter;
    let (at, record) =
        scan.after.map_or_else(|| before_all(scan.direction), |(at, key)| (at, *key.as_bytes()));
    call(&[
        scan.account.as_bytes(),
        &filter.user.as_ref().map(|user| user.as_bytes()),
        &filter.status.map(|status| status.as_str()),
        &filter.kind.map(|kind| kind.as_str()),
        &filter.dialect,
        &filter.schemes.map(|schemes| schemes.bits()),
        &filter.parent.as_ref().map(KeyUuid::as_bytes),
        &filter.expires_before.map(|at| at.0),
        &at.0,
        &record,
        &scan.limit,
        &filter.unused_since.map(|at| at.0),
    ])
}

/// A place before every key.
const fn before_all(direction: Direction) -> (UnixMillis, [u8; 16]) {
    match direction {
        Direction::Ascending => (UnixMillis(i64::MIN), [0; 16]),
        Direction::Descending => (UnixMillis(i64::MAX), [0xff; 16]),
    }
}

#[cfg(test)]
mod tests {
    use domain::access_keys::KeyFilter;
    use domain::id::{AccountUuid, UserUuid};

    use super::*;

    /// Without its index a list of a large account would sort all of it for each page.
    #[test]
    fn every_list_runs_along_an_index() {
        let mut db = Connection::open_in_memory().unwrap();
        super::super::schema::create(&mut db).unwrap();
        let account = AccountUuid::from_bytes([1; 16]);
        for user in [None, Some(UserUuid::from_bytes([2; 16]))] {
            for direction in [Direction::Ascending, Direction::Descending] {
                let filter = KeyFilter { user, ..KeyFilter::default() };
                let scan =
                    KeyScan { account, filter, direction, after: None, limit: 10, total: Total::Uncounted };
                for (half, suffix) in [(LIVE, "live"), (DEAD, "dead")] {
                    let query = format!("EXPLAIN QUERY PLAN {}", page_query(&scan, half));
                    let plan: Vec<String> =
                        with_bound(&scan, |bound| all(&db, &query, bound, |row| Ok(row.get(3)?))).unwrap();
                    let index = if user.is_some() { "access_keys" } else { "access_keys_account" };
                    let (index, bound) = (format!("USING INDEX {index}_{suffix} ("), "created_at");
                    assert!(plan[0].contains(&index) && plan[0].contains(bound), "{plan:?}");
                    // Beside the walk there is the last use of each key that it passes, found by its primary key.
                    let is_last_use = |step: &String| {
                        step.contains("SUBQUERY") || step.contains("last_used USING PRIMARY KEY")
                    };
                    assert!(plan[1..].iter().all(is_last_use), "a sort beside the index: {plan:?}");
                }
            }
        }
    }
}
