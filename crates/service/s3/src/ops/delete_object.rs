//! `DeleteObject` and `DeleteObjects`.
//!
//! ```text
//! aws s3 rm s3://photos/a.jpg
//! ```

use std::borrow::Cow;

use api_s3::{
    DeleteObjectOutput, DeleteObjectRequest, DeleteObjectsOutput, DeleteObjectsRequest,
    DeletedObject, Error, ErrorShape, ObjectIdentifier,
};
use kernel::access::Need;
use kernel::{Ctx, Fault, Principal, Timestamp};
use store::WriteTx;

use crate::hooks::{self, Happened};
use crate::records::{Bucket, Version, Versioning};
use crate::{S3, access_log, buckets, bytes, conditions, errors, objects, replicate, template};

/// Most objects of one request.
const OBJECTS_MAX: usize = 1000;

/// One deletion that is asked for.
struct Deletion<'a> {
    key: &'a str,
    version_id: Option<&'a str>,
    if_match: Option<&'a str>,
    if_modified: Option<Timestamp>,
    if_size: Option<i64>,
    bypass: bool,
}

/// What it did.
#[derive(Clone, Debug, Default)]
struct Deleted {
    /// Whether a marker was made, or was what was deleted.
    delete_marker: bool,
    /// The version that was made or deleted.
    version_id: Option<String>,
}

impl Deletion<'_> {
    fn run(&self, tx: &mut WriteTx, ctx: &Ctx, bucket: &Bucket) -> Result<Deleted, Error> {
        template::check_key(self.key)?;
        match self.version_id {
            Some(version_id) => self.version(tx, ctx, bucket, version_id),
            None if bucket.versioning == Versioning::Off => {
                let Some(found) = objects::newest(tx, &bucket.name, self.key)? else {
                    self.check(None)?;
                    return Ok(Deleted::default());
                };
                self.check(Some(&found.version))?;
                self.remove(tx, ctx, bucket, &found)?;
                Ok(Deleted::default())
            }
            None => self.mark(tx, ctx, bucket),
        }
    }

    /// Deletes one version for good.
    fn version(
        &self,
        tx: &mut WriteTx,
        ctx: &Ctx,
        bucket: &Bucket,
        version_id: &str,
    ) -> Result<Deleted, Error> {
        let version_id = objects::valid_id(version_id)?;
        let found = objects::by_id(tx, &bucket.name, self.key, version_id)?;
        let Some(found) = found else {
            self.check(None)?;
            return Ok(Deleted { version_id: Some(version_id.to_owned()), delete_marker: false });
        };
        self.check(Some(&found.version))?;
        self.remove(tx, ctx, bucket, &found)?;
        Ok(Deleted {
            delete_marker: found.version.delete_marker,
            version_id: Some(version_id.to_owned()),
        })
    }

    fn remove(
        &self,
        tx: &mut WriteTx,
        ctx: &Ctx,
        bucket: &Bucket,
        found: &objects::Found,
    ) -> Result<(), Error> {
        hooks::before_removal(bucket, &found.version, self.bypass, ctx.now())?;
        objects::remove(tx, &bucket.name, self.key, found)?;
        bytes::release(tx, ctx, &found.version)?;
        hooks::happened(tx, ctx, bucket, self.key, &found.version, Happened::Removed)
    }

    /// Hides the object behind a marker.
    fn mark(&self, tx: &mut WriteTx, ctx: &Ctx, bucket: &Bucket) -> Result<Deleted, Error> {
        if self.is_conditional() {
            let newest = objects::newest(tx, &bucket.name, self.key)?;
            let newest = newest.filter(|found| !found.version.delete_marker);
            self.check(newest.as_ref().map(|found| &found.version))?;
        }
        let mut marker = Version {
            delete_marker: true,
            modified_ms: ctx.now().epoch_ms,
            owner: ctx.account().to_owned(),
            ..Version::default()
        };
        let before = objects::place(tx, ctx, bucket, self.key, &mut marker)?;
        replicate::created(tx, ctx, bucket, self.key, &mut marker)?;
        if let Some(gone) = objects::put(tx, bucket, self.key, &marker, before)? {
            hooks::before_removal(bucket, &gone, self.bypass, ctx.now())?;
            bytes::release(tx, ctx, &gone)?;
        }
        hooks::happened(tx, ctx, bucket, self.key, &marker, Happened::MarkerCreated)?;
        Ok(Deleted { delete_marker: true, version_id: Some(marker.shown_id().to_owned()) })
    }

    fn is_conditional(&self) -> bool {
        self.if_match.is_some() || self.if_modified.is_some() || self.if_size.is_some()
    }

    fn check(&self, version: Option<&Version>) -> Result<(), Fault> {
        if !self.is_conditional() {
            return Ok(());
        }
        let Some(version) = version else { return Err(errors::no_such_key(self.key)) };
        let seconds = |ms: i64| ms.div_euclid(1000);
        if self.if_match.is_some_and(|tags| !conditions::matches(tags, &version.etag)) {
            return Err(errors::precondition_failed("If-Match"));
        }
        let modified = seconds(version.modified_ms);
        if self.if_modified.is_some_and(|at| seconds(at.epoch_ms) != modified) {
            return Err(errors::precondition_failed("x-amz-if-match-last-modified-time"));
        }
        if self.if_size.is_some_and(|size| u64::try_from(size) != Ok(version.size)) {
            return Err(errors::precondition_failed("x-amz-if-match-size"));
        }
        Ok(())
    }
}

