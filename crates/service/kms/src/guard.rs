//! What KMS says when access to a key is judged: its policy, its grants, its condition keys.
//!
//! A key's policy is the root of all access to it: without its consent, by allowing or by naming
//! the account, no identity policy counts. A grant allows by itself.

use std::collections::BTreeMap;

use api_kms::{
    CreateGrantRequest, DecryptRequest, EncryptRequest, GenerateDataKeyPairRequest,
    GenerateDataKeyPairWithoutPlaintextRequest, GenerateDataKeyRequest,
    GenerateDataKeyWithoutPlaintextRequest, ReEncryptRequest, RetireGrantRequest,
};
use kernel::access::{Asked, Guard, Need, ResourcePolicy};
use kernel::{Ctx, Principal};
use shape::{Blob, Struct};
use store::{Part, Scan};

use crate::describe::origin;
use crate::find::{Key, Names, Place, at, find};
use crate::record::{ALIASES_OF, GRANTS};
use crate::{Kms, blob, grant};

type Context = BTreeMap<String, String>;

impl Guard for Kms {
    fn resolve(&self, ctx: &Ctx, kind: &str, args: &[String]) -> Option<String> {
        let name = args.first().filter(|_| kind == "key")?;
        Some(named(ctx, name)?.arn)
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn needs(&self, ctx: &Ctx, operation: &str, input: &dyn Struct) -> Vec<Need> {
        computed(ctx, operation, input).unwrap_or_default()
    }

    fn policy(&self, ctx: &Ctx, need: &Need) -> Option<ResourcePolicy> {
        let key = named(ctx, &need.resource)?;
        Some(policy_of(ctx, &key, action(need), &Context::new()))
    }

    fn tags(&self, ctx: &Ctx, resource: &str) -> Vec<(String, String)> {
        named(ctx, resource).map(|key| key.record.tags.into_iter().collect()).unwrap_or_default()
    }

    fn key(&self, ctx: &Ctx, key: &str, asked: &Asked<'_>) -> Option<Vec<String>> {
        match key {
            "kms:calleraccount" => return Some(vec![ctx.principal().account().to_owned()]),
            "kms:viaservice" => return via_service(ctx).map(|service| vec![service]),
            "kms:grantisforawsresource" => {
                let for_service = via_service(ctx).is_some();
                return (asked.operation == "CreateGrant").then(|| vec![for_service.to_string()]);
            }
            "kms:requestalias" => {
                let input = asked.input?;
                let index = input.shape().member_index("KeyId")?;
                let shape::View::Str(name) = input.field(index) else { return None };
                let alias = &name[name.find("alias/")?..];
                return Some(vec![alias.to_owned()]);
            }
            "kms:grantoperations" => {
                let input = asked.input?.downcast_ref::<CreateGrantRequest>()?;
                let names = input.operations.iter().map(|name| name.as_str().to_owned());
                return Some(names.collect());
            }
            "kms:grantconstrainttype" => {
                let input = asked.input?.downcast_ref::<CreateGrantRequest>()?;
                let constraints = input.constraints.as_ref()?;
                return match constraints.encryption_context_equals {
                    Some(_) => Some(vec!["EncryptionContextEquals".into()]),
                    None => constraints
                        .encryption_context_subset
                        .as_ref()
                        .map(|_| vec!["EncryptionContextSubset".into()]),
                };
            }
            _ => {}
        }
        if asked.operation == "CreateKey" {
            return usual(key).map(|value| vec![value.to_owned()]);
        }
        of_key(ctx, key, &named(ctx, asked.resource)?)
    }
}

/// What a new key is if the request does not say.
fn usual(condition: &str) -> Option<&'static str> {
    Some(match condition {
        "kms:keyspec" => "SYMMETRIC_DEFAULT",
        "kms:keyusage" => "ENCRYPT_DECRYPT",
        "kms:keyorigin" => "AWS_KMS",
        "kms:multiregion" => "false",
        _ => return None,
    })
}

