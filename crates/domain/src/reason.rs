//! Why a request was refused before it got to do anything: one word of a closed set for log, metrics, counts and the signature
//! doctor. What a client is told is each dialect's own business, and often less.

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $word:literal;)*) => {
        /// Why a request was refused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Reason {
            $($(#[$doc])* $variant,)*
        }

        impl Reason {
            /// Every reason.
            pub const ALL: &'static [Reason] = &[$(Reason::$variant,)*];

            /// The word: stable for ever.
            pub const fn word(self) -> &'static str {
                match self { $(Reason::$variant => $word,)* }
            }
        }
    };
}

reasons! {
    /// No such key, or not one of the request's scheme.
    UnknownKey = "unknown_key";
    /// The signature is not the one that the key makes.
    WrongSignature = "wrong_signature";
    /// The signed time is too far from now.
    Stale = "stale";
    /// The key's requests must tell their time.
    Untimed = "untimed";
    /// A nonce or signature was used before.
    Replayed = "replayed";
    /// The session token does not belong to the key.
    WrongToken = "wrong_token";
    /// The key is disabled.
    KeyInactive = "key_inactive";
    /// The key's time is up.
    KeyExpired = "key_expired";
    /// The key's time has not come.
    KeyNotYetValid = "key_not_yet_valid";
    /// The key that a temporary key belongs to may not act.
    ParentUnusable = "parent_unusable";
    /// The user is frozen.
    UserFrozen = "user_frozen";
    /// The account is disabled.
    AccountDisabled = "account_disabled";
    /// The key may not be used from there.
    SourceNotAllowed = "source_not_allowed";
    /// The key is good for other services.
    ServiceNotAllowed = "service_not_allowed";
    /// The key's record is damaged.
    Damaged = "damaged";
    /// The source has failed too often.
    Throttled = "throttled";
    /// The store could not answer.
    Store = "store";
    /// The request carries no credential.
    NoCredential = "no_credential";
    /// The session token is not good, or no more.
    Token = "token";
    /// The request was refused before its credential was looked at: no such path, or it cannot be read.
    Malformed = "malformed";
    /// The credential cannot be read, or leaves out what it must cover.
    Claim = "claim";
    /// The signature covers a body that is not seen here.
    BodyNotVisible = "body_not_visible";
    /// The scheme binds neither method nor path.
    UnboundScheme = "unbound_scheme";
    /// The signature's scope names a service that is not served here.
    ScopeNotServed = "service";
    /// The signature leaves the body out, which the asking service does not take.
    UnsignedPayload = "unsigned_payload";
    /// The asking service belongs to another account than the key.
    AskerOfAnotherAccount = "asker_of_another_account";
    /// The asker may not ask: no gate token, or one that is not known.
    GateToken = "gate_token";
    /// The asker's token crossed a network unencrypted.
    PlainHttp = "plain_http";
    /// Nothing is asked at this path of the gate.
    UnknownPath = "unknown_path";
    /// The gate's path takes another method.
    Method = "method";
    /// What the asker asks cannot be read.
    Question = "question";
    /// What the request under test is cannot be told, or two sources disagree about it.
    Evidence = "evidence";
    /// The SSH key is not of a kind that is stored, or not the one of its fingerprint.
    SshKeyForm = "ssh_key_form";
    /// No such SSH key.
    SshKeyUnknown = "ssh_key_unknown";
    /// The SSH key or its owner may not act now.
    SshKeyUnusable = "ssh_key_unusable";
    /// The SSH key is on the server's list of blocked keys.
    SshKeyBlocked = "ssh_key_blocked";
    /// The SSH key is another user's than those of the login.
    SshKeyOfAnother = "ssh_key_of_another";
    /// The owner's name cannot stand in a forced command.
    SshUserName = "ssh_user_name";
    /// Both the key and the login say where it may be used from.
    SshTwoSources = "ssh_two_sources";
    /// The server failed.
    Failed = "failed";
    /// The caller is known, and what he asked for was refused: no right, no such object, a value, a quota.
    Refused = "refused";
}

#[cfg(test)]
mod tests {
    use super::Reason;

    #[test]
    fn each_reason_has_a_word_of_its_own() {
        let words: std::collections::BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.word()).collect();
        assert_eq!(words.len(), Reason::ALL.len());
    }
}
