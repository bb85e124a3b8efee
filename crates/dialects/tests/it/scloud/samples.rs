//! For each operation the smallest request that succeeds. An operation without one fails every test that walks the table.

use dialects::Operation;
use dialects::scloud::Scloud;

use crate::wire::{Pairs, Wire};
use crate::world::{Signer, signer};

/// Parameters with their names as the wire has them.
#[derive(Clone, Debug)]
pub struct Sample(pub Vec<(String, String)>);

impl Sample {
    pub fn pairs(&self) -> Vec<(&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.0.retain(|(given, _)| given != name);
        self.0.push((name.to_owned(), value.to_owned()));
        self
    }

    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.0.retain(|(given, _)| given != name);
        self
    }

    pub fn signed(&self, signer: &Signer) -> Wire {
        Wire::signed(signer, &self.pairs())
    }
}

/// Every operation of the dialect.
pub fn operations() -> Vec<&'static Operation> {
    let operations: Vec<_> = Scloud::operations().collect();
    assert!(operations.len() >= 13);
    operations
}

/// A request of an administrator about `target`, one of the users of the world, or about his first key.
pub fn sample(operation: &str, target: &str) -> Sample {
    let key = signer(target).id;
    let own: &Pairs<'_> = match operation {
        "CreateAccessKey" | "ListAccessKeys" | "GetUser" | "DeleteUser" | "GetLoginProfile" => {
            &[("UserName", target)]
        }
        "UpdateAccessKey" => &[("AccessKeyID", &key), ("Description", "changed")],
        "DeleteAccessKey" => &[("AccessKeyID", &key)],
        "CreateUser" => {
            &[("UserName", "newcomer"), ("AccessKeyStatus", "Active"), ("LoginProfileStatus", "Inactive")]
        }
        "UpdateUser" => &[("UserName", target), ("DisplayName", "changed")],
        "UpdateLoginProfile" => &[("UserName", target), ("Status", "Active")],
        "ListUsers" | "GetRegion" | "GetProjectList" => &[],
        other => panic!("{other} has no sample request: add one, and its cases with it"),
    };
    let action = [("Action", operation)];
    Sample(action.iter().chain(own).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
}
