//! Somebody edits the file by hand (threat T60): whatever he changes, the key is unusable or `verify-store` finds it.

use std::fs;

use domain::authenticate::{AuthError, Freshness};
use domain::caller::Caller;
use domain::clock::Clock;
use domain::decision::Unusable;
use domain::invariants;
use domain::secret::Secret;
use domain::service::{Parts, Service};
use domain::ssh_keys::{NewSshKey, SshKeyRef};
use domain::tokens::TokenKeyIssue;
use domain::users::{UserChange, UserStatus};
use domain::vault::Vault;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use crate::world::{
    Credentials, OTHER_SSH_KEY, PASSWORD, SCLOUD, SHAPE, SSH_KEY, Setup, World, issue, master_key,
    new_ssh_key,
};

/// An installation with the editor's own connection to its file and a copy of it as it should be.
struct Bench {
    world: World,
    db: Connection,
    /// Every key with its secret, some of them disabled or deleted.
    keys: Vec<Credentials>,
    alive: Credentials,
    /// A key of a token, and its security token.
    of_token: (Credentials, String),
}

impl Bench {
    async fn new() -> Self {
        let world = World::sqlite().await;
        let admin = world.admin().await;
        let alive = world.member("nina").await;
        let other = world.another_account("abroad").await;
        let disabled = world.another_key("nina").await;
        let change = domain::access_keys::KeyChange {
            status: Some(domain::access_keys::KeyStatus::Inactive),
            description: Some("a description".to_owned()),
            ..Default::default()
        };
        world.service.update_access_key(&admin, &disabled.id, SCLOUD, change).await.unwrap();
        let deleted = world.member("oscar").await;
        world.service.delete_access_key(&admin, &deleted.id, SCLOUD).await.unwrap();
        let change = UserChange {
            display_name: Some("Nina".to_owned()),
            email: Some("nina@example.org".to_owned()),
            attributes: [("scloud.a".to_owned(), "b".to_owned())].into(),
            ..UserChange::default()
        };
        world.service.update_user(&admin, "nina", change).await.unwrap();
        // Before the others: that the last entry of the audit is gone shows only when it is about something that is stored.
        let token = world.log_in("admin", PASSWORD).await.unwrap().text;
        let holder = world.service.authenticate_token(&token, world.origin()).await.unwrap();
        let new = TokenKeyIssue { dialect: "scloud", schemes: SCLOUD, shape: &SHAPE, lives_ms: 1_000 };
        let made = world.service.create_token_key(&holder, &new).await.unwrap();
        let secret = made.secret.into_text().as_bytes().to_vec();
        let credentials = Credentials { id: made.key.key_id.as_str().to_owned(), secret };
        let of_token = (credentials, made.security_token.to_string());
        let expires_at = Some(world.clock.now().plus(1_000));
        let sources = ["10.0.0.0/8".parse().unwrap()];
        let new = NewSshKey { expires_at, sources: &sources, ..new_ssh_key(SSH_KEY) };
        world.service.add_ssh_key(&admin, "nina", new).await.unwrap();
        let gone = world.service.add_ssh_key(&admin, "nina", new_ssh_key(OTHER_SSH_KEY)).await.unwrap();
        world.service.delete_ssh_key(&admin, SshKeyRef { serial: gone.serial, owner: None }).await.unwrap();
        world.assert_clean().await;
        let path = world.dir.as_ref().unwrap().path().join("keyward.db");
        let db = Connection::open(&path).unwrap();
        db.execute_batch(
            "PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF; PRAGMA wal_checkpoint(TRUNCATE);",
        )
        .unwrap();
        // Outside the directory, which is the store's alone.
        let copy = tempfile::NamedTempFile::new().unwrap().into_temp_path();
        fs::copy(&path, &copy).unwrap();
        db.execute("ATTACH ?1 AS good", [copy.to_str().unwrap()]).unwrap();
        let _ = copy.keep().map(fs::remove_file);
        let keys = vec![world.root.clone(), alive.clone(), other, disabled, deleted];
        Self { world, db, keys, alive, of_token }
    }

    /// Puts a table back as it was.
    fn restore(&self, table: &str) {
        let undo = format!(
            "BEGIN; DELETE FROM main.{table}; INSERT INTO main.{table} SELECT * FROM good.{table}; COMMIT"
        );
        self.db.execute_batch(&undo).unwrap();
    }

