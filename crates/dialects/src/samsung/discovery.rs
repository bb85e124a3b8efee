//! What clients ask before they call: which versions there are, and where the service lives.

use serde::Serialize;

use super::call::{Call, Done, Reply};
use super::version::Version;
use super::{PREFIX, headers};
use crate::answer::{Answer, Note};
use crate::json;

#[derive(Serialize)]
struct Versions<'a> {
    versions: Vec<VersionModel<'a>>,
}

#[derive(Serialize)]
struct VersionModel<'a> {
    id: String,
    links: [Link<'a>; 1],
    /// Never set: no version is retired on a date here, and clients warn when one is.
    not_before: &'static str,
    status: &'static str,
}

#[derive(Serialize)]
struct Link<'a> {
    href: &'a str,
    rel: &'static str,
}

/// The version document, which clients ask for unsigned before every call, each time over a connection of its own that they
/// never close: so the server does.
pub(super) fn versions(base: &str) -> Answer {
    let href = format!("{base}/v1");
    let model = |version: Version| VersionModel {
        id: format!("v{}", version.number()),
        links: [Link { href: &href, rel: "self" }],
        not_before: "",
        status: version.status(),
    };
    let document = Versions { versions: Version::ALL.into_iter().map(model).collect() };
    let body = json::write(&document).unwrap_or_default();
    let mut headers = headers(true);
    headers.push(("Connection", "close".into()));
    Answer { status: 200, headers, body, note: Note::blank() }
}

#[derive(Serialize)]
struct Endpoints<'a> {
    endpoints: [Endpoint<'a>; 1],
}

/// Exactly these members: clients decode strictly.
#[derive(Serialize)]
struct Endpoint<'a> {
    region: &'static str,
    service_name: &'static str,
    service_type: &'static str,
    url: &'a str,
}

pub(super) fn endpoints(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        // With one entry its region does not matter. The root is another dialect's, so the URL names the prefix.
        let url = [&call.request.server_url(), PREFIX].concat();
        let endpoint =
            Endpoint { region: "keyward", service_name: "scp-iam", service_type: "scp-iam", url: &url };
        Done::json(200, &Endpoints { endpoints: [endpoint] })
    })
}
