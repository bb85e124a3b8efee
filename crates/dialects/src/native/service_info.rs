//! WhoAmI: the caller, and what he may do.

use std::collections::BTreeMap;

use domain::policy::{Action, Reach};
use serde::Serialize;

use super::accounts::AccountModel;
use super::call::{Answering, Call, Reply};
use super::errors::{Problem, Refusal};
use super::key_model::KeyModel;
use super::users::UserModel;

#[derive(Serialize)]
struct WhoAmI<'a> {
    account: AccountModel<'a>,
    user: UserModel<'a>,
    access_key: KeyModel<'a>,
    rights: BTreeMap<&'static str, &'static str>,
}

pub(super) fn who_am_i(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        let record = call.service.own_record(call.caller).await?;
        // The key was deleted between its look-up and this one.
        let key = record.key(call.caller.key_id().as_str()).ok_or(Refusal::of(Problem::CallerRevoked))?;
        let uses = call.service.last_uses(&[key.uuid]).await?;
        let used = uses.into_iter().next().flatten();
        let rights = Action::ALL.iter().filter_map(|&action| match call.caller.reach(action) {
            Ok(Reach::Account) => Some((action.as_str(), "account")),
            Ok(Reach::Own) => Some((action.as_str(), "own")),
            Ok(Reach::Nobody) | Err(_) => None,
        });
        Reply::ok(&WhoAmI {
            account: AccountModel::from(&record.rows.account),
            user: UserModel::from(&record.rows.user),
            access_key: KeyModel::new(key, &record.rows.user.name, used.as_ref(), call.now()),
            rights: rights.collect(),
        })
    })
}
