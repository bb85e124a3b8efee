//! A server with users and keys in it, filled over its own API: the data are then exactly what the product stores.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::cases::{ListCase, Owner, succeeded};
use super::load::{self, Request};
use super::pages;
use super::stats::Sample;
use crate::harness::process::{Launch, Process, SERVER_LISTENERS};
use crate::harness::scloud::{self, Answer, Credential};

/// The product's default quota, left as it is.
pub(super) const KEYS_PER_USER: usize = 2;
/// Seeding is not measured; more connections than in the figures fill larger batches.
pub(super) const SEEDING_CONNECTIONS: usize = 200;

/// A server's data, and the server while it runs.
pub(super) struct Fixture {
    launch: Launch,
    running: Option<(Process, SocketAddr)>,
}

impl Fixture {
    /// Starts a server on an empty directory below `folder`. Everything is as configured by default, but for the number of
    /// users that one account may have.
    pub(super) fn start(binary: &Path, folder: &Path, name: &str) -> Result<Self> {
        Self::start_with(binary, folder, name, &[])
    }

    /// The same with further settings.
    pub(super) fn start_with(
        binary: &Path,
        folder: &Path,
        name: &str,
        settings: &[(&'static str, &str)],
    ) -> Result<Self> {
        let bootstrap =
            Credential { id: "bench-administrator".to_owned(), secret: "bench-secret-".repeat(4) };
        let data_dir: PathBuf = folder.join(name);
        let more = settings.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let mut settings = vec![
            ("KEYWARD_LIMITS__USERS_PER_ACCOUNT", "10000000".to_owned()),
            ("KEYWARD_GATE__OPEN", "true".to_owned()),
            ("KEYWARD_GATE__SOCKET", socket_of(&data_dir).display().to_string()),
        ];
        settings.extend(more);
        let launch = Launch { binary: binary.to_owned(), data_dir, bootstrap, settings };
        let mut fixture = Self { launch, running: None };
        fixture.restart()?;
        Ok(fixture)
    }

    /// Starts the server, after stopping it when it runs.
    pub(super) fn restart(&mut self) -> Result<SocketAddr> {
        self.stop()?;
        let running = self.launch.start()?.ready(SERVER_LISTENERS)?;
        let address = running.1;
        self.running = Some(running);
        Ok(address)
    }

    /// The gate's socket.
    pub(super) fn gate_socket(&self) -> PathBuf {
        socket_of(&self.launch.data_dir)
    }

    /// Stops the server if it runs.
    pub(super) fn stop(&mut self) -> Result<()> {
        match self.running.take().map(|(process, _)| process.stop()).transpose()? {
            Some(status) if !status.success() => bail!("the server stopped with {status}"),
            _ => Ok(()),
        }
    }

    /// The running server.
    pub(super) fn server(&self) -> Result<&(Process, SocketAddr)> {
        self.running.as_ref().context("the server does not run")
    }

    /// The key of the first start.
    pub(super) const fn administrator(&self) -> &Credential {
        &self.launch.bootstrap
    }

    /// Restarts the server and returns how long that took until it answered its first signed request.
    pub(super) fn start_to_first_answer(&mut self, case: &ListCase, owner: &Owner) -> Result<Duration> {
        self.stop()?;
        let started = Instant::now();
        let address = self.restart()?;
        load::once(&address.into(), 1, vec![(case.request)(address, owner).into()], case.accepted)?;
        Ok(started.elapsed())
    }

    /// Makes users with `KEYS_PER_USER` keys each, `keys` in all; returns each user with his first key.
    pub(super) fn seed(&self, keys: usize) -> Result<Vec<Owner>> {
        let users = keys.div_ceil(KEYS_PER_USER);
        let (_, server) = self.server()?;
        let requests = self.create_users(0..users, "Active")?;
        let mut owners = load::collect(&(*server).into(), SEEDING_CONNECTIONS, requests, |body| {
            Some(Owner { user: scloud::text(body, "UserName").ok()?, key: Answer::credential(body).ok()? })
        })?;
        self.create_keys_of(0..users, SEEDING_CONNECTIONS)?;
        owners.sort_by(|one, other| one.user.cmp(&other.user));
        Ok(owners)
    }

    /// Makes users with `KEYS_PER_USER` keys each that sign in the Samsung dialect, `keys` in all; returns each user with one
    /// of his keys.
    pub(super) fn seed_samsung(&self, keys: usize) -> Result<Vec<Owner>> {
        let users = keys.div_ceil(KEYS_PER_USER);
        self.seed_users(users)?;
        let (_, server) = self.server()?;
        let mut requests = Vec::new();
        for user in (0..users).cycle().take(keys) {
            requests.push(pages::create_key(*server, &self.launch.bootstrap, &user_name(user))?.into());
        }
        load::collect(&(*server).into(), SEEDING_CONNECTIONS, requests, Owner::of_key)
    }

    /// Walks an administrator's list up to its last page; the id of the record before it.
    pub(super) fn marker_before_the_last_page(&self) -> Result<String> {
        let (_, server) = self.server()?;
        let mut marker: Option<String> = None;
        for _ in 1..pages::KEYS / pages::PAGE {
            let request = pages::page(*server, &self.launch.bootstrap, marker.as_deref()).into();
            let found = load::collect(&(*server).into(), 1, vec![request], |body| {
                let last = body.get("access_keys")?.as_array()?.last()?;
                Some(last.get("id")?.as_str()?.to_owned())
            })?;
            marker = found.into_iter().next();
        }
        marker.context("there is one page only")
    }

    /// Makes users without keys.
    pub(super) fn seed_users(&self, users: usize) -> Result<()> {
        let (_, server) = self.server()?;
        let requests = self.create_users(0..users, "Inactive")?;
        load::once(&(*server).into(), SEEDING_CONNECTIONS, requests, succeeded).map(drop)
    }

    /// Makes one key for each of these users, asked for by the administrator.
    pub(super) fn create_keys_of(
        &self,
        users: impl Iterator<Item = usize>,
        connections: usize,
    ) -> Result<Sample> {
        let (_, server) = self.server()?;
        let admin = &self.launch.bootstrap;
        let request =
            |user| scloud::request(*server, admin, "CreateAccessKey", &[("UserName", &user_name(user))]);
        load::once(&(*server).into(), connections, users.map(request).map(Request::from).collect(), succeeded)
    }

    fn create_users(&self, users: std::ops::Range<usize>, key_status: &str) -> Result<Vec<Request>> {
        let (_, server) = self.server()?;
        let request = |number| {
            let name = user_name(number);
            let parameters = [
                ("UserName", name.as_str()),
                ("AccessKeyStatus", key_status),
                ("LoginProfileStatus", "Inactive"),
            ];
            scloud::request(*server, &self.launch.bootstrap, "CreateUser", &parameters).into()
        };
        Ok(users.map(request).collect())
    }
}

fn socket_of(data_dir: &Path) -> PathBuf {
    data_dir.with_extension("sock")
}

/// The name of the user of that number.
pub(super) fn user_name(number: usize) -> String {
    format!("user-{number:07}")
}