/// Deletes as a lifecycle rule wants it: the object, or one of its versions for good.
pub(crate) fn delete_by_rule(
    tx: &mut WriteTx,
    ctx: &Ctx,
    bucket: &Bucket,
    key: &str,
    version_id: Option<&str>,
) -> Result<(), Error> {
    let deletion = Deletion {
        key,
        version_id,
        if_match: None,
        if_modified: None,
        if_size: None,
        bypass: false,
    };
    deletion.run(tx, ctx, bucket).map(drop)
}

pub(crate) async fn delete_object(
    _: &S3,
    ctx: &Ctx,
    input: DeleteObjectRequest,
) -> Result<DeleteObjectOutput, Error> {
    let (name, owner) = (input.bucket.as_str(), input.expected_bucket_owner.as_deref());
    let deletion = Deletion {
        key: &input.key,
        version_id: input.version_id.as_deref(),
        if_match: input.if_match.as_deref(),
        if_modified: input.if_match_last_modified_time,
        if_size: input.if_match_size,
        bypass: input.bypass_governance_retention == Some(true),
    };
    let deleted = ctx
        .store()
        .write(|tx| -> Result<Deleted, Error> {
            let bucket = buckets::bucket(tx, ctx, name, owner)?;
            deletion.run(tx, ctx, &bucket)
        })
        .await?;
    Ok(DeleteObjectOutput {
        delete_marker: deleted.delete_marker.then_some(true),
        version_id: deleted.version_id,
        ..DeleteObjectOutput::default()
    })
}

pub(crate) async fn delete_objects(
    api: &S3,
    ctx: &Ctx,
    input: DeleteObjectsRequest,
) -> Result<DeleteObjectsOutput, Error> {
    let (name, owner) = (input.bucket.as_str(), input.expected_bucket_owner.as_deref());
    let objects = &input.delete.objects;
    if objects.is_empty() || objects.len() > OBJECTS_MAX {
        return Err(errors::malformed_xml().into());
    }
    let bypass = input.bypass_governance_retention == Some(true);
    // Each key by itself: what may not be deleted is told beside what was.
    let refused: Vec<Option<(Cow<'static, str>, String)>> = objects
        .iter()
        .map(|object| may_delete(ctx, name, object, bypass).err())
        .map(|fault| fault.map(|fault| (fault.code, fault.message)))
        .collect();
    let answers = ctx
        .store()
        .write(|tx| -> Result<Vec<Result<Deleted, Fault>>, Error> {
            let bucket = buckets::bucket(tx, ctx, name, owner)?;
            let mut answers = Vec::with_capacity(objects.len());
            for (object, refused) in objects.iter().zip(&refused) {
                if let Some((code, message)) = refused {
                    answers.push(Err(Fault::new(code.clone(), 403, message.clone())));
                    continue;
                }
                let answer = deletion(object, bypass).run(tx, ctx, &bucket).map_err(Fault::from);
                match answer {
                    // What the store says of one is of all.
                    Err(fault) if fault.status >= 500 => return Err(fault.into()),
                    answer => answers.push(answer),
                }
            }
            Ok(answers)
        })
        .await?;
    let lines = objects.iter().zip(&answers).map(|(object, answer)| logged(object, answer));
    api.logs.deleted(ctx.kernel(), name, ctx.request_id(), lines.collect());
    let mut output = DeleteObjectsOutput::default();
    let quiet = input.delete.quiet == Some(true);
    for (object, answer) in objects.iter().zip(answers) {
        match answer {
            Ok(_) if quiet => {}
            Ok(deleted) => {
                output.deleted.get_or_insert_default().push(shown(object, deleted));
            }
            Err(fault) => output.errors.get_or_insert_default().push(ErrorShape {
                key: Some(object.key.clone()),
                version_id: object.version_id.clone(),
                code: Some(fault.code.to_string()),
                message: Some(fault.message),
            }),
        }
    }
    Ok(output)
}

/// An object of a list, for the bucket's access log.
fn logged(object: &ObjectIdentifier, answer: &Result<Deleted, Fault>) -> access_log::Object {
    access_log::Object {
        key: object.key.clone(),
        version_id: object.version_id.clone(),
        size: None,
        outcome: Some(match answer {
            Ok(_) => (204, None),
            Err(fault) => (fault.status, Some(fault.code.to_string())),
        }),
    }
}

/// Whether the caller may delete an object of a list.
fn may_delete(
    ctx: &Ctx,
    bucket: &str,
    object: &ObjectIdentifier,
    bypass: bool,
) -> Result<(), Fault> {
    if matches!(ctx.principal(), Principal::Service { .. }) {
        return Ok(());
    }
    let resource = format!("arn:aws:s3:::{bucket}/{}", object.key);
    let mut needs = vec![match &object.version_id {
        Some(id) => Need::new("s3:DeleteObjectVersion", &*resource).key("s3:versionid", id.clone()),
        None => Need::new("s3:DeleteObject", &*resource),
    }];
    if bypass {
        needs.push(Need::new("s3:BypassGovernanceRetention", resource));
    }
    ctx.authorize("s3", "DeleteObjects", &needs)
}

fn deletion(object: &ObjectIdentifier, bypass: bool) -> Deletion<'_> {
    Deletion {
        key: &object.key,
        version_id: object.version_id.as_deref(),
        if_match: object.e_tag.as_deref(),
        if_modified: object.last_modified_time,
        if_size: object.size,
        bypass,
    }
}

fn shown(object: &ObjectIdentifier, deleted: Deleted) -> DeletedObject {
    DeletedObject {
        key: Some(object.key.clone()),
        version_id: object.version_id.clone(),
        delete_marker: deleted.delete_marker.then_some(true),
        delete_marker_version_id: deleted.version_id.filter(|_| deleted.delete_marker),
    }
}
