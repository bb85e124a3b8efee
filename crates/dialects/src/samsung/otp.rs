//! One-time passcodes. A self-hosted server has nobody to deliver them: any passcode is accepted and none is needed, and
//! asking for one answers as the cloud does.

use signing::json::Value;

use super::body::Members;
use super::call::{Call, Done, Reply};
use super::errors::{Code, Refusal};
use super::version::Version;

pub(super) fn send(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let members = Members::read(&call.request.view)?;
        let is_known = match members.get("method") {
            Some(Value::Text(method)) => match method.as_str() {
                "PHONE" | "EMAIL" => true,
                "MESSENGER" => call.version >= Version::V1_3,
                _ => false,
            },
            Some(_) | None => false,
        };
        if !is_known {
            return Err(Refusal::plain(Code::InvalidMethod, "Invalid method"));
        }
        match members.get("locale") {
            None => Ok(Done::empty()),
            Some(Value::Text(locale)) if matches!(locale.as_str(), "ko_KR" | "en_US") => Ok(Done::empty()),
            Some(_) => Err(Refusal::invalid(vec!["locale: Input should be 'ko_KR' or 'en_US'".to_owned()])),
        }
    })
}
