//! What is known of IAM's own resources when access to them is judged: their paths and tags.

use kernel::Ctx;
use kernel::access::Guard;
use store::ReadTx;

use crate::entity::{self, Named, Tagged};
use crate::error::Result;
use crate::record::{
    GroupRecord, MFA, OIDC, ProfileRecord, RoleRecord, SAML, ServerRecord, Tags, UserRecord,
};
use crate::{arn, managed, service_roles};

/// Answers by the records.
pub(crate) struct Records;

impl Guard for Records {
    fn resolve(&self, ctx: &Ctx, kind: &str, args: &[String]) -> Option<String> {
        let name = args.first().map(String::as_str);
        let path = args.get(1).map_or("/", String::as_str);
        let made = |kind: &str| Some(arn::of(ctx.account(), kind, path, name?));
        match kind {
            "user" => found::<UserRecord>(ctx, "user", name?),
            "group" => found::<GroupRecord>(ctx, "group", name?),
            "role" => found::<RoleRecord>(ctx, "role", name?),
            "profile" => found::<ProfileRecord>(ctx, "instance-profile", name?),
            "certificate" => found::<ServerRecord>(ctx, "server-certificate", name?),
            "new-user" => made("user"),
            "new-group" => made("group"),
            "new-role" => made("role"),
            "new-profile" => made("instance-profile"),
            "new-policy" => made("policy"),
            "new-mfa" => made("mfa"),
            "new-certificate" => made("server-certificate"),
            "new-oidc" => {
                let url = name?.split_once("://").map_or(name?, |(_, rest)| rest);
                let url = url.trim_end_matches('/');
                Some(format!("arn:aws:iam::{}:oidc-provider/{url}", ctx.account()))
            }
            "service-role" => {
                let role = service_roles::of(name?)?.role;
                let path = format!("/aws-service-role/{}/", name?);
                Some(arn::of(ctx.account(), "role", &path, role))
            }
            "caller" => Some(ctx.principal().principal_arn()),
            _ => None,
        }
    }

    fn tags(&self, ctx: &Ctx, resource: &str) -> Vec<(String, String)> {
        ctx.store().read(|tx| tags(tx, ctx.account(), resource)).unwrap_or_default()
    }
}

/// The ARN of a record that is there, with its path.
fn found<T: Named>(ctx: &Ctx, kind: &str, name: &str) -> Option<String> {
    let record = ctx.store().read(|tx| entity::find::<T>(tx, ctx.account(), name));
    let record = record.ok().flatten()?;
    Some(arn::of(ctx.account(), kind, record.path(), record.name()))
}

/// The tags of what an ARN names.
fn tags(tx: &ReadTx, account: &str, resource: &str) -> Result<Tags> {
    let rest = resource.splitn(6, ':').nth(5).unwrap_or_default();
    let kind = rest.split('/').next().unwrap_or_default();
    let Some((owner, _, name)) = arn::parts(resource, kind) else { return Ok(Tags::new()) };
    if owner != account {
        return Ok(Tags::new());
    }
    Ok(match kind {
        "user" => of::<UserRecord>(tx, account, name)?,
        "role" => of::<RoleRecord>(tx, account, name)?,
        "instance-profile" => of::<ProfileRecord>(tx, account, name)?,
        "server-certificate" => of::<ServerRecord>(tx, account, name)?,
        "policy" => match managed::find(tx, account, resource)? {
            Some(managed::Managed::Customer(record)) => record.tags,
            _ => Tags::new(),
        },
        "mfa" => tx.get(&MFA, (account, resource))?.map(|r| r.tags).unwrap_or_default(),
        "saml-provider" => {
            tx.get(&SAML, (account, &entity::key(name)))?.map(|r| r.tags).unwrap_or_default()
        }
        "oidc-provider" => {
            let url = &rest["oidc-provider/".len()..];
            tx.get(&OIDC, (account, url))?.map(|r| r.tags).unwrap_or_default()
        }
        _ => Tags::new(),
    })
}

fn of<T: Tagged>(tx: &ReadTx, account: &str, name: &str) -> Result<Tags> {
    let record = entity::find::<T>(tx, account, name)?;
    Ok(record.map(|mut record| std::mem::take(record.tags())).unwrap_or_default())
}
