//! `keyward serve`: its arguments, and the way into the server.

use std::io::Write;
use std::net::SocketAddr;

use clap::Args;

use super::config::{ConfigArgs, load};
use super::local::{runtime, world};
use super::{Environment, Failure};
use crate::config::Flags;
use crate::{serve, system};

/// Run the server
///
/// Without any argument it works: SQLite in ./keyward-data, on loopback. The first start creates the store, an
/// administrator and one access key, and prints them once with client settings to paste; they come from
/// KEYWARD_BOOTSTRAP_ACCESS_KEY_ID, KEYWARD_BOOTSTRAP_SECRET_ACCESS_KEY and KEYWARD_BOOTSTRAP_PASSWORD (each also
/// with _FILE) when those are set. Prints "listening on http://ADDR" for each listener. SIGTERM and SIGINT let
/// requests in flight finish, a second one ends at once.
#[derive(Args, Clone, Debug, Default)]
#[command(after_long_help = "\
Examples:
  keyward serve
  keyward serve --config /etc/keyward.toml
  keyward serve --listen 127.0.0.1:0 --data-dir /tmp/try
  KEYWARD_LIMITS__ACCESS_KEYS_PER_USER=10 keyward serve

Settings: flags win over KEYWARD_... variables, they win over the file. `keyward config default` prints all of them.")]
pub struct ServeArgs {
    /// The settings' place.
    #[command(flatten)]
    pub config_args: ConfigArgs,
    /// Address of the public listener [default: 127.0.0.1:7460]
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// Address of the admin listener: health, metrics [default: 127.0.0.1:7461]
    #[arg(long, value_name = "ADDR")]
    pub admin_listen: Option<SocketAddr>,
}

impl ServeArgs {
    /// The settings among the arguments.
    #[must_use]
    pub fn flags(&self) -> Flags {
        Flags {
            listen: self.listen,
            admin_listen: self.admin_listen,
            data_dir: self.config_args.data_dir.clone(),
        }
    }
}

pub(super) fn run(args: &ServeArgs, environment: Environment, out: &mut dyn Write) -> Result<(), Failure> {
    // Before any secret is read.
    let refused = system::harden();
    let config = load(args.config_args.config.as_deref(), environment.clone(), &args.flags())?;
    let runtime = runtime()?;
    let served = runtime.block_on(serve::serve(config, world(environment), &refused, out));
    // A backup that is being written when the server is told to stop does not hold it up.
    runtime.shutdown_background();
    served.map_err(|error| Failure(format!("{error:#}.")))
}
