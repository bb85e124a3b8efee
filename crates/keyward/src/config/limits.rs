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
        /// Temporary keys that the tokens of one user may have at a time.
        token_keys_per_user: u32 = 50, 0..=1_000;
        /// SSH public keys per user.
        ssh_keys_per_user: u32 = 1_000, 0..=100_000;
        /// Users per account.
        users_per_account: u32 = 5_000, 1..=10_000_000;

        /// Refused requests that are kept to be explained.
        kept_refusals: usize = 1_000, 0..=10_000;
        /// Memory for them.
        kept_refusals_bytes: usize = 4 * MIB, 64 * KIB..=256 * MIB;

        /// Header fields in one request.
        headers: usize = 100, 16..=1_000;
        /// Request line and header fields together. Tokens of 100,000 characters are legal in one dialect.
        header_bytes: usize = 128 * KIB, KIB..=MIB;
        /// The request target: path and query.
        target_bytes: usize = 32 * KIB, 256..=MIB;
        /// A request body.
        body_bytes: usize = MIB, KIB..=64 * MIB;

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
        body_bytes_per_second: u32 = 1_024, 1..=1_048_576;
        /// Time for a request to be answered once it has arrived.
        handler_seconds: Seconds = Seconds(10), Seconds(1)..=Seconds(300);
        /// Time without any progress in sending an answer.
        write_seconds: Seconds = Seconds(30), Seconds(1)..=Seconds(3_600);
        /// Time that a connection may be silent between two requests.
        idle_seconds: Seconds = Seconds(60), Seconds(1)..=Seconds(3_600);
        /// Time for requests in flight to finish when the server stops.
        drain_seconds: Seconds = Seconds(10), Seconds(0)..=Seconds(300);
    }
}
