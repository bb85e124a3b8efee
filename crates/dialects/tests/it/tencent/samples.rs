//! For each operation the smallest request that succeeds. An operation without one fails every test that walks the table.

use dialects::tencent::Tencent;
use dialects::{Dialect, Operation};
use domain::limits::Limits;
use serde_json::{Value, json};

use super::wire::Ask;
use crate::world::{World, limits, signer};

/// Added to a serial it is the number that the vendor shows.
pub const UIN_BASE: u64 = 100_000_000_000;

/// The dialect with these settings.
pub fn dialect(settings: &str) -> Dialect {
    Dialect::Tencent(Tencent::new(&settings.parse().unwrap()).unwrap())
}

pub async fn world() -> World {
    with_limits(limits()).await
}

pub async fn with_settings(settings: &str) -> World {
    World::speaking(dialect(settings), limits()).await
}

pub async fn with_limits(limits: Limits) -> World {
    World::speaking(dialect(""), limits).await
}

/// Every operation of the dialect.
pub fn operations() -> Vec<&'static Operation> {
    let operations: Vec<_> = Tencent::operations().collect();
    assert_eq!(operations.len(), 14);
    operations
}

/// The number of a user of the first account; of `nobody`, one that nobody has.
pub async fn uin(world: &World, name: &str) -> u64 {
    if name == "nobody" {
        return UIN_BASE + 1;
    }
    let user = world.uuid_of(name).await;
    let rows = world.store.user_rows(user).await.unwrap().unwrap();
    UIN_BASE + u64::from(rows.user.serial.get())
}

/// A request of an administrator about `target`, one of the users of the world, or about his first key.
pub async fn sample(world: &World, operation: &str, target: &str) -> Ask {
    let (key, uin) = (signer(target).id, uin(world, target).await);
    let fields = match operation {
        "CreateAccessKey" | "ListAccessKeys" => json!({ "TargetUin": uin }),
        "UpdateAccessKey" => json!({ "AccessKeyId": key, "Status": "Inactive", "TargetUin": uin }),
        "DeleteAccessKey" => json!({ "AccessKeyId": key, "TargetUin": uin }),
        "GetSecurityLastUsed" => json!({ "SecretIdList": [key] }),
        "AddUser" => json!({ "Name": "newcomer", "UseApi": 1 }),
        "GetUser" | "DeleteUser" => {
            let mut fields = json!({ "Name": target });
            if operation == "DeleteUser" {
                fields["Force"] = json!(1);
            }
            fields
        }
        "UpdateUser" => json!({ "Name": target, "Remark": "changed" }),
        "DescribeSubAccounts" => json!({ "FilterSubAccountUin": [uin] }),
        "ListUsers" | "GetUserAppId" | "GetCallerIdentity" => json!({}),
        "DescribeResourceTagsByResourceIds" => {
            json!({ "ServiceType": "cam", "ResourcePrefix": "uin", "ResourceIds": [uin.to_string()], "Offset": 0, "Limit": 20 })
        }
        other => panic!("{other} has no sample request: add one, and its cases with it"),
    };
    Ask::new(operation, fields)
}

/// The names of parameters that the sample needs to succeed.
pub fn required(operation: &str) -> &'static [&'static str] {
    match operation {
        "CreateAccessKey" | "ListAccessKeys" | "ListUsers" | "GetUserAppId" | "GetCallerIdentity" => &[],
        "UpdateAccessKey" => &["AccessKeyId", "Status"],
        "DeleteAccessKey" => &["AccessKeyId"],
        "GetSecurityLastUsed" => &["SecretIdList"],
        "AddUser" | "GetUser" | "UpdateUser" | "DeleteUser" => &["Name"],
        "DescribeSubAccounts" => &["FilterSubAccountUin"],
        "DescribeResourceTagsByResourceIds" => &["ServiceType", "ResourcePrefix", "ResourceIds"],
        other => panic!("{other}: say what it requires"),
    }
}

/// A value that no parameter of that type takes, and how it is refused.
pub fn unfit(value: &Value) -> Value {
    match value {
        Value::Number(_) => json!(-1),
        Value::Array(_) => json!([]),
        _ => json!("a\u{7}b"),
    }
}
