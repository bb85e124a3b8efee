//! The first start: who the first administrator is, given by the operator or made up.

use anyhow::{Context, bail};
use dialects::Registry;
use domain::accounts::FirstAdministrator;
use domain::limits::GENERATED_PASSWORD_CHARS;
use domain::passwords::check_new_password;
use domain::random::{self, Randomness};
use domain::secret::Secret;
use zeroize::Zeroizing;

/// Name of the account that a first start creates.
pub const ACCOUNT: &str = domain::accounts::OPERATOR;
/// Name of its root user.
pub const USER: &str = "admin";

const KEY_ID: &str = "KEYWARD_BOOTSTRAP_ACCESS_KEY_ID";
const SECRET: &str = "KEYWARD_BOOTSTRAP_SECRET_ACCESS_KEY";
const PASSWORD: &str = "KEYWARD_BOOTSTRAP_PASSWORD";
/// Ids of native access keys: `KW` and 26 of these.
const NATIVE_ALPHABET: &[u8; 32] = b"234567ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// The credential of the first administrator.
pub struct FirstKey {
    /// The access key id.
    pub id: String,
    /// Its secret.
    pub secret: Zeroizing<String>,
    /// The administrator's password, if he is to have one.
    pub password: Option<Zeroizing<String>>,
    /// Who knows the key already.
    pub origin: Origin,
    /// Who knows the password already.
    pub password_origin: Origin,
}

/// Where a part of the credential comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// From the operator, who need not be told.
    Given,
    /// Made up here, and printed once.
    MadeUp,
}

/// Takes the credential from the environment, each part directly or by the file that `<NAME>_FILE` names, or makes one up.
/// Who gives a key wants nothing secret in what the server prints, so a password is made up only along with a key.
///
/// # Errors
/// A sentence: one part without the other, both forms of one part, or a file that cannot be read.
pub fn first_key(
    environment: &dyn Fn(&str) -> Option<String>,
    random: &dyn Randomness,
) -> anyhow::Result<FirstKey> {
    let password = given(environment, PASSWORD)?;
    if let Some(password) = &password {
        let password = Secret::new(password.as_bytes().to_vec());
        check_new_password(&password).with_context(|| format!("{PASSWORD} cannot be used"))?;
    }
    let password_origin = if password.is_some() { Origin::Given } else { Origin::MadeUp };
    match (given(environment, KEY_ID)?, given(environment, SECRET)?) {
        (Some(id), Some(secret)) => {
            let origin = Origin::Given;
            Ok(FirstKey { id: id.to_string(), secret, password, origin, password_origin })
        }
        (None, None) => Ok(FirstKey {
            id: format!("KW{}", random::text(random, NATIVE_ALPHABET, 26)),
            secret: Zeroizing::new(random::text(random, random::ALPHANUMERIC, 43)),
            password: Some(password.unwrap_or_else(|| made_up_password(random))),
            origin: Origin::MadeUp,
            password_origin,
        }),
        (Some(_), None) => bail!("{KEY_ID} is set but {SECRET} is not; set both or none"),
        (None, Some(_)) => bail!("{SECRET} is set but {KEY_ID} is not; set both or none"),
    }
}

impl FirstKey {
    /// The administrator that it belongs to.
    pub fn administrator(&self) -> FirstAdministrator {
        FirstAdministrator {
            account: ACCOUNT.to_owned(),
            user: USER.to_owned(),
            key_id: self.id.clone(),
            secret: Secret::new(self.secret.as_bytes().to_vec()),
            password: self.password.as_ref().map(|text| Secret::new(text.as_bytes().to_vec())),
        }
    }
}

impl FirstKey {
    /// What is printed once: the credential, unless the operator gave it, and settings to paste into each client.
    pub fn announcement(&self, url: &str, registry: &Registry) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::new());
        if self.origin == Origin::Given {
            text.push_str(&format!(
                "created account `{ACCOUNT}` and administrator `{USER}` with the given key {}\n\n",
                self.id
            ));
            return text;
        }
        text.push_str(&format!(
            "created account `{ACCOUNT}` and administrator `{USER}`. This is shown once; keep it:\n\n\
             export KEYWARD_ENDPOINT={url}\n\
             export KEYWARD_ACCESS_KEY_ID={}\n\
             export KEYWARD_SECRET_ACCESS_KEY={}\n\n",
            self.id,
            self.secret.as_str(),
        ));
        if let (Origin::MadeUp, Some(password)) = (self.password_origin, &self.password) {
            text.push_str(&format!(
                "# His password, for logins that answer with a token, such as `openstack token issue`\n\
                 export OS_PASSWORD={}\n\n",
                password.as_str(),
            ));
        }
        for dialect in registry.dialects() {
            text.push_str(&dialect.client_settings(url, &self.id, &self.secret));
            text.push('\n');
        }
        text
    }
}

fn made_up_password(random: &dyn Randomness) -> Zeroizing<String> {
    Zeroizing::new(random::text(random, random::ALPHANUMERIC, GENERATED_PASSWORD_CHARS))
}

fn given(
    environment: &dyn Fn(&str) -> Option<String>,
    name: &str,
) -> anyhow::Result<Option<Zeroizing<String>>> {
    let direct = environment(name).map(Zeroizing::new);
    let Some(path) = environment(&format!("{name}_FILE")) else { return Ok(direct) };
    if direct.is_some() {
        bail!("{name} and {name}_FILE are both set; set one of them");
    }
    let text = std::fs::read_to_string(&path).map(Zeroizing::new);
    let text = text.with_context(|| format!("{name}_FILE names {path}, which cannot be read"))?;
    Ok(Some(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned())))
}
