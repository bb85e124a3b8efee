//! DescribeResourceTagsByResourceIds of the sister service Tag: Terraform reads the tags of each user it refreshes. There
//! are none, and nothing sets any.

use serde::Serialize;

use super::call::{Call, Nothing, Reply};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct NoTags {
    total_count: u64,
    offset: u64,
    limit: u64,
    tags: [Nothing; 0],
}

/// What the vendor takes when the request does not say.
const DEFAULT_LIMIT: u64 = 15;

pub(super) fn of_resources(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let number = |name, otherwise| call.fields.uint(name).unwrap_or(otherwise);
        let (offset, limit) = (number("Offset", 0), number("Limit", DEFAULT_LIMIT));
        call.success(&NoTags { total_count: 0, offset, limit, tags: [] })
    })
}
