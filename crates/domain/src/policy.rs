//! One table: what each role may do, and to whom. Deny by default (structural rule S1).
//!
//! The table is printed to `policy.golden` by a test, so that a change of rights is seen in review.

/// What a user is, in his account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// Everything in the account.
    Admin,
    /// Reads everything, changes nothing, sees no secret.
    Auditor,
    /// His own credentials only.
    Member,
}

impl Role {
    /// Every role, strongest first.
    pub const ALL: [Role; 3] = [Role::Admin, Role::Auditor, Role::Member];

    /// The word that is stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Admin => "admin",
            Role::Auditor => "auditor",
            Role::Member => "member",
        }
    }

    /// Reads the stored word; `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }
}

macro_rules! actions {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, admin $admin:ident, auditor $auditor:ident, member $member:ident;)*) => {
        /// Something that a caller may or may not do. Every operation of every dialect names exactly one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Action {
            $($(#[$doc])* $variant,)*
        }

        impl Action {
            /// Every action, in the order of the table.
            pub const ALL: &'static [Action] = &[$(Action::$variant,)*];

            /// The name in the audit and in the golden table.
            pub const fn as_str(self) -> &'static str {
                match self { $(Action::$variant => $text,)* }
            }

            const fn reach(self, role: Role) -> Reach {
                match (self, role) {
                    $((Action::$variant, Role::Admin) => Reach::$admin,
                      (Action::$variant, Role::Auditor) => Reach::$auditor,
                      (Action::$variant, Role::Member) => Reach::$member,)*
                }
            }
        }
    };
}

actions! {
    /// Make a key for a user.
    CreateAccessKey = "access-key.create", admin Account, auditor Nobody, member Own;
    /// Read keys, never their secrets.
    ReadAccessKey = "access-key.read", admin Account, auditor Account, member Own;
    /// Enable, disable or describe a key.
    UpdateAccessKey = "access-key.update", admin Account, auditor Nobody, member Own;
    /// Set where, when, for what and in which schemes a key may be used.
    RestrictAccessKey = "access-key.restrict", admin Account, auditor Nobody, member Nobody;
    /// Replace a key by a new one.
    RotateAccessKey = "access-key.rotate", admin Account, auditor Nobody, member Own;
    /// Bring along a key that exists elsewhere, with its secret.
    ImportAccessKey = "access-key.import", admin Account, auditor Nobody, member Nobody;
    /// Delete a key.
    DeleteAccessKey = "access-key.delete", admin Account, auditor Nobody, member Own;
    /// See the secret of a key after its creation, where a dialect is set to `reveal_secret = "owner"`.
    RevealSecret = "access-key.reveal", admin Own, auditor Nobody, member Own;
    /// Add an SSH key to a user.
    CreateSshKey = "ssh-key.create", admin Account, auditor Nobody, member Own;
    /// Read SSH keys.
    ReadSshKey = "ssh-key.read", admin Account, auditor Account, member Own;
    /// Rename, enable or disable an SSH key.
    UpdateSshKey = "ssh-key.update", admin Account, auditor Nobody, member Own;
    /// Disable all SSH keys of the account, until each is enabled again.
    DisableSshKeys = "ssh-key.disable-all", admin Account, auditor Nobody, member Nobody;
    /// Delete an SSH key.
    DeleteSshKey = "ssh-key.delete", admin Account, auditor Nobody, member Own;
    /// Log in with a password: everybody, and for himself.
    CreateToken = "token.create", admin Own, auditor Own, member Own;
    /// Look at a token that one holds.
    ReadToken = "token.read", admin Account, auditor Own, member Own;
    /// End a token that one holds.
    RevokeToken = "token.delete", admin Account, auditor Own, member Own;
    /// Make a temporary key of the token that one holds.
    CreateTokenKey = "token-key.create", admin Own, auditor Own, member Own;
    /// Make a token with which a service asks the gate.
    CreateGateToken = "gate-token.create", admin Account, auditor Nobody, member Nobody;
    /// List the services that may ask the gate.
    ReadGateToken = "gate-token.read", admin Account, auditor Account, member Nobody;
    /// Take a service's right to ask away.
    RevokeGateToken = "gate-token.delete", admin Account, auditor Nobody, member Nobody;
    /// Set a user's password.
    SetPassword = "user.password", admin Account, auditor Nobody, member Own;
    /// Make a user.
    CreateUser = "user.create", admin Account, auditor Nobody, member Nobody;
    /// Read one user.
    ReadUser = "user.read", admin Account, auditor Account, member Own;
    /// List the users of the account.
    ListUsers = "user.list", admin Account, auditor Account, member Nobody;
    /// Rename, freeze or describe a user.
    UpdateUser = "user.update", admin Account, auditor Nobody, member Nobody;
    /// Delete a user with all his keys.
    DeleteUser = "user.delete", admin Account, auditor Nobody, member Nobody;
    /// Make an account; administrators of the operator account only.
    CreateAccount = "account.create", admin Account, auditor Nobody, member Nobody;
    /// Read the own account, and in the operator account every other.
    ReadAccount = "account.read", admin Account, auditor Account, member Own;
    /// Set the account's rules for its keys; in the operator account, disable other accounts.
    UpdateAccount = "account.update", admin Account, auditor Nobody, member Nobody;
    /// Read what was done in the account.
    ReadAudit = "audit.read", admin Account, auditor Account, member Nobody;
    /// Read why a request with a key was refused.
    ReadRefusal = "refusal.read", admin Account, auditor Account, member Own;
    /// Read the report of all credentials.
    ReadReport = "report.read", admin Account, auditor Account, member Nobody;
    /// Read what describes the service itself: regions, projects.
    DescribeService = "service.describe", admin Account, auditor Account, member Own;
}