/// Condition keys that the key itself answers.
fn of_key(ctx: &Ctx, condition: &str, key: &Key) -> Option<Vec<String>> {
    let record = &key.record;
    Some(match condition {
        "kms:keyspec" | "kms:customermasterkeyspec" => vec![record.spec.clone()],
        "kms:keyusage" | "kms:customermasterkeyusage" => vec![record.usage.clone()],
        "kms:keyorigin" => vec![origin(record).as_str().to_owned()],
        "kms:multiregion" => vec![record.multi_region.is_some().to_string()],
        "kms:multiregionkeytype" => {
            record.multi_region.as_ref()?;
            let replica = record.is_replica(&key.place.region);
            vec![if replica { "REPLICA" } else { "PRIMARY" }.to_owned()]
        }
        "kms:resourcealiases" => {
            let scan = Scan::prefix(key.place.key());
            let rows = ctx.store().read(|tx| tx.scan(&ALIASES_OF, scan)).ok()?;
            let name = |parts: Option<Vec<Part>>| match parts.as_deref() {
                Some([.., Part::Text(name)]) => Some(name.clone()),
                _ => None,
            };
            rows.into_iter().filter_map(|(at, ())| name(at.parts())).collect()
        }
        _ => return None,
    })
}

/// The key that a request or a need names, if it is there.
fn named(ctx: &Ctx, name: &str) -> Option<Key> {
    ctx.store().read(|tx| find(tx, ctx, name, Names::All)).ok()
}

/// `Decrypt` of `kms:Decrypt`.
fn action(need: &Need) -> &str {
    need.action.strip_prefix("kms:").unwrap_or(&need.action)
}

/// `s3.us-east-1.amazonaws.com`, where a service passes on the request or makes it.
fn via_service(ctx: &Ctx) -> Option<String> {
    let name = match ctx.principal() {
        Principal::Service { name, .. } => name,
        _ => *ctx.called_via().last()?,
    };
    let service = name.split('.').next()?;
    Some(format!("{service}.{}.amazonaws.com", ctx.region()))
}

fn policy_of(ctx: &Ctx, key: &Key, operation: &str, context: &Context) -> ResourcePolicy {
    let principal = ctx.principal();
    let principals = [principal.arn(), principal.principal_arn()];
    let request = grant::Request {
        principals: &principals,
        operation,
        context,
        source_arn: ctx.source_arn(),
    };
    let (account, region, id) = key.place.key();
    let granted = ctx.store().read(|tx| grant::allows(tx, account, region, id, &request));
    ResourcePolicy {
        account: account.to_owned(),
        documents: vec![key.record.policy.clone()],
        required: true,
        // A store that cannot be read grants nothing.
        granted: granted.unwrap_or(false),
        ..ResourcePolicy::default()
    }
}

/// What operations with an encryption context, a ciphertext or a grant need.
fn computed(ctx: &Ctx, operation: &str, input: &dyn Struct) -> Option<Vec<Need>> {
    let use_key = |name: &str, context: &Option<Context>, keys: &[(&str, Option<&str>)]| {
        Some(vec![on_key(ctx, operation, named(ctx, name).ok_or(name), context, keys)])
    };
    if let Some(input) = input.downcast_ref::<EncryptRequest>() {
        let algorithm =
            input.encryption_algorithm.as_ref().map_or("SYMMETRIC_DEFAULT", |a| a.as_str());
        let keys = [("kms:EncryptionAlgorithm", Some(algorithm))];
        return use_key(&input.key_id, &input.encryption_context, &keys);
    }
    if let Some(input) = input.downcast_ref::<GenerateDataKeyRequest>() {
        return use_key(&input.key_id, &input.encryption_context, &[]);
    }
    if let Some(input) = input.downcast_ref::<GenerateDataKeyWithoutPlaintextRequest>() {
        return use_key(&input.key_id, &input.encryption_context, &[]);
    }
    if let Some(input) = input.downcast_ref::<GenerateDataKeyPairRequest>() {
        let keys = [("kms:DataKeyPairSpec", Some(input.key_pair_spec.as_str()))];
        return use_key(&input.key_id, &input.encryption_context, &keys);
    }
    if let Some(input) = input.downcast_ref::<GenerateDataKeyPairWithoutPlaintextRequest>() {
        let keys = [("kms:DataKeyPairSpec", Some(input.key_pair_spec.as_str()))];
        return use_key(&input.key_id, &input.encryption_context, &keys);
    }
    if let Some(input) = input.downcast_ref::<DecryptRequest>() {
        let key = sealed_with(ctx, input.key_id.as_deref(), input.ciphertext_blob.as_ref());
        let algorithm =
            input.encryption_algorithm.as_ref().map_or("SYMMETRIC_DEFAULT", |a| a.as_str());
        let keys = [("kms:EncryptionAlgorithm", Some(algorithm))];
        let key = key.ok_or(input.key_id.as_deref().unwrap_or("*"));
        return Some(vec![on_key(ctx, "Decrypt", key, &input.encryption_context, &keys)]);
    }
    if let Some(input) = input.downcast_ref::<ReEncryptRequest>() {
        return Some(re_encrypt(ctx, input));
    }
    Some(vec![retire(ctx, input.downcast_ref::<RetireGrantRequest>()?)])
}

