//! The service's refusals, in AWS's words.

use api_kms::{EncryptionAlgorithmSpec, KeySpec};
use kernel::Fault;

pub(crate) fn validation(message: impl Into<String>) -> Fault {
    Fault::sender("ValidationException", message)
}

pub(crate) fn not_found(message: impl Into<String>) -> Fault {
    Fault::sender("NotFoundException", message)
}

pub(crate) fn no_key(arn: &str) -> Fault {
    not_found(format!("Key '{arn}' does not exist"))
}

pub(crate) fn no_alias(arn: &str) -> Fault {
    not_found(format!("Alias {arn} is not found."))
}

pub(crate) fn bad_key_id(id: &str) -> Fault {
    not_found(format!("Invalid keyId '{id}'"))
}

pub(crate) fn invalid_arn(message: impl Into<String>) -> Fault {
    Fault::sender("InvalidArnException", message)
}

pub(crate) fn disabled(arn: &str) -> Fault {
    Fault::sender("DisabledException", format!("{arn} is disabled."))
}

pub(crate) fn state(message: impl Into<String>) -> Fault {
    Fault::sender("KMSInvalidStateException", message)
}

pub(crate) fn unsupported(message: impl Into<String>) -> Fault {
    Fault::sender("UnsupportedOperationException", message)
}

pub(crate) fn wrong_origin(arn: &str, origin: &str) -> Fault {
    unsupported(format!("{arn} origin is {origin} which is not valid for this operation."))
}

pub(crate) fn not_primary(arn: &str) -> Fault {
    unsupported(format!("{arn} is not a multi-region primary key."))
}

pub(crate) fn wrong_usage(arn: &str, usage: &str, operation: &str) -> Fault {
    Fault::sender(
        "InvalidKeyUsageException",
        format!("{arn} key usage is {usage} which is not valid for {operation}."),
    )
}

pub(crate) fn wrong_algorithm(algorithm: &str, spec: &KeySpec) -> Fault {
    let spec = spec.as_str();
    Fault::sender(
        "InvalidKeyUsageException",
        format!("Algorithm {algorithm} is incompatible with key spec {spec}."),
    )
}

pub(crate) fn too_long(algorithm: &EncryptionAlgorithmSpec, spec: &KeySpec, max: usize) -> Fault {
    validation(format!(
        "Algorithm {} and key spec {} cannot encrypt data larger than {max} bytes.",
        algorithm.as_str(),
        spec.as_str()
    ))
}

/// Anything wrong with a ciphertext: KMS says no more than that.
pub(crate) fn bad_ciphertext() -> Fault {
    Fault::sender("InvalidCiphertextException", "")
}

pub(crate) fn incorrect_key() -> Fault {
    Fault::sender(
        "IncorrectKeyException",
        "The key ID in the request does not identify a CMK that can perform this operation.",
    )
}

pub(crate) fn dry_run() -> Fault {
    Fault::sender(
        "DryRunOperationException",
        "The request would have succeeded, but the DryRun option is set.",
    )
}

pub(crate) fn bad_marker() -> Fault {
    Fault::sender("InvalidMarkerException", "The marker is not valid.")
}

pub(crate) fn bad_token() -> Fault {
    Fault::sender("InvalidGrantTokenException", "The grant token is not valid.")
}

pub(crate) fn tag(message: &str) -> Fault {
    Fault::sender("TagException", message)
}

pub(crate) fn limit(message: impl Into<String>) -> Fault {
    Fault::sender("LimitExceededException", message)
}

pub(crate) fn exists(message: impl Into<String>) -> Fault {
    Fault::sender("AlreadyExistsException", message)
}

pub(crate) fn malformed_policy(message: impl Into<String>) -> Fault {
    Fault::sender("MalformedPolicyDocumentException", message)
}

/// Keys that services made for themselves are not the customer's to change.
pub(crate) fn managed_by_aws(arn: &str, operation: &str) -> Fault {
    Fault::sender(
        "AccessDeniedException",
        format!("{operation} is not permitted on {arn}, which is managed by AWS"),
    )
}

/// What the kernel's or the library's failure looks like from outside.
pub(crate) fn internal(why: impl std::fmt::Display) -> Fault {
    Fault::internal(why)
}
