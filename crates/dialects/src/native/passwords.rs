//! SetPassword.

use domain::secret::Secret;

use super::call::{Answering, Call, Reply};

pub(super) fn set(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        call.body.closed(&["password"])?;
        let password = Secret::new(call.body.required("password")?.as_bytes().to_vec());
        call.service.set_password(call.caller, call.name(), &password).await?;
        Ok(Reply::done())
    })
}
