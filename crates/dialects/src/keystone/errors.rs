//! The error body of Keystone: the HTTP status once more, a sentence, and the title of the status.

use serde::Serialize;

/// `{"error": {"code": 401, "message": "…", "title": "Unauthorized"}}`.
#[derive(Serialize)]
pub(crate) struct ErrorBody<'a> {
    error: Inner<'a>,
}

#[derive(Serialize)]
struct Inner<'a> {
    code: u16,
    message: &'a str,
    title: &'static str,
}

impl<'a> ErrorBody<'a> {
    /// The body for a status.
    pub(crate) const fn new(status: u16, message: &'a str) -> Self {
        Self { error: Inner { code: status, message, title: title(status) } }
    }
}

const fn title(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        409 => "Conflict",
        413 => "Request Entity Too Large",
        429 => "Too Many Requests",
        503 => "Service Unavailable",
        // Whatever else a dialect answers is a failure of the server.
        0..=u16::MAX => "Internal Server Error",
    }
}
