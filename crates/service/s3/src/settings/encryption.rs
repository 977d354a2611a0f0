//! How a bucket seals objects whose request does not say.

use api_s3::{
    BlockedEncryptionTypes, EncryptionType, ServerSideEncryption, ServerSideEncryptionByDefault,
    ServerSideEncryptionConfiguration, ServerSideEncryptionRule,
};
use kernel::Fault;
use serde::{Deserialize, Serialize};

use super::refusal::{invalid_argument, malformed_xml};

/// A default. [`Encryption::default`] is that of every new bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Encryption {
    /// What seals.
    pub method: Method,
    /// Fewer calls of KMS: one data key seals many objects.
    pub bucket_key: bool,
    /// Whether `SSE-C` was named as blocked (or, with `false`, as not blocked).
    pub blocks_customer_keys: Option<bool>,
}

/// What seals.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Method {
    /// Keys of S3 itself, `AES256`.
    #[default]
    S3,
    /// KMS, with this key or S3's own alias.
    Kms {
        /// Id, ARN or alias, as sent.
        key: Option<String>,
        /// `aws:kms:dsse`: sealed twice.
        twice: bool,
    },
}

impl Encryption {
    /// Checks a configuration.
    pub fn from_api(input: ServerSideEncryptionConfiguration) -> Result<Self, Fault> {
        let mut rules = input.rules.into_iter();
        let (Some(rule), None) = (rules.next(), rules.next()) else { return Err(malformed_xml()) };
        let bucket_key = rule.bucket_key_enabled.unwrap_or(false);
        let blocked = rule.blocked_encryption_types.and_then(|blocked| blocked.encryption_type);
        let blocks_customer_keys = blocked.map(|types| types.contains(&EncryptionType::SseC));
        let Some(default) = rule.apply_server_side_encryption_by_default else {
            return Ok(Self { method: Method::S3, bucket_key, blocks_customer_keys });
        };
        let key = default.kms_master_key_id.filter(|key| !key.is_empty());
        let method = match default.sse_algorithm {
            ServerSideEncryption::Aes256 if key.is_some() => {
                return Err(invalid_argument(
                    "a KMSMasterKeyID is not applicable if the default sse algorithm is not \
                     aws:kms or aws:kms:dsse",
                ));
            }
            ServerSideEncryption::Aes256 => Method::S3,
            ServerSideEncryption::AwsKms => Method::Kms { key, twice: false },
            ServerSideEncryption::AwsKmsDsse => Method::Kms { key, twice: true },
            _ => return Err(malformed_xml()),
        };
        Ok(Self { method, bucket_key, blocks_customer_keys })
    }

    /// As `GetBucketEncryption` shows it.
    pub fn to_api(&self) -> ServerSideEncryptionConfiguration {
        let (sse_algorithm, kms_master_key_id) = match &self.method {
            Method::S3 => (ServerSideEncryption::Aes256, None),
            Method::Kms { key, twice: false } => (ServerSideEncryption::AwsKms, key.clone()),
            Method::Kms { key, twice: true } => (ServerSideEncryption::AwsKmsDsse, key.clone()),
        };
        let default = ServerSideEncryptionByDefault { sse_algorithm, kms_master_key_id };
        let types = |blocks: bool| BlockedEncryptionTypes {
            encryption_type: Some(vec![match blocks {
                true => EncryptionType::SseC,
                false => EncryptionType::None,
            }]),
        };
        let rule = ServerSideEncryptionRule {
            apply_server_side_encryption_by_default: Some(default),
            bucket_key_enabled: Some(self.bucket_key),
            blocked_encryption_types: self.blocks_customer_keys.map(types),
        };
        ServerSideEncryptionConfiguration { rules: vec![rule] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configurations_are_checked() {
        let check = |algorithm: &str, key: Option<&str>, expected: &str| {
            let default = ServerSideEncryptionByDefault {
                sse_algorithm: algorithm.into(),
                kms_master_key_id: key.map(str::to_owned),
            };
            let rule = ServerSideEncryptionRule {
                apply_server_side_encryption_by_default: Some(default),
                ..Default::default()
            };
            let input = ServerSideEncryptionConfiguration { rules: vec![rule] };
            let got = Encryption::from_api(input).map_or_else(
                |fault| fault.to_string(),
                |encryption| {
                    let shown = encryption.to_api().rules.remove(0);
                    let shown = shown.apply_server_side_encryption_by_default.expect("a default");
                    format!("{} {:?}", shown.sse_algorithm.as_str(), shown.kms_master_key_id)
                },
            );
            assert!(got.contains(expected), "{got} lacks {expected}");
        };
        check("AES256", None, "AES256 None");
        check("AES256", Some("k"), "KMSMasterKeyID is not applicable");
        check("aws:kms", Some("alias/k"), "aws:kms Some(\"alias/k\")");
        check("aws:kms", None, "aws:kms None");
        check("aws:kms:dsse", None, "aws:kms:dsse None");
        check("rot13", None, "MalformedXML");
        assert!(Encryption::from_api(ServerSideEncryptionConfiguration::default()).is_err());
    }
}
