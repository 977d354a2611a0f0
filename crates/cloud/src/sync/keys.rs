//! KMS keys and their aliases. A key has no name that a template could choose, so a sync finds its own
//! by an alias `alias/gureum-sync/NAME`.

use serde_json::{Value, json};
use template::{Node, Resource};

use super::deploy::Pass;
use crate::Failure;

/// What CreateKey takes under the names that templates use.
const OF_KEYS: &[&str] = &[
    "BypassPolicyLockoutSafetyCheck",
    "Description",
    "KeySpec",
    "KeyUsage",
    "MultiRegion",
    "Origin",
    "Tags",
];
/// What else is brought. The window belongs to the deletion, which a sync does not do.
const BROUGHT: &[&str] = &["Enabled", "EnableKeyRotation", "KeyPolicy", "PendingWindowInDays"];

fn own_alias(pass: &Pass<'_>, id: &str) -> Result<String, Failure> {
    let name = pass.name(id)?.replace(|c: char| !c.is_ascii_alphanumeric() && c != '-', "-");
    Ok(format!("alias/gureum-sync/{name}"))
}

/// Keys that earlier syncs have made.
pub fn learn(pass: &Pass<'_>) -> Result<(), Failure> {
    for resource in pass.stack.resources.iter().filter(|one| one.kind == "AWS::KMS::Key") {
        let asked = json!({ "KeyId": own_alias(pass, &resource.id)? });
        if let Some(found) = pass.found("kms", "DescribeKey", &asked)? {
            know(pass, &resource.id, &found["KeyMetadata"]);
        }
    }
    Ok(())
}

fn know(pass: &Pass<'_>, id: &str, metadata: &Value) {
    let text = |key: &str| metadata[key].as_str().unwrap_or_default().to_owned();
    pass.stack.know(id, &text("KeyId"));
    pass.stack.know(&format!("{id}.KeyId"), &text("KeyId"));
    pass.stack.know(&format!("{id}.Arn"), &text("Arn"));
}

/// `AWS::KMS::Key`.
pub fn key(pass: &Pass<'_>, id: &str, properties: &Node) -> Result<Option<String>, Failure> {
    let alias = own_alias(pass, id)?;
    let policy = properties.get("KeyPolicy");
    let policy = policy.map(|node| node.as_text().unwrap_or_else(|| node.to_json().to_string()));
    let there = pass.found("kms", "DescribeKey", &json!({ "KeyId": alias }))?;
    let metadata = match &there {
        Some(found) => found["KeyMetadata"].clone(),
        None => {
            let mut input = json!({});
            for (key, value) in properties.entries() {
                if OF_KEYS.contains(&key.text.as_str()) {
                    input[key.text.as_str()] = value.to_json();
                }
            }
            let tags = input["Tags"].as_array().into_iter().flatten();
            let tags: Vec<Value> =
                tags.map(|tag| json!({ "TagKey": tag["Key"], "TagValue": tag["Value"] })).collect();
            input["Tags"] = tags.into();
            if let Some(policy) = &policy {
                input["Policy"] = policy.as_str().into();
            }
            let made = pass.call("kms", "CreateKey", &input)?;
            let metadata = made["KeyMetadata"].clone();
            let named = json!({ "AliasName": alias, "TargetKeyId": metadata["KeyId"] });
            pass.call("kms", "CreateAlias", &named)?;
            metadata
        }
    };
    know(pass, id, &metadata);
    let named = json!({ "KeyId": metadata["KeyId"] });
    if there.is_some() {
        if let Some(policy) = &policy {
            let input = json!({ "KeyId": metadata["KeyId"], "Policy": policy });
            pass.call("kms", "PutKeyPolicy", &input)?;
        }
        if let Some(text) = properties.get("Description").and_then(Node::as_text)
            && metadata["Description"] != text.as_str()
        {
            let input = json!({ "KeyId": metadata["KeyId"], "Description": text });
            pass.call("kms", "UpdateKeyDescription", &input)?;
        }
    }
    switch(pass, &named, properties, metadata["Enabled"] == true)?;
    let what = format!("key {}", pass.name(id)?);
    pass.ledger.made(what.clone(), &[]);
    pass.leave_all_but(&what, properties, &[OF_KEYS, BROUGHT].concat());
    Ok(Some(if there.is_some() { format!("{what}, as it was") } else { what }))
}

/// Rotation, and whether the key is enabled.
fn switch(pass: &Pass<'_>, named: &Value, properties: &Node, enabled: bool) -> Result<(), Failure> {
    let wanted = properties.get("Enabled").and_then(Node::as_bool).unwrap_or(true);
    if wanted && !enabled {
        pass.call("kms", "EnableKey", named)?;
    }
    if let Some(rotates) = properties.get("EnableKeyRotation").and_then(Node::as_bool) {
        let found = pass.call("kms", "GetKeyRotationStatus", named)?;
        let operation = if rotates { "EnableKeyRotation" } else { "DisableKeyRotation" };
        if found["KeyRotationEnabled"] != rotates {
            pass.call("kms", operation, named)?;
        }
    }
    if !wanted && enabled {
        pass.call("kms", "DisableKey", named)?;
    }
    Ok(())
}

/// `AWS::KMS::Alias`.
pub fn alias(pass: &Pass<'_>, resource: &Resource, properties: &Node) -> Result<String, Failure> {
    let text = |key: &str| {
        let found = properties.get(key).and_then(Node::as_text);
        found.ok_or_else(|| Failure(format!("{}: it needs {key}", resource.id)))
    };
    let (name, key) = (text("AliasName")?, text("TargetKeyId")?);
    let input = json!({ "AliasName": name, "TargetKeyId": key });
    let there = pass.found("kms", "DescribeKey", &json!({ "KeyId": name }))?.is_some();
    let operation = if there { "UpdateAlias" } else { "CreateAlias" };
    pass.call("kms", operation, &input)?;
    let undo = ("kms", "DeleteAlias", json!({ "AliasName": name }));
    pass.ledger.made(name.clone(), &[undo]);
    Ok(name)
}
