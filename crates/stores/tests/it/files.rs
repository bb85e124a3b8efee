//! The files of a store: whose they are, who may read them (threat T64), and which are refused untouched (promises P7, P14).

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use stores::sqlite::{OpenError, Options, SqliteStore};

use crate::child;
use crate::world::{SCLOUD, Setup, World};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Every directory 0700, every file 0600.
fn assert_private(dir: &Path, when: &str) {
    assert_eq!(mode(dir), 0o700, "{} {when}", dir.display());
    let mut files = 0;
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{} {when}", path.display());
        files += 1;
    }
    assert!(files >= 3, "database, lock and reserve {when}");
}

#[test]
fn t64_files_are_private_under_any_umask() {
    let Some(dir) = child::dir() else {
        for umask in ["000", "022", "027", "077"] {
            let dir = tempfile::tempdir().unwrap();
            child::run("files::t64_files_are_private_under_any_umask", dir.path(), &format!("umask {umask}"));
        }
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let dir = dir.join("several").join("levels").join("deep");
        // First start, writes, a cut of the log, a stop, another start, what an interrupted first start leaves behind.
        let mut world = World::open(&dir, Setup::default());
        assert_private(&dir, "after the first start");
        world.bootstrap().await;
        let member = world.member("member").await;
        assert_private(&dir, "after writing");
        world.service.delete_access_key(&world.admin().await, &member.id, SCLOUD).await.unwrap();
        world.store.close().await.unwrap();
        assert_private(&dir, "after a stop");
        drop(world);
        fs::write(dir.join("keyward.db.new"), "left behind").unwrap();
        fs::remove_file(dir.join("reserve")).unwrap();
        for name in ["keyward.db", "keyward.lock", "keyward.db.new"] {
            fs::set_permissions(dir.join(name), Permissions::from_mode(0o644)).unwrap();
        }
        fs::remove_file(dir.join("keyward.db.new")).unwrap();
        let world = World::open(&dir, Setup::default());
        assert_private(&dir, "after another start with files that were opened to others");
        world.store.close().await.unwrap();
    });
}

#[test]
fn t64_a_directory_of_our_own_is_closed_and_a_foreign_one_left_alone() {
    let parent = tempfile::tempdir().unwrap();
    let open = |dir: &Path| SqliteStore::open(dir, Options::default());

    let empty = parent.path().join("empty");
    fs::create_dir(&empty).unwrap();
    fs::set_permissions(&empty, Permissions::from_mode(0o755)).unwrap();
    drop(open(&empty).unwrap());
    assert_eq!(mode(&empty), 0o700);

    let ours = parent.path().join("ours");
    fs::create_dir(&ours).unwrap();
    fs::write(ours.join("master.key"), "x").unwrap();
    fs::set_permissions(&ours, Permissions::from_mode(0o777)).unwrap();
    drop(open(&ours).unwrap());
    assert_eq!(mode(&ours), 0o700);

    let foreign = parent.path().join("foreign");
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("notes.txt"), "x").unwrap();
    fs::set_permissions(&foreign, Permissions::from_mode(0o755)).unwrap();
    let refused = open(&foreign).err().unwrap();
    assert!(matches!(refused, OpenError::Shared { mode: 0o755, .. }), "{refused}");
    assert_eq!(mode(&foreign), 0o755);
    assert_eq!(fs::read_dir(&foreign).unwrap().count(), 1, "nothing was put there");
    fs::set_permissions(&foreign, Permissions::from_mode(0o700)).unwrap();
    drop(open(&foreign).unwrap());
}

#[test]
fn a_second_opener_is_told_who_has_the_directory() {
    let dir = tempfile::tempdir().unwrap();
    let first = SqliteStore::open(dir.path(), Options::default()).unwrap();
    let refused = SqliteStore::open(dir.path(), Options::default()).err().unwrap();
    let own = std::process::id();
    assert!(matches!(refused, OpenError::InUse { owner: Some(pid), .. } if pid == own), "{refused}");
    assert!(refused.to_string().contains(&format!("in use by process {own}")), "{refused}");
    drop(first);
    SqliteStore::open(dir.path(), Options::default()).unwrap();
}

/// Opens `dir`, which must be refused, and makes sure that its database is byte for byte what it was.
fn assert_refused(dir: &Path, is_expected: impl Fn(&OpenError) -> bool) {
    let file = dir.join("keyward.db");
    let before = fs::read(&file).ok();
    let refused = SqliteStore::open(dir, Options::default()).err().unwrap();
    assert!(is_expected(&refused), "{refused}");
    assert_eq!(fs::read(&file).ok(), before, "the file was touched");
}

fn store_file(change: impl FnOnce(&Path)) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    drop(SqliteStore::open(dir.path(), Options::default()).unwrap());
    change(dir.path());
    dir
}

#[test]
fn foreign_newer_and_damaged_files_are_refused_untouched() {
    let text = tempfile::tempdir().unwrap();
    fs::write(text.path().join("keyward.db"), "this is no database, only text\n".repeat(100)).unwrap();
    assert_refused(text.path(), |error| matches!(error, OpenError::Foreign { .. }));

    let other = tempfile::tempdir().unwrap();
    let db = rusqlite::Connection::open(other.path().join("keyward.db")).unwrap();
    db.execute_batch("CREATE TABLE recipes (name TEXT); INSERT INTO recipes VALUES ('soup');").unwrap();
    drop(db);
    assert_refused(other.path(), |error| matches!(error, OpenError::Foreign { .. }));

    let newer = store_file(|dir| {
        let db = rusqlite::Connection::open(dir.join("keyward.db")).unwrap();
        let own: i64 = db.query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
        db.execute_batch(&format!("PRAGMA user_version = {}; PRAGMA wal_checkpoint(TRUNCATE);", own + 1))
            .unwrap();
    });
    assert_refused(
        newer.path(),
        |error| matches!(error, OpenError::Newer { found, known, .. } if *found == i32::try_from(known + 1).unwrap()),
    );

    let unborn = store_file(|dir| {
        let db = rusqlite::Connection::open(dir.join("keyward.db")).unwrap();
        db.execute_batch("PRAGMA user_version = 0; PRAGMA wal_checkpoint(TRUNCATE);").unwrap();
    });
    assert_refused(unborn.path(), |error| matches!(error, OpenError::Newer { found: 0, .. }));

    let empty = store_file(|dir| fs::write(dir.join("keyward.db"), "").unwrap());
    assert_refused(empty.path(), |error| matches!(error, OpenError::Damaged { what: "it is empty", .. }));

    let lost = store_file(|dir| {
        fs::rename(dir.join("keyward.db"), dir.join("keyward.db-wal")).unwrap();
    });
    assert_refused(lost.path(), |error| matches!(error, OpenError::Damaged { .. }));
    assert!(!lost.path().join("keyward.db").exists(), "no new store was put in its place");
}

#[test]
fn a_first_start_that_was_cut_off_is_begun_again() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("keyward.db.new"), "half a database").unwrap();
    let opened = SqliteStore::open(dir.path(), Options::default()).unwrap();
    assert_eq!(opened.ring_rows(), Ok(Vec::new()));
    assert!(!dir.path().join("keyward.db.new").exists());
}