fn re_encrypt(ctx: &Ctx, input: &ReEncryptRequest) -> Vec<Need> {
    let from = sealed_with(ctx, input.source_key_id.as_deref(), input.ciphertext_blob.as_ref());
    let to = named(ctx, &input.destination_key_id);
    let same = match (&from, &to) {
        (Some(from), Some(to)) => from.place == to.place,
        _ => false,
    };
    let keys = [("kms:ReEncryptOnSameKey", Some(if same { "true" } else { "false" }))];
    let from = from.ok_or(input.source_key_id.as_deref().unwrap_or("*"));
    let to = to.ok_or(input.destination_key_id.as_str());
    vec![
        on_key(ctx, "ReEncryptFrom", from, &input.source_encryption_context, &keys),
        on_key(ctx, "ReEncryptTo", to, &input.destination_encryption_context, &keys),
    ]
}

/// A grant may be retired by whom it names for that, by its grantee if it allows that, and by
/// whom policies allow it.
fn retire(ctx: &Ctx, input: &RetireGrantRequest) -> Need {
    let found = match (&input.grant_token, &input.key_id, &input.grant_id) {
        (Some(token), ..) => grant::of_token(token).ok(),
        (None, Some(key), Some(id)) => named(ctx, key).map(|key| (key.place, id.clone())),
        _ => None,
    };
    let nothing = || Need::new("kms:RetireGrant", input.key_id.as_deref().unwrap_or("*"));
    let Some((place, id)) = found else { return nothing() };
    let Ok(key) = ctx.store().read(|tx| at(tx, place.clone())) else { return nothing() };
    let (account, region, key_id) = place.key();
    let record = ctx.store().read(|tx| tx.get(&GRANTS, (account, region, key_id, &id)));
    let principals = [ctx.principal().arn(), ctx.principal().principal_arn()];
    let may = record.ok().flatten().is_some_and(|grant| {
        grant.retiring.as_ref().is_some_and(|who| principals.contains(who))
            || (principals.contains(&grant.grantee)
                && grant.operations.iter().any(|name| name == "RetireGrant"))
    });
    let mut policy = policy_of(ctx, &key, "", &Context::new());
    policy.granted = may;
    Need { policy: Some(policy), ..Need::new("kms:RetireGrant", key.arn) }
}

/// The key that a request names, or else the one in the ciphertext.
fn sealed_with(ctx: &Ctx, name: Option<&str>, ciphertext: Option<&Blob>) -> Option<Key> {
    if let Some(name) = name {
        return named(ctx, name);
    }
    let parsed = blob::parse(&ciphertext?.0)?;
    let region = ctx.region().to_owned();
    let place = Place { account: parsed.account, region, id: parsed.key_id };
    ctx.store().read(|tx| at(tx, place)).ok()
}

/// The need of an operation on a key, or on what the request calls one.
fn on_key(
    ctx: &Ctx,
    operation: &str,
    key: Result<Key, &str>,
    context: &Option<Context>,
    keys: &[(&str, Option<&str>)],
) -> Need {
    let action = format!("kms:{operation}");
    let none = Context::new();
    let context = context.as_ref().unwrap_or(&none);
    let mut need = match key {
        Ok(key) => {
            let policy = policy_of(ctx, &key, operation, context);
            Need { policy: Some(policy), ..Need::new(action, key.arn) }
        }
        Err(name) if name.starts_with("arn:") || name == "*" => Need::new(action, name),
        Err(name) if name.starts_with("alias/") => {
            Need::new(action, ctx.arn("kms", name).to_string())
        }
        Err(name) => Need::new(action, ctx.arn("kms", format!("key/{name}")).to_string()),
    };
    for (key, value) in keys {
        if let Some(value) = value {
            need = need.key(key, *value);
        }
    }
    for (key, value) in context {
        need = need.key(&format!("kms:EncryptionContext:{key}"), value);
    }
    if !context.is_empty() {
        let names = context.keys().cloned().collect();
        need.keys.push(("kms:encryptioncontextkeys".into(), names));
    }
    need
}
