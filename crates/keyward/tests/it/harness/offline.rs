//! Work on a store through the use cases while no server runs on it: for what no dialect of this build can do.

use std::sync::Arc;
use std::time::Duration;

use domain::Service;
use domain::audit::{AuditEntry, ChainHead};
use domain::authenticate::Freshness;
use domain::caller::{Caller, Origin};
use domain::clock::Clock;
use domain::id::RequestId;
use keyward::config::Config;
use keyward::node::{Alarms, Node, OnMissing, World};
use keyward::system::{OsRandom, SystemClock};
use signing::Params;

use super::Setup;

struct Silent;

impl Alarms for Silent {
    fn store_failed(&self, cause: &str) {
        panic!("{cause}");
    }

    fn changed(&self, _: &AuditEntry) {}

    fn audit_head(&self, _: &ChainHead) {}

    fn committed_in(&self, _: Duration) {}
}

impl Setup {
    /// Has the administrator do something. A server must have run before, and none runs now.
    pub(crate) fn offline<T>(&self, work: impl AsyncFnOnce(&Service, &Caller) -> T) -> T {
        let config = Config { data_dir: self.data(), ..Config::default() };
        let world = World {
            clock: Arc::new(SystemClock),
            random: Arc::new(OsRandom),
            environment: Arc::new(|_| None),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let node = Node::open(&config, &world, Arc::new(Silent), OnMissing::Refuse).await.unwrap();
            let administrator = self.administrator.as_ref().unwrap();
            let form = Params::from_form(administrator.form("ListUsers", &[]).as_bytes(), 8).unwrap();
            let claim = signing::scloud::parse(&form).unwrap();
            let request = RequestId::generate(Clock::now(&SystemClock), &OsRandom);
            let origin = Origin { request, source: None, dialect: "test" };
            let caller = node.service.authenticate(&claim, origin, Freshness { window_ms: 0 }).await.unwrap();
            let result = work(&node.service, &caller).await;
            node.store.close().await.unwrap();
            result
        })
    }
}
