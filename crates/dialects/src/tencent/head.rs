//! What a request says of itself before its parameters are looked at: which signature it carries, which action it wants.
//!
//! A header decides before a parameter, and only one of the two is ever read: what the other says is neither believed nor
//! compared (threats T02, T23).

use signing::params::Nulls;
use signing::{Body, Params, RequestView, tencent_v1};

use super::errors::Refusal;
use super::parameters::{Fields, Shape};

/// Most parameters in one request.
const MAX_PARAMETERS: usize = 256;

/// What names the action and its version.
pub(super) struct Head {
    /// `X-TC-Action` or `Action`.
    pub(super) action: String,
    /// `X-TC-Version` or `Version`.
    pub(super) version: String,
    /// The parameters of a version 1 request, which carry its signature.
    pub(super) v1: Option<Params>,
}

impl Head {
    /// Reads it.
    ///
    /// # Errors
    /// `MissingParameter` for a common parameter, the time first; `InvalidParameter` when version 1's cannot be read.
    pub(super) fn read(view: &RequestView<'_>) -> Result<Self, Refusal> {
        if view.header("authorization").is_some() {
            return Self::of_headers(view);
        }
        match tencent_v1::params(view, MAX_PARAMETERS) {
            Ok(params) if params.get("SecretId").is_some() || params.get("Signature").is_some() => {
                Self::of_params(params)
            }
            // Nothing that could be a signature: the headers tell what is missing.
            Ok(_) => Self::unsigned(view),
            Err(error) if is_form(view) => Err(error.into()),
            Err(_) => Self::unsigned(view),
        }
    }

    fn of_headers(view: &RequestView<'_>) -> Result<Self, Refusal> {
        header(view, "Timestamp", "X-TC-Timestamp")?;
        let action = header(view, "Action", "X-TC-Action")?;
        let version = header(view, "Version", "X-TC-Version")?;
        Ok(Self { action, version, v1: None })
    }

    fn of_params(params: Params) -> Result<Self, Refusal> {
        let common = |name: &str| {
            params.non_empty(name).map(std::borrow::Cow::into_owned).ok_or_else(|| Refusal::missing(name))
        };
        common("Timestamp")?;
        let (action, version) = (common("Action")?, common("Version")?);
        common("SecretId")?;
        common("Signature")?;
        Ok(Self { action, version, v1: Some(params) })
    }

    fn unsigned(view: &RequestView<'_>) -> Result<Self, Refusal> {
        Self::of_headers(view)?;
        Err(Refusal::missing("Authorization"))
    }

    /// The parameters of the action.
    ///
    /// # Errors
    /// `InvalidParameter`.
    pub(super) fn fields(&mut self, view: &RequestView<'_>) -> Result<Fields, Refusal> {
        if let Some(params) = self.v1.take() {
            return Ok(Fields::new(params, Shape::Flat));
        }
        if view.method() == "GET" {
            let params = Params::from_form(view.query().as_bytes(), MAX_PARAMETERS)?;
            for (name, header) in [("Action", &self.action), ("Version", &self.version)] {
                if params.text(name).is_some_and(|text| text != *header) {
                    return Err(Refusal::mistyped(name, "differs between header and query"));
                }
            }
            return Ok(Fields::new(params, Shape::Flat));
        }
        if !view.query().is_empty() {
            // Version 3 leaves the query of a POST out of what is signed.
            return Err(signing::ParamError::TwoSources.into());
        }
        let Body::Bytes(body) = view.body() else { return Err(signing::ParamError::BodyNotVisible.into()) };
        if body.is_empty() {
            return Ok(Fields::new(Params::default(), Shape::Json));
        }
        if media_type(view) != "application/json" {
            return Err(signing::ParamError::ContentType.into());
        }
        let params = Params::from_json(body, Nulls::Drop, MAX_PARAMETERS)?;
        Ok(Fields::new(params, Shape::Json))
    }
}

fn header(view: &RequestView<'_>, name: &str, header: &'static str) -> Result<String, Refusal> {
    let text = view.single_text(header, header)?.filter(|text| !text.is_empty());
    text.map(str::to_owned).ok_or_else(|| Refusal::missing(name))
}

/// Whether the parameters of the request are in a query or form.
fn is_form(view: &RequestView<'_>) -> bool {
    view.method() == "GET" || media_type(view) == "application/x-www-form-urlencoded"
}

fn media_type(view: &RequestView<'_>) -> String {
    let value = view.header("content-type").unwrap_or_default();
    let media_type = value.split(|byte| *byte == b';').next().unwrap_or_default();
    String::from_utf8_lossy(media_type.trim_ascii()).to_ascii_lowercase()
}
