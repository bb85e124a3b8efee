//! `GET /gate/authorized-keys`: sshd asks, through `keyward authorized-keys`, whether a key opens a Unix login, and with
//! which options.
//!
//! The answer is for the key that was offered and for no other: the line is written anew from the stored blob, and only when
//! the offered one is the same (threats T89, T92). That the client holds the private key, sshd alone verifies.

use dialects::Outcome;
use domain::doctor::{Claimed, Refused};
use domain::id::RequestId;
use domain::net::AddressRange;
use domain::reason::Reason;
use domain::ssh_keys::{Fingerprint, LoginAccount, LoginKey, LoginRefused, PublicKey};
use http::StatusCode;
use signing::Params;
use signing::explain::Binding;

use super::callers::Asker;
use super::{Answered, Gate, Route, answer};
use crate::config::{SshLogin, SshUsers};

/// Why a login is not opened. Every refusal is an empty answer, so that sshd goes on to the next key.
#[derive(Debug)]
pub enum SshDenial {
    /// The question is not of its form.
    Question,
    /// The key is not of a kind that is stored, a certificate for instance, or not the one of its fingerprint.
    Key,
    /// The key is another user's than those of the login.
    OtherUser,
    /// The owner's name cannot stand in a command.
    Name,
    /// Both the key and the login's options say where it may be used from, and sshd takes one `from` only.
    TwoSources,
    /// The key is unknown, or may not act now.
    Refused(LoginRefused),
}