/// Whose objects an action reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// Nobody's: denied.
    Nobody,
    /// The caller's own.
    Own,
    /// Every object of the caller's account.
    Account,
}

impl Reach {
    const fn word(self) -> &'static str {
        match self {
            Reach::Nobody => "-",
            Reach::Own => "own",
            Reach::Account => "account",
        }
    }
}

/// The rights of one caller: his role's column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rights {
    role: Role,
    without: Option<Action>,
}

impl Rights {
    /// The rights that a role gives.
    pub const fn of(role: Role) -> Self {
        Self { role, without: None }
    }

    /// The same rights with one action taken away, to prove that each use case asks for the action that it performs
    /// (threat T42).
    #[cfg(any(test, feature = "testing"))]
    pub const fn except(self, action: Action) -> Self {
        Self { without: Some(action), ..self }
    }

    /// Whose objects these rights let `action` reach.
    pub fn reach(self, action: Action) -> Reach {
        if self.without == Some(action) { Reach::Nobody } else { action.reach(self.role) }
    }
}

/// The whole table as text, one action a line.
pub fn table() -> String {
    let mut out = format!("{:<22}{:<10}{:<10}{:<10}\n", "action", "admin", "auditor", "member");
    for &action in Action::ALL {
        out.push_str(&format!("{:<22}", action.as_str()));
        for role in Role::ALL {
            out.push_str(&format!("{:<10}", action.reach(role).word()));
        }
        out.truncate(out.trim_end().len());
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Action, Reach, Rights, Role, table};

    #[test]
    fn the_table_is_the_one_that_was_reviewed() {
        // Written by: KEYWARD_BLESS=1 cargo test -p domain policy
        let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/src/policy.golden");
        if std::env::var_os("KEYWARD_BLESS").is_some() {
            std::fs::write(golden, table()).unwrap();
        }
        assert_eq!(table(), std::fs::read_to_string(golden).unwrap());
    }

    #[test]
    fn t42_taking_one_action_away_takes_exactly_that_one() {
        for &missing in Action::ALL {
            let rights = Rights::of(Role::Admin).except(missing);
            for &action in Action::ALL {
                assert_eq!(
                    rights.reach(action) == Reach::Nobody,
                    action == missing,
                    "{action:?} without {missing:?}"
                );
            }
        }
    }
}
