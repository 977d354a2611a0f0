//! The settings that `CreateBucket` brings: ownership, an ACL, tags.

use api_s3::{BucketCannedACL, CreateBucketRequest, Error};
use kernel::Fault;
use store::WriteTx;

use super::bucket_access::acl_in_the_way;
use crate::buckets;
use crate::records::Bucket;
use crate::settings::access::{Ownership, PublicBlock};
use crate::settings::acl::{Acl, Headers, Owners};
use crate::settings::kept::{self, BucketTags};
use crate::settings::{refusal, tags};

/// Keeps what a request says of a bucket that has just been made.
pub(crate) fn put_settings(
    tx: &mut WriteTx,
    bucket: &Bucket,
    input: &CreateBucketRequest,
) -> Result<(), Error> {
    let name = bucket.name.as_str();
    let mut ownership = Ownership::Enforced;
    if let Some(wanted) = &input.object_ownership {
        ownership = Ownership::from_name(wanted)?;
        kept::put(tx, name, &ownership)?;
    } else if input.acl == Some(BucketCannedACL::Private) {
        // Who says that much means to use ACLs: so the bucket takes them.
        ownership = Ownership::Preferred;
        kept::put(tx, name, &ownership)?;
    }
    if let Some(acl) = acl(bucket, input)? {
        let private = acl == Acl::private(&buckets::canonical_id(&bucket.account));
        if ownership == Ownership::Enforced && !private {
            return Err(acl_in_the_way().into());
        }
        let block = kept::get::<PublicBlock>(tx, name)?.unwrap_or(PublicBlock::NONE);
        if block.block_acls && acl.is_public() {
            return Err(Fault::sender(
                "InvalidBucketAclWithBlockPublicAccessError",
                "Bucket cannot have public ACLs set with BlockPublicAccess enabled",
            )
            .into());
        }
        kept::put(tx, name, &acl)?;
    }
    let configuration = input.create_bucket_configuration.as_ref();
    if let Some(wanted) = configuration.and_then(|configuration| configuration.tags.clone()) {
        kept::put(tx, name, &BucketTags(tags::of_bucket(wanted)?))?;
    }
    Ok(())
}

fn acl(bucket: &Bucket, input: &CreateBucketRequest) -> Result<Option<Acl>, Fault> {
    let id = buckets::canonical_id(&bucket.account);
    let headers = Headers {
        full_control: input.grant_full_control.as_deref(),
        read: input.grant_read.as_deref(),
        read_acp: input.grant_read_acp.as_deref(),
        write: input.grant_write.as_deref(),
        write_acp: input.grant_write_acp.as_deref(),
    };
    match (&input.acl, headers.any()) {
        (None, false) => Ok(None),
        (Some(_), true) => Err(refusal::invalid_request(
            "Specifying both Canned ACLs and Header Grants is not allowed",
        )),
        (None, true) => Acl::from_headers(&headers).map(Some),
        (Some(name), false) => {
            let acl = Acl::canned(name.as_str(), Owners { bucket: &id, object: &id });
            acl.map(Some).ok_or_else(|| refusal::invalid_argument("The canned ACL is not known."))
        }
    }
}
