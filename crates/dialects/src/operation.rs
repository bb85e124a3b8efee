//! An operation is a row in its dialect's table. Routing, metric labels, audit names, the page of supported operations and
//! the authorization tests all read that row.

use domain::policy::Action;

/// One operation of a dialect.
#[derive(Debug, PartialEq, Eq)]
pub struct Operation {
    /// Its name in the cloud's words, such as `ListAccessKeys`.
    pub name: &'static str,
    /// The right that it takes.
    pub action: Action,
    /// Whether it changes anything.
    pub access: Access,
    /// Whether its answer may carry a secret.
    pub reveals: Reveals,
}

/// Whether an operation changes anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Only reads.
    Read,
    /// Changes something.
    Write,
}

/// When an answer may carry a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reveals {
    /// Never.
    Never,
    /// The answer that makes the key does.
    AtCreation,
    /// Reading does, to the owner, where the dialect is set to it; audited each time.
    ToOwner,
}
