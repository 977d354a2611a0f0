//! Bounds on what a policy document may be.

/// Longest document, in bytes. IAM's `policyDocumentType` takes 131,072 characters, and AWS's own
/// longest policy has more than 150,000. Services have smaller quotas of their own (6,144
/// characters for a managed policy, 20 KiB for a bucket).
pub const DOCUMENT_BYTES_MAX: usize = 262_144;

/// Deepest nesting of objects and lists. A valid document needs six.
pub const DEPTH_MAX: usize = 16;

/// Longest action, resource or context value that takes part in matching, in bytes. Longer ones
/// match nothing but `*`.
pub const TEXT_BYTES_MAX: usize = 65_536;
