//! Calls of the scloud dialect as its clients make them: POST, form body, signature among the parameters.

use std::io;
use std::net::SocketAddr;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use signing::scloud::signed_form;

use super::http::{Connection, Response};

/// An access key with its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Credential {
    /// The access key id.
    pub(crate) id: String,
    /// Its secret.
    pub(crate) secret: String,
}

/// RetCodes of `docs/dialects/scloud.md` that the tasks meet on purpose.
pub(crate) mod ret_code {
    /// Success.
    pub(crate) const OK: i64 = 0;
    /// The key does not exist, or no longer.
    pub(crate) const UNKNOWN_KEY: i64 = 172;
    /// No permission; also a key that is disabled or expired.
    pub(crate) const REFUSED: i64 = 299;
    /// The user does not exist.
    pub(crate) const UNKNOWN_USER: i64 = 11021;
    /// The user has as many keys as allowed.
    pub(crate) const KEY_QUOTA: i64 = 1902;
}

/// A signed request as bytes, the same as a vendor's client would send apart from the user agent.
pub(crate) fn request(
    server: SocketAddr,
    signer: &Credential,
    action: &str,
    parameters: &[(&str, &str)],
) -> Vec<u8> {
    let mut pairs = vec![("Action", action)];
    pairs.extend_from_slice(parameters);
    let form = signed_form(&pairs, &signer.id, signer.secret.as_bytes());
    format!(
        "POST / HTTP/1.1\r\nHost: {server}\r\nUser-Agent: keyward-xtask\r\nAccept: */*\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    )
    .into_bytes()
}

/// What a call answered.
#[derive(Debug)]
pub(crate) struct Answer {
    /// 0 is success.
    pub(crate) ret_code: i64,
    /// The whole object.
    pub(crate) body: Value,
}

impl Answer {
    /// Reads the one object that every answer of the dialect is.
    ///
    /// # Errors
    /// A status other than 200, or a body without an integer `RetCode`.
    pub(crate) fn read(response: &Response) -> Result<Self> {
        let text = || String::from_utf8_lossy(&[&response.head[..], &response.body].concat()).into_owned();
        if response.status != 200 {
            bail!("HTTP status {}, not 200: {}", response.status, text());
        }
        let body: Value =
            serde_json::from_slice(&response.body).with_context(|| format!("not JSON: {}", text()))?;
        let ret_code = body.get("RetCode").and_then(Value::as_i64);
        let ret_code = ret_code.with_context(|| format!("no integer RetCode: {}", text()))?;
        Ok(Self { ret_code, body })
    }

    /// The id and secret in `object`, which is this answer or a part of it.
    pub(crate) fn credential(object: &Value) -> Result<Credential> {
        Ok(Credential { id: text(object, "AccessKeyID")?, secret: text(object, "AccessKeySecret")? })
    }
}

/// A text member.
pub(crate) fn text(object: &Value, name: &str) -> Result<String> {
    let value = object.get(name).and_then(Value::as_str);
    Ok(value.with_context(|| format!("no text `{name}` in {object}"))?.to_owned())
}

/// A client with one connection.
pub(crate) struct Client {
    server: SocketAddr,
    connection: Connection,
}

impl Client {
    /// Connects.
    pub(crate) fn open(server: SocketAddr) -> io::Result<Self> {
        Ok(Self { server, connection: Connection::open(server)? })
    }

    /// One call.
    ///
    /// # Errors
    /// `InvalidData` when the answer is none of the dialect; every other kind means that no complete answer arrived.
    pub(crate) fn call(
        &mut self,
        signer: &Credential,
        action: &str,
        parameters: &[(&str, &str)],
    ) -> io::Result<Answer> {
        let response = self.connection.exchange(&request(self.server, signer, action, parameters))?;
        Answer::read(&response)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, format!("{error:#}")))
    }
}
