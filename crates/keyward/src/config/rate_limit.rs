//! `[rate_limit]`: token buckets for failed authentications and, when wanted, for requests.

use super::section::section;

section! {
    /// Rates and bursts.
    pub struct RateLimit in "rate_limit" {
        /// `false` switches off all of this section.
        enabled: bool = true;
        /// Failed authentications per second that one source may go on with.
        failed_authentications_per_second: u32 = 10, 1..=1_000_000;
        /// Failed authentications allowed at once before that rate applies.
        failed_authentications_burst: u32 = 40, 1..=1_000_000;
        /// Requests per second and access key; 0 means no limit.
        requests_per_second: u32 = 0, 0..=1_000_000;
        /// Requests allowed at once before that rate applies.
        requests_burst: u32 = 100, 1..=1_000_000;
    }
}
