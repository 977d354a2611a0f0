//! S3's errors: code, status, text and the elements that come with them, as its clients' tests and
//! boto3's examples show them.

use kernel::Fault;
use kernel::digest::Algorithm;

pub(crate) fn no_such_bucket(bucket: &str) -> Fault {
    Fault::new("NoSuchBucket", 404, "The specified bucket does not exist")
        .with("BucketName", bucket)
}

pub(crate) fn invalid_bucket_name(bucket: &str) -> Fault {
    Fault::sender("InvalidBucketName", "The specified bucket is not valid.")
        .with("BucketName", bucket)
}

pub(crate) fn bucket_already_exists(bucket: &str) -> Fault {
    let text = "The requested bucket name is not available. The bucket namespace is shared by all \
                users of the system. Please select a different name and try again.";
    Fault::new("BucketAlreadyExists", 409, text).with("BucketName", bucket)
}

pub(crate) fn bucket_already_owned_by_you(bucket: &str) -> Fault {
    let text = "Your previous request to create the named bucket succeeded and you already own it.";
    Fault::new("BucketAlreadyOwnedByYou", 409, text).with("BucketName", bucket)
}

pub(crate) fn bucket_not_empty(bucket: &str, versioned: bool) -> Fault {
    let text = match versioned {
        true => {
            "The bucket you tried to delete is not empty. You must delete all versions in the \
             bucket."
        }
        false => "The bucket you tried to delete is not empty",
    };
    Fault::new("BucketNotEmpty", 409, text).with("BucketName", bucket)
}

pub(crate) fn illegal_location_constraint(constraint: &str) -> Fault {
    let constraint = if constraint.is_empty() { "unspecified" } else { constraint };
    let text = format!(
        "The {constraint} location constraint is incompatible for the region specific endpoint \
         this request was sent to."
    );
    Fault::sender("IllegalLocationConstraintException", text)
}

pub(crate) fn invalid_location_constraint() -> Fault {
    Fault::sender("InvalidLocationConstraint", "The specified location-constraint is not valid")
}

pub(crate) fn invalid_storage_class() -> Fault {
    Fault::sender("InvalidStorageClass", "The storage class you specified is not valid")
}

pub(crate) fn access_denied() -> Fault {
    Fault::new("AccessDenied", 403, "Access Denied")
}

pub(crate) fn malformed_xml() -> Fault {
    let text = "The XML you provided was not well-formed or did not validate against our \
                published schema";
    Fault::sender("MalformedXML", text)
}

pub(crate) fn invalid_argument(name: &str, value: Option<&str>, text: &str) -> Fault {
    let fault = Fault::sender("InvalidArgument", text).with("ArgumentName", name);
    match value {
        Some(value) => fault.with("ArgumentValue", value),
        None => fault,
    }
}

pub(crate) fn invalid_request(text: impl Into<String>) -> Fault {
    Fault::sender("InvalidRequest", text)
}

pub(crate) fn no_such_key(key: &str) -> Fault {
    Fault::new("NoSuchKey", 404, "The specified key does not exist.").with("Key", key)
}

pub(crate) fn no_such_version(key: &str, version_id: &str) -> Fault {
    Fault::new("NoSuchVersion", 404, "The specified version does not exist.")
        .with("Key", key)
        .with("VersionId", version_id)
}

pub(crate) fn key_too_long(size: usize) -> Fault {
    Fault::sender("KeyTooLongError", "Your key is too long")
        .with("Size", size.to_string())
        .with("MaxSizeAllowed", "1024")
}

pub(crate) fn method_not_allowed(method: &str, resource: &str) -> Fault {
    let text = "The specified method is not allowed against this resource.";
    Fault::new("MethodNotAllowed", 405, text).with("Method", method).with("ResourceType", resource)
}

pub(crate) fn precondition_failed(condition: &str) -> Fault {
    let text = "At least one of the pre-conditions you specified did not hold";
    Fault::new("PreconditionFailed", 412, text).with("Condition", condition)
}

pub(crate) fn invalid_bucket_state() -> Fault {
    let text = "An Object Lock configuration is present on this bucket, so the versioning state \
                cannot be changed.";
    Fault::new("InvalidBucketState", 409, text)
}

pub(crate) fn invalid_digest() -> Fault {
    Fault::sender("InvalidDigest", "The Content-MD5 you specified was invalid.")
}

pub(crate) fn bad_md5(expected: &str, calculated: &str) -> Fault {
    Fault::sender("BadDigest", "The Content-MD5 you specified did not match what we received.")
        .with("ExpectedDigest", expected)
        .with("CalculatedDigest", calculated)
}

pub(crate) fn bad_checksum(algorithm: Algorithm) -> Fault {
    let text = format!("The {algorithm} you specified did not match the calculated checksum.");
    Fault::sender("BadDigest", text)
}

pub(crate) fn incomplete_body() -> Fault {
    let text = "You did not provide the number of bytes specified by the Content-Length HTTP \
                header";
    Fault::sender("IncompleteBody", text)
}

pub(crate) fn malformed_trailer() -> Fault {
    let text = "The request contained trailing data that was not well-formed or did not conform to \
                our published schema.";
    Fault::sender("MalformedTrailerError", text)
}

pub(crate) fn header_not_implemented(header: &str) -> Fault {
    let text = "A header you provided implies functionality that is not implemented";
    Fault::new("NotImplemented", 501, text).with("Header", header)
}

pub(crate) fn invalid_range(requested: &str, size: u64) -> Fault {
    Fault::new("InvalidRange", 416, "The requested range is not satisfiable")
        .with("RangeRequested", requested)
        .with("ActualObjectSize", size.to_string())
        .with_header("content-range", format!("bytes */{size}"))
}

pub(crate) fn invalid_part_number(requested: i32, count: u32) -> Fault {
    Fault::new("InvalidPartNumber", 416, "The requested partnumber is not satisfiable")
        .with("PartNumberRequested", requested.to_string())
        .with("ActualPartCount", count.to_string())
}

pub(crate) fn metadata_too_large(size: usize) -> Fault {
    let text = "Your metadata headers exceed the maximum allowed metadata size";
    Fault::sender("MetadataTooLarge", text)
        .with("Size", size.to_string())
        .with("MaxSizeAllowed", "2048")
}

pub(crate) fn invalid_object_state(storage_class: &str) -> Fault {
    let text = "The operation is not valid for the object's storage class";
    Fault::new("InvalidObjectState", 403, text).with("StorageClass", storage_class)
}

pub(crate) fn not_archived(storage_class: &str) -> Fault {
    let text = "Restore is not allowed for the object's current storage class";
    Fault::new("InvalidObjectState", 403, text).with("StorageClass", storage_class)
}

pub(crate) fn no_such_upload(upload_id: &str) -> Fault {
    let text = "The specified upload does not exist. The upload ID may be invalid, or the upload \
                may have been aborted or completed.";
    Fault::new("NoSuchUpload", 404, text).with("UploadId", upload_id)
}

pub(crate) fn not_modified(etag: &str) -> Fault {
    Fault::new("NotModified", 304, "").with_header("etag", format!("\"{etag}\""))
}

pub(crate) fn entity_too_large() -> Fault {
    Fault::sender("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size")
}

pub(crate) fn entity_too_small() -> Fault {
    let text = "Your proposed upload is smaller than the minimum allowed size";
    Fault::sender("EntityTooSmall", text)
}
