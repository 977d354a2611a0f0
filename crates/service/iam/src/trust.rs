//! Whom trust policies name. AWS keeps the unique ids of users and roles, so that one who is made
//! later under the same name is not trusted; so do we.

use serde_json::Value;
use store::ReadTx;

use crate::error::{Result, malformed};
use crate::record::{RoleRecord, UserRecord};
use crate::{arn, entity};

/// The users and roles of this account that a trust policy names, with their unique ids; a refusal
/// when one does not exist. Those of other accounts are taken as they are.
pub(crate) fn principals(tx: &ReadTx, account: &str, text: &str) -> Result<Vec<(String, String)>> {
    let document: Value = serde_json::from_str(text).unwrap_or_default();
    let statements = match &document["Statement"] {
        Value::Array(list) => list.iter().collect(),
        one => vec![one],
    };
    let mut found = Vec::new();
    for statement in statements {
        let named = match &statement["Principal"]["AWS"] {
            Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
            Value::String(one) => vec![one.as_str()],
            _ => Vec::new(),
        };
        for name in named {
            if !is_entity(account, name) || found.iter().any(|(known, _)| known == name) {
                continue;
            }
            let Some(id) = id_of(tx, account, name)? else {
                let message = format!("Invalid principal in policy: \"AWS\":\"{name}\"");
                return Err(malformed(message).into());
            };
            found.push((name.to_owned(), id));
        }
    }
    Ok(found)
}

/// The trust policy as it holds now: in the place of those who are gone stand their unique ids.
pub(crate) fn current(
    tx: &ReadTx,
    account: &str,
    record: &RoleRecord,
) -> std::result::Result<String, store::StoreError> {
    let mut text = record.trust.clone();
    for (name, id) in &record.trusted {
        if id_of(tx, account, name)?.as_ref() != Some(id) {
            text = text.replace(&format!("\"{name}\""), &format!("\"{id}\""));
        }
    }
    Ok(text)
}

fn is_entity(account: &str, name: &str) -> bool {
    let of = |kind| arn::parts(name, kind).is_some_and(|(owner, _, _)| owner == account);
    of("user") || of("role")
}

fn id_of(
    tx: &ReadTx,
    account: &str,
    name: &str,
) -> std::result::Result<Option<String>, store::StoreError> {
    if let Some((_, path, user)) = arn::parts(name, "user") {
        let found = entity::find::<UserRecord>(tx, account, user)?;
        return Ok(found.filter(|r| r.path == path && r.name == user).map(|r| r.id));
    }
    let Some((_, path, role)) = arn::parts(name, "role") else { return Ok(None) };
    let found = entity::find::<RoleRecord>(tx, account, role)?;
    Ok(found.filter(|r| r.path == path && r.name == role).map(|r| r.id))
}