    /// A server that has just started over the edited file; `None` when it does not start.
    async fn server(&self) -> Option<Service> {
        let ring = self.world.store.key_ring().await.ok()?;
        let vault = Vault::open(&master_key(), &ring, self.world.random.as_ref()).ok()?;
        Some(Service::new(Parts {
            store: self.world.store.clone(),
            vault: vault.into(),
            generations: Default::default(),
            clock: self.world.clock.clone(),
            random: self.world.random.clone(),
            limits: Default::default(),
            blocked_keys: Default::default(),
        }))
    }

    /// Which of the keys such a server accepts.
    async fn accepted(&self) -> Vec<&str> {
        let mut accepted = Vec::new();
        if let Some(server) = self.server().await {
            for key in &self.keys {
                if judge(&server, &self.world, key).await.is_ok() {
                    accepted.push(key.id.as_str());
                }
            }
        }
        accepted
    }

    /// What such a server says to one key.
    async fn verdict(&self, who: &Credentials) -> Result<Caller, AuthError> {
        judge(&self.server().await.unwrap(), &self.world, who).await
    }

    /// What such a server says to the key of a token.
    async fn verdict_of_token_key(&self) -> Result<Caller, AuthError> {
        let (credentials, security_token) = &self.of_token;
        let claim = credentials.claim(&[("Action", "X"), ("SecurityToken", security_token)]);
        let server = self.server().await.unwrap();
        server.authenticate(&claim, self.world.origin(), Freshness { window_ms: 1 }).await
    }

    /// Whether `verify-store` says that something is wrong.
    async fn is_found(&self) -> bool {
        let Ok(ring) = self.world.store.key_ring().await else { return true };
        let Ok(vault) = Vault::open(&master_key(), &ring, self.world.random.as_ref()) else { return true };
        let limits = self.world.service.limits();
        invariants::check(self.world.store.as_ref(), &vault, limits)
            .await
            .map_or(true, |report| !report.is_clean())
    }

    fn columns(&self, table: &str) -> Vec<(String, String)> {
        let mut statement = self.db.prepare(&format!("PRAGMA main.table_info({table})")).unwrap();
        let columns = statement.query_map([], |row| Ok((row.get(1)?, row.get(2)?))).unwrap();
        columns.map(Result::unwrap).collect()
    }

    fn rows(&self, table: &str, order: &str) -> Vec<Vec<Value>> {
        let width = self.columns(table).len();
        let mut statement = self.db.prepare(&format!("SELECT * FROM main.{table} ORDER BY {order}")).unwrap();
        let rows = statement.query_map([], |row| (0..width).map(|at| row.get(at)).collect()).unwrap();
        rows.map(Result::unwrap).collect()
    }

    /// Replaces one row by another; `false` when the schema refuses it, or makes another row of it.
    fn replace(&self, table: &str, old: &[Value], new: &[Value]) -> bool {
        let columns = self.columns(table);
        let same: Vec<String> =
            (1..).zip(&columns).map(|(at, (name, _))| format!("{name} IS ?{at}")).collect();
        let transaction = self.db.unchecked_transaction().unwrap();
        let delete = format!("DELETE FROM main.{table} WHERE {}", same.join(" AND "));
        assert_eq!(transaction.execute(&delete, params_from_iter(old)).unwrap(), 1);
        let places: Vec<String> = (1..=new.len()).map(|at| format!("?{at}")).collect();
        let insert = format!("INSERT INTO main.{table} VALUES ({})", places.join(", "));
        let is_done = transaction.execute(&insert, params_from_iter(new)).is_ok();
        transaction.commit().unwrap();
        let is_done = is_done && self.rows(table, "1").iter().any(|row| row == new);
        if !is_done {
            self.restore(table);
        }
        is_done
    }
}

async fn judge(server: &Service, world: &World, who: &Credentials) -> Result<Caller, AuthError> {
    let claim = who.claim(&[("Action", "X")]);
    server.authenticate(&claim, world.origin(), Freshness { window_ms: 1 }).await
}