impl SshDenial {
    pub(super) const fn status(&self) -> StatusCode {
        match self {
            Self::Question => StatusCode::BAD_REQUEST,
            Self::Key | Self::OtherUser | Self::Name | Self::TwoSources => StatusCode::OK,
            Self::Refused(LoginRefused::UnknownKey | LoginRefused::Blocked | LoginRefused::Unusable(_)) => {
                StatusCode::OK
            }
            Self::Refused(LoginRefused::Failed(_)) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    pub(super) const fn outcome(&self) -> Outcome {
        match self {
            Self::Question => Outcome::Malformed,
            Self::Key | Self::Refused(LoginRefused::UnknownKey) => Outcome::Unauthenticated,
            Self::OtherUser | Self::Name | Self::TwoSources => Outcome::Refused,
            Self::Refused(LoginRefused::Blocked | LoginRefused::Unusable(_)) => Outcome::Refused,
            Self::Refused(LoginRefused::Failed(_)) => Outcome::Failed,
        }
    }

    pub(super) const fn reason(&self) -> Reason {
        match self {
            Self::Question => Reason::Question,
            Self::Key => Reason::SshKeyForm,
            Self::OtherUser => Reason::SshKeyOfAnother,
            Self::Name => Reason::SshUserName,
            Self::TwoSources => Reason::SshTwoSources,
            Self::Refused(LoginRefused::UnknownKey) => Reason::SshKeyUnknown,
            Self::Refused(LoginRefused::Blocked) => Reason::SshKeyBlocked,
            Self::Refused(LoginRefused::Unusable(_)) => Reason::SshKeyUnusable,
            Self::Refused(LoginRefused::Failed(_)) => Reason::Failed,
        }
    }

    /// What is known, for the doctor.
    fn text(&self) -> String {
        match self {
            Self::Question => "the question is not of its form".to_owned(),
            Self::Key => "the offered key is not of a kind that is stored, or not the one of its fingerprint"
                .to_owned(),
            Self::OtherUser => "the key is another user's than those of the login".to_owned(),
            Self::Name => "the owner's name cannot stand in a forced command".to_owned(),
            Self::TwoSources => {
                "the key and the login's options both say where it may be used from".to_owned()
            }
            Self::Refused(refused) => refused.to_string(),
        }
    }
}

impl Gate {
    /// Answers sshd.
    pub(super) async fn authorized_keys(
        &self,
        parts: &http::request::Parts,
        asker: &Asker,
        id: RequestId,
    ) -> Answered {
        let query = parts.uri.query().unwrap_or_default();
        let outcome = self.line_for(query, asker, id).await;
        if let Err(denial) = &outcome {
            self.service.note_refused(Refused {
                origin: self.origin(id, None),
                operation: Route::AuthorizedKeys.as_str(),
                status: denial.status().as_u16(),
                code: "",
                text: &denial.text(),
                reason: Some(denial.reason()),
                claimed: self.claimed_in(query),
                service: None,
                binding: Binding::Exact,
                request: None,
            });
        }
        answer::authorized_keys(outcome, id)
    }

    /// The key that a question is about.
    fn claimed_in(&self, query: &str) -> Claimed {
        let params = Params::from_form(query.as_bytes(), 4).unwrap_or_default();
        let fingerprint = params.non_empty("fingerprint").and_then(|text| Fingerprint::parse(&text));
        let account = || self.settings.ssh.account.clone();
        fingerprint
            .map_or(Claimed::Nothing, |fingerprint| Claimed::SshKey { account: account(), fingerprint })
    }

    /// The account whose keys open logins.
    pub(super) fn logins(&self, asker: &Asker) -> LoginAccount<'_> {
        LoginAccount { name: &self.settings.ssh.account, asker: asker.account }
    }

    async fn line_for(
        &self,
        query: &str,
        asker: &Asker,
        id: RequestId,
    ) -> Result<(String, LoginKey), SshDenial> {
        let params = Params::from_form(query.as_bytes(), 4).map_err(|_| SshDenial::Question)?;
        let text = |name| params.non_empty(name).ok_or(SshDenial::Question);
        let (login, fingerprint) = (text("login")?, text("fingerprint")?);
        let offered = PublicKey::parse(&format!("{} {}", text("type")?, text("key")?));
        let offered = offered.map_err(|_| SshDenial::Key)?;
        if Fingerprint::parse(&fingerprint) != Some(offered.fingerprint()) {
            return Err(SshDenial::Key);
        }
        let key = self.service.login_key(self.logins(asker), &offered, &self.origin(id, None)).await;
        let key = key.map_err(SshDenial::Refused)?;
        let rules = self.settings.ssh.logins.get(login.as_ref());
        let line = rules.unwrap_or(&SshLogin::default()).line_for(&login, &key)?;
        Ok((line, key))
    }
}

impl SshLogin {
    /// The line of `authorized_keys` for a key at this login.
    fn line_for(&self, login: &str, key: &LoginKey) -> Result<String, SshDenial> {
        let opens = match &self.users {
            SshUsers::Same => key.user == login,
            SshUsers::Any => true,
            SshUsers::Named(names) => names.contains(&key.user),
        };
        if !opens {
            return Err(SshDenial::OtherUser);
        }
        let usual = if self.command.is_some() { "restrict" } else { "restrict,pty" };
        let mut options = self.options.clone().unwrap_or_else(|| usual.to_owned());
        if let Some(end) = key.expires_at.and_then(|end| jiff::Timestamp::from_millisecond(end.0).ok()) {
            options.push_str(&format!(",expiry-time=\"{}\"", end.strftime("%Y%m%d%H%M%SZ")));
        }
        if !key.sources.is_empty() {
            if self.limits_sources() {
                return Err(SshDenial::TwoSources);
            }
            options.push_str(&format!(",from=\"{}\"", from_patterns(&key.sources)));
        }
        if let Some(command) = &self.command {
            let command = filled(command, key)?.replace('"', "\\\"");
            options.push_str(&format!(",command=\"{command}\""));
        }
        let options = options.trim_start_matches(',');
        Ok(format!("{options} {}\n", key.line).trim_start().to_owned())
    }
}

impl SshLogin {
    /// Whether its options have a `from`, whose name sshd reads in any letter case. A comma within quotes can make it look so,
    /// which then opens nothing.
    fn limits_sources(&self) -> bool {
        let options = self.options.as_deref().unwrap_or_default();
        options.split(',').any(|option| option.trim_start().to_ascii_lowercase().starts_with("from="))
    }
}

/// Networks as sshd's `from` takes them: a list of patterns, which it holds against the client's address and, with `UseDNS`,
/// against its name. Each carries its prefix: a pattern with a slash is no name and has no wildcard.
fn from_patterns(sources: &[AddressRange]) -> String {
    let patterns: Vec<String> = sources.iter().map(ToString::to_string).collect();
    patterns.join(",")
}

/// The command for whose key it is. It is run by a shell, so a name that a shell could read as more than a word opens nothing.
fn filled(command: &str, key: &LoginKey) -> Result<String, SshDenial> {
    let serial = key.serial.get().to_string();
    let mut filled = command.to_owned();
    for (place, name) in [("{user}", &key.user), ("{key_id}", &serial), ("{account}", &key.account)] {
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._@+-".contains(&byte));
        if filled.contains(place) && !plain {
            return Err(SshDenial::Name);
        }
        filled = filled.replace(place, name);
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use domain::clock::UnixMillis;
    use domain::id::Serial;

    use super::*;

    fn key(user: &str) -> LoginKey {
        LoginKey {
            account: "acme".to_owned(),
            user: user.to_owned(),
            serial: Serial::new(4711).unwrap(),
            fingerprint: Fingerprint([0; 32]),
            sources: Vec::new(),
            expires_at: None,
            line: "ssh-ed25519 AAAA".to_owned(),
        }
    }

    fn login(users: SshUsers, options: Option<&str>, command: Option<&str>) -> SshLogin {
        SshLogin { users, options: options.map(str::to_owned), command: command.map(str::to_owned) }
    }

    #[test]
    fn a_login_serves_the_user_of_the_same_name_unless_it_says_otherwise() {
        let same = SshLogin::default();
        assert_eq!(same.line_for("jane", &key("jane")).unwrap(), "restrict,pty ssh-ed25519 AAAA\n");
        for other in ["Jane", "jan", "janes", ""] {
            assert!(matches!(same.line_for(other, &key("jane")), Err(SshDenial::OtherUser)), "{other}");
        }
        let named = login(SshUsers::Named(vec!["jane".to_owned()]), Some(""), None);
        assert_eq!(named.line_for("deploy", &key("jane")).unwrap(), "ssh-ed25519 AAAA\n");
        assert!(named.line_for("deploy", &key("bob")).is_err());
    }

    #[test]
    fn a_forced_command_says_who_it_is() {
        let git = login(SshUsers::Any, None, Some("serve \"{user}\" {key_id} {account}"));
        assert_eq!(
            git.line_for("git", &key("jane")).unwrap(),
            "restrict,command=\"serve \\\"jane\\\" 4711 acme\" ssh-ed25519 AAAA\n"
        );
        let end = UnixMillis(1_769_860_800_000);
        let line = git.line_for("git", &LoginKey { expires_at: Some(end), ..key("jane") }).unwrap();
        assert!(line.starts_with("restrict,expiry-time=\"20260131120000Z\",command=\"serve"), "{line}");
    }

    #[test]
    fn the_networks_of_a_key_are_sshds_to_check() {
        let sources = ["10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "::ffff:198.51.100.0/120", "::1"];
        let sources = sources.map(|range| range.parse().unwrap()).to_vec();
        let key = LoginKey { sources, expires_at: Some(UnixMillis(1_769_860_800_000)), ..key("jane") };
        assert_eq!(
            SshLogin::default().line_for("jane", &key).unwrap(),
            "restrict,pty,expiry-time=\"20260131120000Z\",\
             from=\"10.0.0.0/8,192.0.2.7/32,2001:db8::/32,198.51.100.0/24,::1/128\" ssh-ed25519 AAAA\n"
        );
        let same = |options| login(SshUsers::Same, Some(options), None);
        assert!(same("").line_for("jane", &key).unwrap().starts_with("expiry-time="));
        // sshd takes no second one, and the narrower of two lists of patterns cannot be told.
        for options in ["from=\"*.example.org\"", "no-pty, From=\"10.0.0.1\""] {
            assert!(matches!(same(options).line_for("jane", &key), Err(SshDenial::TwoSources)), "{options}");
            assert!(same(options).line_for("jane", &self::key("jane")).is_ok());
        }
    }

    #[test]
    fn t46_a_name_that_a_shell_could_read_as_more_opens_nothing() {
        let git = login(SshUsers::Any, None, Some("serve {user}"));
        for name in
            ["a b", "a;b", "$(a)", "a`b`", "a'b", "a\"b", "a\\b", "a\nb", "a|b", "a&b", "ä", "a{account}"]
        {
            assert!(matches!(git.line_for("git", &key(name)), Err(SshDenial::Name)), "{name}");
        }
        for name in ["jane", "jane.doe@example.org", "a_b+c-d"] {
            assert!(git.line_for("git", &key(name)).unwrap().contains(&format!("serve {name}\"")), "{name}");
        }
    }
}
