//! The members that describe a key: what it may sign in, where, when and for what it may be used.

use domain::access_keys::{Audience, Conditions, KeyIssue, SchemeSet, SignedTime};
use domain::net::AddressRange;
use domain::policy::Action;
use signing::Scheme;

use super::NAME;
use super::access_keys::SHAPE;
use super::call::Call;
use super::errors::Refusal;
use super::input::Fields;

/// Members that every request to make or change a key takes.
pub(super) const MEMBERS: &[&str] =
    &["schemes", "sources", "audience", "not_before", "expires_at", "requires_freshness"];

/// The key that is described so; `schemes` unless others are asked for, which takes the right to set conditions.
pub(super) fn issue(
    call: &Call<'_>,
    fields: &Fields,
    schemes: SchemeSet,
) -> Result<KeyIssue<'static>, Refusal> {
    let asked = self::schemes(fields)?;
    if asked.is_some_and(|asked| asked != schemes) {
        call.caller.require_account(Action::RestrictAccessKey)?;
    }
    Ok(KeyIssue {
        description: fields.text("description")?.unwrap_or_default().to_owned(),
        expires_at: fields.time("expires_at")?.flatten(),
        conditions: Conditions {
            sources: sources(fields)?.unwrap_or_default(),
            audience: audience(fields)?.unwrap_or_default(),
            not_before: fields.time("not_before")?.flatten(),
            signed_time: signed_time(fields)?.unwrap_or_default(),
        },
        ..KeyIssue::plain(NAME, asked.unwrap_or(schemes), &SHAPE)
    })
}

pub(super) fn schemes(fields: &Fields) -> Result<Option<SchemeSet>, Refusal> {
    let schemes = fields.texts("schemes", |text| text.parse::<Scheme>().ok(), "names an unknown scheme")?;
    Ok(schemes.map(|schemes| SchemeSet::of(&schemes)))
}

pub(super) fn sources(fields: &Fields) -> Result<Option<Vec<AddressRange>>, Refusal> {
    let rule = "must hold networks such as 10.0.0.0/8, written with their first address, or single addresses";
    fields.texts("sources", |text| text.parse().ok(), rule)
}

pub(super) fn audience(fields: &Fields) -> Result<Option<Vec<Audience>>, Refusal> {
    fields.texts("audience", Audience::parse, "must hold names of letters, digits, _, . and -")
}

pub(super) fn signed_time(fields: &Fields) -> Result<Option<SignedTime>, Refusal> {
    let rule = |is_required| if is_required { SignedTime::Required } else { SignedTime::AsScheme };
    Ok(fields.flag("requires_freshness")?.map(rule))
}
