//! `[limits]`: every bound on what clients may store and send, and on every wait (threat model, default limits).

use super::section::{Seconds, section};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

section! {
    /// Bounds by name; a name that ends in `bytes`, `chars` or `seconds` says its unit, the others are counts.
    pub struct Limits in "limits" {
        /// Permanent access keys per user and dialect.
        access_keys_per_user: u32 = 2, 1..=1_000;
        /// Temporary keys that one access key may have at a time.
        temporary_keys_per_key: u32 = 5, 0..=1_000;
        /// SSH public keys per user.
        ssh_keys_per_user: u32 = 1_000, 0..=100_000;
        /// Users per account.
        users_per_account: u32 = 5_000, 1..=10_000_000;

        /// Header fields in one request.
        headers: usize = 100, 16..=1_000;
        /// Request line and header fields together.
        header_bytes: usize = 64 * KIB, KIB..=MIB;
        /// The same where a token of 100,000 characters is legal (`X-Auth-Token`).
        token_header_bytes: usize = 128 * KIB, KIB..=MIB;
        /// The request target: path and query.
        target_bytes: usize = 32 * KIB, 256..=MIB;
        /// A request body.
        body_bytes: usize = MIB, KIB..=64 * MIB;
        /// Parameters of one request, in query, form or JSON.
        parameters: usize = 500, 16..=10_000;
        /// One parameter's value, before the rules of its field.
        value_bytes: usize = 64 * KIB, KIB..=MIB;
        /// Nesting of a JSON body.
        json_depth: usize = 32, 4..=128;
        /// Values in a JSON body, counting objects and arrays.
        json_nodes: usize = 10_000, 100..=1_000_000;
        /// An SSH public key in its text form.
        ssh_key_chars: usize = 5_000, 100..=65_536;

        /// Open connections on the public listener.
        connections: usize = 10_000, 16..=1_000_000;
        /// Open connections from one IPv4 address or one IPv6 /64.
        connections_per_source: usize = 256, 1..=1_000_000;
        /// Open connections on the admin listener, on top of `connections`.
        admin_connections: usize = 64, 4..=10_000;
        /// TLS handshakes under way.
        tls_handshakes: usize = 256, 1..=100_000;
        /// Streams open at once on one HTTP/2 connection.
        http2_streams: u32 = 100, 1..=10_000;
        /// Streams that one HTTP/2 connection may reset within 10 seconds.
        http2_resets_per_10_seconds: u32 = 200, 10..=100_000;

        /// Time for a TLS handshake.
        tls_handshake_seconds: Seconds = Seconds(5), Seconds(1)..=Seconds(60);
        /// Time from the first byte of a request head to its last.
        header_seconds: Seconds = Seconds(10), Seconds(1)..=Seconds(300);
        /// Time for a request body.
        body_seconds: Seconds = Seconds(30), Seconds(1)..=Seconds(3_600);
        /// Slowest rate at which a body may arrive.
        body_bytes_per_second: usize = KIB, 1..=MIB;
        /// Time for a request to be answered once it has arrived.
        handler_seconds: Seconds = Seconds(10), Seconds(1)..=Seconds(300);
        /// Time without any progress in sending an answer.
        write_seconds: Seconds = Seconds(30), Seconds(1)..=Seconds(3_600);
        /// Time that a connection may be silent between two requests.
        idle_seconds: Seconds = Seconds(60), Seconds(1)..=Seconds(3_600);
        /// Time for requests in flight to finish when the server stops.
        drain_seconds: Seconds = Seconds(10), Seconds(0)..=Seconds(300);

        /// Failed logins with a password per user and source within `login_failure_seconds`.
        login_failures: u32 = 5, 1..=1_000;
        /// The window of `login_failures`.
        login_failure_seconds: Seconds = Seconds(900), Seconds(1)..=Seconds(86_400);
        /// Passwords hashed at once; 0 means twice the number of cores.
        password_hashes: usize = 0, 0..=1_024;

        /// Changes written in one transaction.
        commit_batch: usize = 512, 1..=10_000;
        /// Size of the store's write-ahead log at which a checkpoint is forced.
        wal_bytes: u64 = 64 * 1024 * 1024, 1024 * 1024..=16 * 1024 * 1024 * 1024;
        /// Longest read transaction on the store.
        store_read_seconds: Seconds = Seconds(5), Seconds(1)..=Seconds(60);
    }
}
