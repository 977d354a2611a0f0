//! The bucket of a transfer.

use api_s3::{
    Client, GetObjectRequest, ListObjectsV2Request, Object, ObjectCannedACL, PutObjectRequest,
    ServerSideEncryption,
};
use bytes::Bytes;
use kernel::{Ctx, Fault};
use serde::{Deserialize, Serialize};
use shape::ByteStream;

/// A bucket, and whose it must be.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Bucket {
    pub name: String,
    /// As in the request: an account, if it is another one's.
    pub owner: Option<String>,
}

/// How what is written is encrypted; as the bucket wants it if neither is given.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Encryption {
    /// `AES256` or `KMS`.
    pub algorithm: Option<String>,
    pub kms_key: Option<String>,
}

/// Why a transfer ended badly, in the words of DescribeExport and DescribeImport.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Failure {
    pub code: String,
    pub message: String,
}

/// What S3 answered instead.
pub(crate) enum Problem {
    /// It may go better later.
    Passing(Fault),
    Lasting(Failure),
}

impl From<Fault> for Problem {
    fn from(fault: Fault) -> Problem {
        match fault.status {
            // 501 is what is not served; whatever else is S3's fault may pass.
            501 => {}
            500.. => return Problem::Passing(fault),
            _ => {}
        }
        let code = format!("S3{}", fault.code.replace('.', ""));
        Problem::Lasting(Failure { code, message: fault.message })
    }
}

impl Bucket {
    fn owner(&self, ctx: &Ctx) -> Option<String> {
        Some(self.owner.clone().unwrap_or_else(|| ctx.account().to_owned()))
    }

    /// Writes an object; answers its ETag, without the quotes.
    pub async fn put(
        &self,
        ctx: &Ctx,
        encryption: &Encryption,
        key: &str,
        bytes: Bytes,
    ) -> Result<String, Problem> {
        let algorithm = encryption.algorithm.as_deref().map(|name| match name {
            "KMS" => ServerSideEncryption::AwsKms,
            _ => ServerSideEncryption::Aes256,
        });
        // The owner of another account's bucket must be able to read what is in it.
        let is_others = self.owner.as_deref().is_some_and(|owner| owner != ctx.account());
        let request = PutObjectRequest {
            bucket: self.name.clone(),
            key: key.to_owned(),
            content_length: Some(bytes.len() as i64),
            body: Some(ByteStream::Bytes(bytes)),
            acl: is_others.then_some(ObjectCannedACL::BucketOwnerFullControl),
            server_side_encryption: algorithm,
            ssekms_key_id: encryption.kms_key.clone(),
            expected_bucket_owner: self.owner(ctx),
            ..PutObjectRequest::default()
        };
        let answer = ctx.client::<Client>().put_object(request).await?;
        Ok(answer.e_tag.unwrap_or_default().trim_matches('"').to_owned())
    }

    /// Reads an object, which must be the one that was listed.
    pub async fn get(&self, ctx: &Ctx, object: &Object) -> Result<ByteStream, Problem> {
        let request = GetObjectRequest {
            bucket: self.name.clone(),
            key: object.key.clone().unwrap_or_default(),
            if_match: object.e_tag.clone(),
            expected_bucket_owner: self.owner(ctx),
            ..GetObjectRequest::default()
        };
        let answer = ctx.client::<Client>().get_object(request).await?;
        Ok(answer.body.unwrap_or_default())
    }

    /// The next objects under a prefix, in the order of their keys.
    pub async fn list(
        &self,
        ctx: &Ctx,
        prefix: Option<&str>,
        after: Option<&str>,
    ) -> Result<Vec<Object>, Problem> {
        let request = ListObjectsV2Request {
            bucket: self.name.clone(),
            prefix: prefix.map(str::to_owned),
            start_after: after.map(str::to_owned),
            expected_bucket_owner: self.owner(ctx),
            ..ListObjectsV2Request::default()
        };
        let answer = ctx.client::<Client>().list_objects_v2(request).await?;
        Ok(answer.contents.unwrap_or_default())
    }
}
