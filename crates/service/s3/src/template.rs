//! What a write's headers say of the version it will make: common to uploads at once, uploads in
//! parts and copies.

use std::collections::BTreeMap;

use api_s3::{ObjectLockLegalHoldStatus, ObjectLockMode, ObjectLockRetentionMode, StorageClass};
use kernel::{Fault, Timestamp};

use crate::errors;
use crate::records::Headers;
use crate::settings::lock::Retention;

/// Most bytes of names and values of a client's metadata.
const METADATA_BYTES_MAX: usize = 2048;
/// Most bytes of a key, in UTF-8.
const KEY_BYTES_MAX: usize = 1024;
/// What an object is whose type nobody gave.
pub(crate) const CONTENT_TYPE: &str = "binary/octet-stream";

/// The headers of a request, as they are stored.
macro_rules! headers {
    ($input:expr) => {
        crate::records::Headers {
            content_type: $input.content_type.clone(),
            cache_control: $input.cache_control.clone(),
            content_disposition: $input.content_disposition.clone(),
            content_encoding: $input.content_encoding.clone(),
            content_language: $input.content_language.clone(),
            expires: $input.expires.clone(),
            website_redirect: $input.website_redirect_location.clone(),
        }
        .cleaned()
    };
}

/// A new version with everything that a request's headers say of it.
macro_rules! version {
    ($ctx:expr, $input:expr) => {{
        crate::template::check_key(&$input.key)?;
        let metadata = $input.metadata.clone().unwrap_or_default();
        crate::template::check_metadata(&metadata)?;
        if $input.object_lock_event_hold.is_some()
            || $input.object_lock_event_hold_duration_days.is_some()
            || $input.object_lock_event_hold_duration_years.is_some()
        {
            return Err(kernel::Fault::not_implemented("S3 Object Lock event holds").into());
        }
        crate::records::Version {
            headers: crate::template::headers!($input),
            metadata,
            storage_class: crate::template::storage_class($input.storage_class.as_ref())?,
            tags: match &$input.tagging {
                Some(tagging) => crate::settings::tags::from_header(tagging)?.into_iter().collect(),
                None => Default::default(),
            },
            retention: crate::template::retention(
                $input.object_lock_mode.as_ref(),
                $input.object_lock_retain_until_date,
                $ctx.now(),
            )?,
            legal_hold: crate::template::legal_hold($input.object_lock_legal_hold_status.as_ref()),
            ..crate::records::Version::default()
        }
    }};
}

/// The ACL that a request's headers ask for.
macro_rules! acl {
    ($ctx:expr, $bucket:expr, $input:expr) => {
        crate::hooks::acl_of_write(
            $bucket,
            $ctx.account(),
            $input.acl.as_ref().map(|acl| acl.as_str()),
            &crate::settings::acl::Headers {
                full_control: $input.grant_full_control.as_deref(),
                read: $input.grant_read.as_deref(),
                read_acp: $input.grant_read_acp.as_deref(),
                write: None,
                write_acp: $input.grant_write_acp.as_deref(),
            },
        )
    };
}

pub(crate) use {acl, headers, version};

impl Headers {
    /// Without `aws-chunked`, which was of the transfer and not of the object.
    pub fn cleaned(mut self) -> Self {
        if let Some(encoding) = &self.content_encoding {
            let own = |part: &&str| !part.is_empty() && !part.eq_ignore_ascii_case("aws-chunked");
            let parts: Vec<&str> = encoding.split(',').map(str::trim).filter(own).collect();
            self.content_encoding = Some(parts.join(",")).filter(|text| !text.is_empty());
        }
        self
    }
}

/// Keys have 1 to 1,024 bytes.
pub(crate) fn check_key(key: &str) -> Result<(), Fault> {
    match key.len() {
        0 => Err(errors::invalid_request("Missing Key")),
        1..=KEY_BYTES_MAX => Ok(()),
        size => Err(errors::key_too_long(size)),
    }
}

pub(crate) fn check_metadata(metadata: &BTreeMap<String, String>) -> Result<(), Fault> {
    let size = metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
    match size {
        0..=METADATA_BYTES_MAX => Ok(()),
        _ => Err(errors::metadata_too_large(size)),
    }
}

/// A class that objects here can have; it is an attribute, but for archives, which refuse reads.
pub(crate) fn storage_class(class: Option<&StorageClass>) -> Result<Option<String>, Fault> {
    match class {
        None | Some(StorageClass::Standard) => Ok(None),
        Some(
            class @ (StorageClass::ReducedRedundancy
            | StorageClass::StandardIa
            | StorageClass::OnezoneIa
            | StorageClass::IntelligentTiering
            | StorageClass::Glacier
            | StorageClass::DeepArchive
            | StorageClass::GlacierIr),
        ) => Ok(Some(class.as_str().to_owned())),
        Some(_) => Err(errors::invalid_storage_class()),
    }
}

pub(crate) fn retention(
    mode: Option<&ObjectLockMode>,
    until: Option<Timestamp>,
    now: Timestamp,
) -> Result<Option<Retention>, Fault> {
    match (mode, until) {
        (None, None) => Ok(None),
        (Some(mode), Some(until)) => {
            let mode = ObjectLockRetentionMode::from(mode.as_str());
            Retention::new(&mode, until, now).map(Some)
        }
        _ => {
            let text = "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be \
                        supplied";
            let name = match mode {
                Some(_) => "x-amz-object-lock-retain-until-date",
                None => "x-amz-object-lock-mode",
            };
            Err(errors::invalid_argument(name, None, text))
        }
    }
}

pub(crate) fn legal_hold(status: Option<&ObjectLockLegalHoldStatus>) -> Option<bool> {
    status.map(|status| *status == ObjectLockLegalHoldStatus::On)
}
