//! What S3 says of its resources when access to them is judged: the bucket's policy, the block of
//! public access, access control lists, tags.

use kernel::access::{Asked, Guard, Need, ResourcePolicy};
use kernel::{Ctx, Principal};
use serde_json::json;
use shape::View;
use shape::access::{self, Step};
use store::ReadTx;

use crate::buckets;
use crate::objects::{self, Found};
use crate::records::{BUCKETS, Bucket};
use crate::settings::access::{Ownership, PublicBlock};
use crate::settings::acl::{Acl, Grantee, Right};
use crate::settings::kept::{self, BucketTags, PolicyText};
use crate::settings::tags;

const ARN: &str = "arn:aws:s3:::";

/// The guard.
pub(crate) struct S3Guard;

/// The bucket and the key of an ARN.
fn split(resource: &str) -> Option<(&str, Option<&str>)> {
    let name = resource.strip_prefix(ARN)?;
    match name.split_once('/') {
        Some((bucket, key)) => Some((bucket, Some(key))),
        None => Some((name, None)),
    }
}

/// Which right of which list an action needs: `true` is the bucket's list.
fn right_of(action: &str) -> Option<(bool, Right)> {
    Some(match action.strip_prefix("s3:")? {
        "ListBucket" | "ListBucketVersions" | "ListBucketMultipartUploads" => (true, Right::Read),
        "PutObject" | "DeleteObject" | "DeleteObjectVersion" => (true, Right::Write),
        "GetBucketAcl" => (true, Right::ReadAcp),
        "PutBucketAcl" => (true, Right::WriteAcp),
        "GetObject" | "GetObjectVersion" => (false, Right::Read),
        "GetObjectAcl" | "GetObjectVersionAcl" => (false, Right::ReadAcp),
        "PutObjectAcl" | "PutObjectVersionAcl" => (false, Right::WriteAcp),
        _ => return None,
    })
}

fn found(tx: &ReadTx, bucket: &str, key: &str, version_id: Option<&str>) -> Option<Found> {
    match version_id {
        Some(id) => objects::by_id(tx, bucket, key, id).ok()?,
        None => objects::newest(tx, bucket, key).ok()?,
    }
}

/// The version a need names, as the table of access gives it.
fn version_of(need: &Need) -> Option<&str> {
    let named = need.keys.iter().find(|(key, _)| key == "s3:versionid");
    named.and_then(|(_, values)| values.first()).map(String::as_str)
}

impl S3Guard {
    /// What access control lists grant: to everybody, or as a statement for another account.
    fn granted(
        &self,
        tx: &ReadTx,
        ctx: &Ctx,
        bucket: &Bucket,
        key: Option<&str>,
        need: &Need,
    ) -> Option<(bool, Option<String>)> {
        let (of_bucket, right) = right_of(&need.action)?;
        let ownership = kept::get::<Ownership>(tx, &bucket.name).ok()?;
        if ownership == Some(Ownership::Enforced) {
            return None;
        }
        let acl = match (of_bucket, key) {
            (true, _) => kept::get::<Acl>(tx, &bucket.name).ok()??,
            (false, Some(key)) => found(tx, &bucket.name, key, version_of(need))?.version.acl?,
            (false, None) => return None,
        };
        let block = kept::get::<PublicBlock>(tx, &bucket.name).ok()?;
        let ignore_public = block.unwrap_or(PublicBlock::NONE).ignore_acls;
        let signed = !matches!(ctx.principal(), Principal::Anonymous);
        let to_all = !ignore_public
            && acl.grants.iter().any(|grant| {
                let fits = grant.right == right || grant.right == Right::FullControl;
                let everybody = grant.to == Grantee::AllUsers;
                fits && (everybody || signed && grant.to == Grantee::AuthenticatedUsers)
            });
        // Another account's user also needs his own account's leave, as with policies.
        let account = ctx.principal().account();
        let foreign = signed && account != bucket.account;
        let id = buckets::canonical_id(account);
        let statement = (foreign && acl.allows(Some(&id), right, true)).then(|| {
            json!({"Version": "2012-10-17", "Statement": [{
                "Effect": "Allow",
                "Principal": {"AWS": format!("arn:aws:iam::{account}:root")},
                "Action": need.action,
                "Resource": need.resource,
            }]})
            .to_string()
        });
        Some((to_all, statement))
    }
}

