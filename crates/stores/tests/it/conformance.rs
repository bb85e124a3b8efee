//! The conformance suite over every store.

use std::sync::{Arc, Mutex};

use stores::conformance::{CASES, Start, Subject};
use stores::memory::MemoryStore;
use stores::sqlite::{Options, SqliteStore};

fn run(start: Start<'_>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    for (name, case) in CASES {
        println!("{name}");
        runtime.block_on(case(Subject::start(start)));
    }
}

#[test]
fn memory_conforms() {
    run(&|ring, chain, observer| MemoryStore::start(ring, chain, observer));
}

#[test]
fn sqlite_conforms() {
    let dirs = Mutex::new(Vec::new());
    run(&|ring, chain, observer| {
        let dir = tempfile::tempdir().unwrap();
        let options = Options { readers: 2, reserve_bytes: 64 * 1024, ..Options::default() };
        let mut opened = SqliteStore::open(dir.path(), options).unwrap();
        opened.insert_ring_rows(&ring).unwrap();
        dirs.lock().unwrap().push(dir);
        let store: Arc<SqliteStore> = opened.start(chain, observer).unwrap();
        store
    });
}