/// Other values that somebody might write there: near ones, empty ones, and the words that mean more rights.
fn edits(value: &Value, kind: &str) -> Vec<Value> {
    let words =
        ["active", "inactive", "frozen", "disabled", "admin", "member", "auditor", "permanent", "temporary"];
    let mut edits: Vec<Value> = match value {
        Value::Null => Vec::new(),
        Value::Integer(n) => [n + 1, n - 1, 0, -1, i64::MAX].map(Value::Integer).to_vec(),
        Value::Text(text) => {
            let mut texts = vec![format!("{text}x"), String::new(), text.to_uppercase()];
            texts.extend(words.map(str::to_owned));
            texts.into_iter().map(Value::Text).collect()
        }
        Value::Blob(bytes) => {
            let mut blobs = vec![Vec::new(), vec![0; 16], [bytes.as_slice(), &[0]].concat()];
            for at in [0, bytes.len() / 2, bytes.len() - 1] {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1;
                blobs.push(flipped);
            }
            blobs.into_iter().map(Value::Blob).collect()
        }
        Value::Real(_) => panic!("there is no column of this type"),
    };
    edits.push(Value::Null);
    if *value == Value::Null {
        edits.push(match kind {
            "INTEGER" => Value::Integer(4_000_000_000_000),
            "TEXT" => Value::Text(String::new()),
            _ => Value::Blob(vec![7; 16]),
        });
    }
    edits.retain(|edit| edit != value);
    edits
}