impl Guard for S3Guard {
    fn asks_itself(&self, operation: &str) -> bool {
        operation == "DeleteObjects"
    }

    fn policy(&self, ctx: &Ctx, need: &Need) -> Option<ResourcePolicy> {
        let (name, key) = split(&need.resource)?;
        ctx.store().read(|tx| {
            let bucket = tx.get(&BUCKETS, name).ok()??;
            let policy = kept::get::<PolicyText>(tx, name).ok()?;
            let block = kept::get::<PublicBlock>(tx, name).ok()?.unwrap_or(PublicBlock::NONE);
            let public = policy.as_ref().is_some_and(|policy| policy.public);
            let mut documents: Vec<String> = policy.map(|policy| policy.text).into_iter().collect();
            let granted = self.granted(tx, ctx, &bucket, key, need);
            let (to_all, statement) = granted.unwrap_or((false, None));
            documents.extend(statement);
            Some(ResourcePolicy {
                account: bucket.account,
                documents,
                granted: to_all,
                restricts_public: public && block.restrict,
                ..ResourcePolicy::default()
            })
        })
    }

    fn tags(&self, ctx: &Ctx, resource: &str) -> Vec<(String, String)> {
        let Some((bucket, None)) = split(resource) else { return Vec::new() };
        let tags = ctx.store().read(|tx| kept::get::<BucketTags>(tx, bucket));
        tags.ok().flatten().map(|tags| tags.0).unwrap_or_default()
    }

    fn key(&self, ctx: &Ctx, key: &str, asked: &Asked<'_>) -> Option<Vec<String>> {
        let (bucket, object) = split(asked.resource)?;
        if let Some(tag) = key.strip_prefix("s3:existingobjecttag/") {
            let version = asked.input.and_then(|input| member(input, "VersionId"));
            let found = ctx.store().read(|tx| found(tx, bucket, object?, version.as_deref()))?;
            let tags = found.version.tags.iter();
            let mut value = tags.filter(|(name, _)| name.eq_ignore_ascii_case(tag)).map(|(_, v)| v);
            return value.next().cloned().map(|value| vec![value]);
        }
        if let Some(tag) = key.strip_prefix("s3:requestobjecttag/") {
            let tags = request_tags(asked)?;
            let value = tags.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(tag));
            return value.map(|(_, value)| vec![value]);
        }
        if let Some(tag) = key.strip_prefix("s3:buckettag/") {
            let tags = self.tags(ctx, &format!("{ARN}{bucket}"));
            let value = tags.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(tag));
            return value.map(|(_, value)| vec![value]);
        }
        match key {
            "s3:requestobjecttagkeys" => {
                let keys: Vec<String> = request_tags(asked)?.into_iter().map(|tag| tag.0).collect();
                (!keys.is_empty()).then_some(keys)
            }
            "s3:resourceaccount" | "aws:resourceaccount" => {
                let bucket = ctx.store().read(|tx| tx.get(&BUCKETS, bucket)).ok()??;
                Some(vec![bucket.account])
            }
            _ => None,
        }
    }
}

/// The tags that a request gives an object: in its header, or as its body.
fn request_tags(asked: &Asked<'_>) -> Option<Vec<(String, String)>> {
    let input = asked.input?;
    if asked.operation == "PutObjectTagging" {
        let path = [Step::Member("Tagging".into()), Step::Member("TagSet".into())];
        return Some(access::tags(input, &path));
    }
    tags::from_header(&member(input, "Tagging")?).ok()
}

/// The text of a member of an input.
fn member(input: &dyn shape::Struct, name: &str) -> Option<String> {
    let index = input.shape().members.iter().position(|member| member.name == name)?;
    match input.field(index) {
        View::Str(text) => Some(text.to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_are_split() {
        assert_eq!(split("arn:aws:s3:::b"), Some(("b", None)));
        assert_eq!(split("arn:aws:s3:::b/k/l"), Some(("b", Some("k/l"))));
        assert_eq!(split("*"), None);
    }

    #[test]
    fn actions_need_rights() {
        assert_eq!(right_of("s3:GetObjectVersion"), Some((false, Right::Read)));
        assert_eq!(right_of("s3:DeleteObject"), Some((true, Right::Write)));
        assert_eq!(right_of("s3:PutBucketPolicy"), None);
    }
}
