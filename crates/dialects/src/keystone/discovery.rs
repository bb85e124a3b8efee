//! What clients ask before they log in: which version is spoken where, and after it, which services there are.

use serde::Serialize;

/// One version of the API.
#[derive(Serialize)]
pub(crate) struct Version {
    version: Entry,
}

/// `{"versions": {"values": […]}}`.
#[derive(Serialize)]
pub(crate) struct Versions {
    versions: Values,
}

#[derive(Serialize)]
struct Values {
    values: [Entry; 1],
}

#[derive(Serialize)]
struct Entry {
    id: &'static str,
    status: &'static str,
    updated: &'static str,
    links: [Link; 1],
    #[serde(rename = "media-types")]
    media_types: [MediaType; 1],
}

#[derive(Serialize)]
struct Link {
    rel: &'static str,
    href: String,
}

#[derive(Serialize)]
struct MediaType {
    base: &'static str,
    r#type: &'static str,
}

fn entry(base: &str) -> Entry {
    Entry {
        id: "v3.6",
        status: "stable",
        updated: "2016-04-04T00:00:00Z",
        links: [Link { rel: "self", href: format!("{base}/v3/") }],
        media_types: [MediaType {
            base: "application/json",
            r#type: "application/vnd.openstack.identity-v3+json",
        }],
    }
}

impl Version {
    /// Version 3 under `base`.
    pub(crate) fn at(base: &str) -> Self {
        Self { version: entry(base) }
    }
}

impl Versions {
    /// The only version under `base`.
    pub(crate) fn at(base: &str) -> Self {
        Self { versions: Values { values: [entry(base)] } }
    }
}

/// A service of the catalog.
#[derive(Serialize)]
pub(crate) struct Service {
    id: &'static str,
    name: &'static str,
    r#type: &'static str,
    endpoints: [Endpoint; 1],
}

#[derive(Serialize)]
struct Endpoint {
    id: &'static str,
    interface: &'static str,
    region: &'static str,
    region_id: &'static str,
    url: String,
}

/// The catalog: this identity service, which is the same in every region.
pub(crate) fn catalog(base: &str) -> Vec<Service> {
    let endpoint = Endpoint {
        id: "6b65797761726469616d656e64707431",
        interface: "public",
        region: "*",
        region_id: "*",
        url: format!("{base}/v3"),
    };
    vec![Service {
        id: "6b65797761726469616d736572766331",
        name: "iam",
        r#type: "identity",
        endpoints: [endpoint],
    }]
}

/// `{"catalog": […], "links": {"self": …}}`.
#[derive(Serialize)]
pub(crate) struct CatalogAnswer {
    catalog: Vec<Service>,
    links: Own,
}

#[derive(Serialize)]
struct Own {
    #[serde(rename = "self")]
    own: String,
}

impl CatalogAnswer {
    /// The catalog under `base`.
    pub(crate) fn at(base: &str) -> Self {
        Self { catalog: catalog(base), links: Own { own: format!("{base}/v3/auth/catalog") } }
    }
}