/// Edits that nothing needs to notice.
fn is_harmless(table: &str, column: &str, old: &Value, new: &Value) -> bool {
    match (table, column, old, new) {
        // A raised count makes the next data key come earlier. One lowered to no less than the secrets that are stored cannot
        // be told from a right one, and is too small a step to matter.
        ("key_ring", "seals", Value::Integer(old), Value::Integer(new)) => *new >= old - 1,
        _ => false,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t60_no_edited_column_of_any_table_goes_unnoticed() {
    let bench = Bench::new().await;
    let healthy = bench.accepted().await;
    assert_eq!(healthy.len(), 3, "root, one member, one abroad");
    let mut tables: Vec<String> = {
        // Statistics without a promise; and what opens nothing once it is edited, for which there is a test of its own.
        let query = "SELECT name FROM main.sqlite_master WHERE type = 'table' \
                     AND name NOT IN ('refusals', 'last_used', 'remembered_requests')";
        let mut statement = bench.db.prepare(query).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    tables.sort();
    assert_eq!(
        tables,
        [
            "access_keys",
            "accounts",
            "audit",
            "key_ring",
            "passwords",
            "serials",
            "ssh_keys",
            "token_keys",
            "tokens",
            "users"
        ]
    );
    let mut noticed = 0;
    for table in &tables {
        let columns = bench.columns(table);
        let mut untried: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
        let rows = bench.rows(table, "1");
        // The first and the last rows differ in what is set; the middle ones are alike.
        for row in rows.iter().take(2).chain(rows.iter().rev().take(2)) {
            for (at, (column, kind)) in columns.iter().enumerate() {
                for edit in edits(&row[at], kind) {
                    if is_harmless(table, column, &row[at], &edit) {
                        continue;
                    }
                    let mut edited = row.clone();
                    edited[at] = edit.clone();
                    if !bench.replace(table, row, &edited) {
                        continue;
                    }
                    untried.retain(|name| name != column);
                    let what = format!("{table}.{column} from {:?} to {edit:?}", row[at]);
                    assert!(bench.is_found().await, "verify-store does not notice {what}");
                    let accepted = bench.accepted().await;
                    let gained = accepted.iter().find(|key| !healthy.contains(key));
                    assert_eq!(gained, None, "a key works that must not, by {what}");
                    noticed += 1;
                    bench.restore(table);
                }
            }
        }
        assert_eq!(untried, Vec::<&str>::new(), "columns of {table} that no edit reached");
    }
    println!("{noticed} edits noticed");
    assert!(!bench.is_found().await, "all edits were taken back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t60_an_edited_key_user_or_account_makes_the_key_unusable() {
    let bench = Bench::new().await;
    let edits = [
        "UPDATE access_keys SET expires_at = NULL, status = 'active', version = version + 1",
        "UPDATE access_keys SET user = (SELECT uuid FROM users WHERE is_root = 1 LIMIT 1)",
        "UPDATE access_keys SET schemes = 255",
        "UPDATE access_keys SET description = 'innocent'",
        "UPDATE access_keys SET sources = '0.0.0.0/0 '",
        "UPDATE access_keys SET sealed = (SELECT sealed FROM access_keys WHERE sealed IS NOT NULL ORDER BY key_id LIMIT 1)",
        "UPDATE access_keys SET mark = zeroblob(32)",
        "UPDATE users SET role = 'admin'",
        "UPDATE users SET status = 'frozen'",
        "UPDATE users SET display_name = 'root'",
        "UPDATE accounts SET status = 'disabled'",
        "UPDATE accounts SET max_key_lifetime_ms = 1",
    ];
    for edit in edits {
        bench.db.execute(edit, []).unwrap();
        let refused = bench.verdict(&bench.alive).await;
        assert!(refused.is_err(), "{edit}: {refused:?}");
        let is_owner = edit.contains("SET user");
        assert!(is_owner || matches!(refused, Err(AuthError::Damaged)), "{edit}: {refused:?}");
        assert!(bench.is_found().await, "{edit}");
        for table in ["access_keys", "users", "accounts"] {
            bench.restore(table);
        }
        bench.verdict(&bench.alive).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t60_an_edited_key_of_a_token_or_one_without_its_token_opens_nothing() {
    let bench = Bench::new().await;
    bench.verdict_of_token_key().await.unwrap();
    let edits = [
        "UPDATE token_keys SET expires_at = expires_at + 1",
        "UPDATE token_keys SET schemes = 255",
        "UPDATE token_keys SET dialect = 'other'",
        "UPDATE token_keys SET security_token = zeroblob(32)",
        "UPDATE token_keys SET token = (SELECT hash FROM tokens LIMIT 1), issued_at = 0",
        "UPDATE token_keys SET user = (SELECT uuid FROM users WHERE is_root = 0 LIMIT 1)",
        "UPDATE token_keys SET sealed = (SELECT sealed FROM access_keys WHERE sealed IS NOT NULL LIMIT 1)",
        "UPDATE token_keys SET mark = zeroblob(32)",
        "UPDATE tokens SET expires_at = expires_at + 1",
        "DELETE FROM tokens",
    ];
    for edit in edits {
        assert!(bench.db.execute(edit, []).unwrap() > 0, "{edit}");
        let refused = bench.verdict_of_token_key().await;
        let is_refused = matches!(
            refused,
            Err(AuthError::UnknownKey | AuthError::Unusable(Unusable::ParentUnusable) | AuthError::Damaged)
        );
        assert!(is_refused, "{edit}: {refused:?}");
        assert!(bench.is_found().await, "{edit}");
        bench.restore("token_keys");
        bench.restore("tokens");
        bench.verdict_of_token_key().await.unwrap();
    }
    assert!(!bench.is_found().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t60_rows_moved_swapped_removed_or_put_back_are_found() {
    let bench = Bench::new().await;
    let world = &bench.world;
    // Ciphertext from row to row, both ways.
    let rows = bench.rows("access_keys", "key_id");
    let columns = bench.columns("access_keys");
    let place = |wanted| columns.iter().position(|(name, _)| name == wanted).unwrap();
    let (sealed, key_id) = (place("sealed"), place("key_id"));
    for (from, to) in [(0, 1), (1, 0), (1, 2), (2, 1)] {
        if rows[from][sealed] == Value::Null || rows[to][sealed] == Value::Null {
            continue;
        }
        let mut moved = rows[to].clone();
        moved[sealed] = rows[from][sealed].clone();
        assert!(bench.replace("access_keys", &rows[to], &moved));
        assert!(bench.is_found().await, "ciphertext of row {from} in row {to}");
        let Value::Text(key_id) = &rows[to][key_id] else { panic!("an id is a text") };
        assert!(!bench.accepted().await.contains(&key_id.as_str()), "the key is unusable");
        bench.restore("access_keys");
    }
    // A row that is gone, in every table.
    for table in ["access_keys", "accounts", "audit", "key_ring", "serials", "ssh_keys", "users"] {
        for row in bench.rows(table, "1") {
            let columns = bench.columns(table);
            let same: Vec<String> =
                (1..).zip(&columns).map(|(at, (name, _))| format!("{name} IS ?{at}")).collect();
            let delete = format!("DELETE FROM main.{table} WHERE {}", same.join(" AND "));
            assert_eq!(bench.db.execute(&delete, params_from_iter(&row)).unwrap(), 1);
            assert!(bench.is_found().await, "a row of {table} is gone: {row:?}");
            bench.restore(table);
        }
    }
    // Audit entries that change places.
    bench
        .db
        .execute_batch("UPDATE audit SET seq = -1 WHERE seq = 4; UPDATE audit SET seq = 4 WHERE seq = 5; UPDATE audit SET seq = 5 WHERE seq = -1")
        .unwrap();
    assert!(bench.is_found().await);
    bench.restore("audit");
    assert!(!bench.is_found().await);

    // Old rows put back after the change: their marks are right, their versions are not.
    let admin = world.admin().await;
    let old_keys = bench.rows("access_keys", "uuid");
    let old_users = bench.rows("users", "uuid");
    world.service.delete_access_key(&admin, &bench.alive.id, SCLOUD).await.unwrap();
    let frozen = UserChange { status: Some(UserStatus::Frozen), ..UserChange::default() };
    world.service.update_user(&admin, "nina", frozen).await.unwrap();
    assert!(!bench.is_found().await);
    for (table, old) in [("access_keys", old_keys), ("users", old_users)] {
        let new = bench.rows(table, "uuid");
        let changed: Vec<usize> = (0..new.len()).filter(|&at| old[at] != new[at]).collect();
        assert_eq!(changed.len(), 1);
        assert!(bench.replace(table, &new[changed[0]], &old[changed[0]]));
        assert!(bench.is_found().await, "an old row of {table} was put back");
        assert!(bench.replace(table, &old[changed[0]], &new[changed[0]]));
        assert!(!bench.is_found().await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t60_an_old_password_or_an_ended_token_put_back_is_found() {
    let bench = Bench::new().await;
    let (world, admin) = (&bench.world, bench.world.admin().await);
    let set = async |name: &str, password: &[u8]| {
        world.clock.advance(1);
        world.service.set_password(&admin, name, &Secret::new(password.to_vec())).await.unwrap();
    };
    // The root user's first one came with him; nina's is an ordinary one.
    set("nina", b"the first of nina").await;
    for name in ["admin", "nina"] {
        let old = bench.rows("passwords", "user");
        set(name, b"another one").await;
        assert!(!bench.is_found().await);
        let new = bench.rows("passwords", "user");
        let changed = (0..new.len()).find(|&at| old[at] != new[at]).unwrap();
        assert!(bench.replace("passwords", &new[changed], &old[changed]));
        assert!(bench.is_found().await, "an old password of {name} was put back");
        assert!(bench.replace("passwords", &old[changed], &new[changed]));
        assert!(!bench.is_found().await);
    }
    let token = world.log_in("nina", b"another one").await.unwrap().text;
    world.service.create_gate_token(&admin, "nginx").await.unwrap();
    for end in ["session", "gate"] {
        let old = bench.rows("tokens", "hash");
        match end {
            "session" => world.service.revoke_token(&admin, &token).await.unwrap(),
            _ => world.service.revoke_gate_token(&admin, "nginx").await.unwrap(),
        }
        let new = bench.rows("tokens", "hash");
        let gone = old.iter().find(|row| !new.contains(row)).unwrap();
        let places: Vec<String> = (1..=gone.len()).map(|at| format!("?{at}")).collect();
        let insert = format!("INSERT INTO main.tokens VALUES ({})", places.join(", "));
        bench.db.execute(&insert, params_from_iter(gone)).unwrap();
        assert!(bench.is_found().await, "a {end} token was put back");
        bench.db.execute("DELETE FROM main.tokens WHERE hash = ?1", [&gone[0]]).unwrap();
        assert!(!bench.is_found().await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t60_an_old_file_put_back_is_told_by_the_heads_that_left_the_machine() {
    let world = World::sqlite().await;
    let member = world.member("paul").await;
    let world = world.restart().await;
    let file = world.dir.as_ref().unwrap().path().join("keyward.db");
    world.service.create_access_key(&world.admin().await, "paul", &issue()).await.unwrap();
    let world = world.restart().await;
    let old = fs::read(&file).unwrap();
    world.service.delete_access_key(&world.admin().await, &member.id, SCLOUD).await.unwrap();
    let exported = world.observer.heads.lock().unwrap().last().copied().unwrap();
    let dir = world.dir.unwrap();
    world.store.close().await.unwrap();
    drop((world.service, world.store));
    assert_ne!(fs::read(&file).unwrap(), old);
    fs::write(&file, old).unwrap();

    let world = World::open(dir.path(), Setup::default());
    let report = world.check().await;
    assert!(report.is_clean(), "by itself the old file is whole");
    assert_eq!(report.heads.len(), 2);
    assert!(!report.heads.contains(&exported), "but the newest head that was exported is not in it");
    let chain = report.heads.iter().find(|head| head.node == exported.node);
    assert_eq!(chain, None);
}
