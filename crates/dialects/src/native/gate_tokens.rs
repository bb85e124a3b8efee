//! ListGateTokens, CreateGateToken, RevokeGateToken.

use domain::tokens::{NewGateToken, Token};
use domain::vault::to_hex;
use serde::Serialize;

use super::call::{Answering, Call, Reply};
use super::time;

/// A service that may ask the gate.
#[derive(Serialize)]
struct GateTokenModel<'a> {
    name: &'a str,
    id: String,
    created_at: String,
    created_by: String,
}

impl<'a> From<&'a Token> for GateTokenModel<'a> {
    fn from(token: &'a Token) -> Self {
        Self {
            name: &token.name,
            id: to_hex(&token.hash.object()),
            created_at: time::text(token.issued_at),
            created_by: token.user.hex(),
        }
    }
}

#[derive(Serialize)]
struct GateTokenList<'a> {
    items: Vec<GateTokenModel<'a>>,
    next_cursor: Option<String>,
}

#[derive(Serialize)]
struct CreatedModel<'a> {
    #[serde(flatten)]
    model: GateTokenModel<'a>,
    token: &'a str,
}

pub(super) fn list(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        let tokens = call.service.list_gate_tokens(call.caller).await?;
        let items = tokens.iter().map(GateTokenModel::from).collect();
        Reply::ok(&GateTokenList { items, next_cursor: None })
    })
}

pub(super) fn create(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        call.body.closed(&["name"])?;
        let made = call.service.create_gate_token(call.caller, call.body.required("name")?).await?;
        let NewGateToken { token, word } = made;
        Reply::created(&CreatedModel { model: GateTokenModel::from(&token), token: &word })
    })
}

pub(super) fn revoke(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        call.service.revoke_gate_token(call.caller, call.name()).await?;
        Ok(Reply::done())
    })
}
