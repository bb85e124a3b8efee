//! GetCallerIdentity of the sister service STS.

use serde::Serialize;

use super::call::{Call, Reply, uin};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Identity {
    arn: String,
    account_id: String,
    user_id: String,
    principal_id: String,
    #[serde(rename = "Type")]
    kind: &'static str,
}

pub(super) fn caller_identity(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let (owner, user) = (uin(call.caller.account_serial()), uin(call.caller.user_serial()));
        call.success(&Identity {
            arn: format!("qcs::cam::uin/{owner}:uin/{user}"),
            account_id: owner.to_string(),
            user_id: user.to_string(),
            principal_id: user.to_string(),
            kind: "CAMUser",
        })
    })
}
