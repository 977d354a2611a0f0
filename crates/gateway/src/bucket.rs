//! The hosts of buckets: virtual-hosted style, and websites.
//!
//! ```text
//! photos.s3.us-east-1.localhost       photos.s3.amazonaws.com      s3.dualstack.eu-west-1.…
//! photos.s3-accelerate.…             photos.s3-accelerate.dualstack.…
//! photos.s3-website-us-east-1.…       photos.s3-website.localhost  photos.localhost
//! ```

use crate::http::Host;
use crate::routing::is_region;

/// What the labels before the part of a host that is ours mean to S3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BucketHost {
    /// S3's own host: the bucket is in the path.
    Path,
    /// A bucket's host.
    Bucket(String),
    /// A bucket's website.
    Website(String),
    /// Labels that name no service: a bucket, if there is one of this name, or if the request is
    /// signed for S3.
    Perhaps(String),
    /// A bucket's host for accelerated transfers.
    Accelerated(String),
}

/// A request came to a bucket's host for accelerated transfers.
#[derive(Clone, Copy)]
pub(crate) struct IsAccelerated;

/// Reads a host.
pub(crate) fn read(host: &Host) -> BucketHost {
    let labels = &host.labels;
    // From the right: a bucket may be named `s3`.
    for (at, label) in labels.iter().enumerate().rev() {
        let Some(kind) = Label::read(label) else {
            if is_region(label) || label == "dualstack" {
                continue;
            }
            break;
        };
        let bucket = labels[..at].join(".");
        return match kind {
            Label::Accelerate if !bucket.is_empty() => BucketHost::Accelerated(bucket),
            Label::Website if !bucket.is_empty() => BucketHost::Website(bucket),
            Label::Api if !bucket.is_empty() => BucketHost::Bucket(bucket),
            Label::Api | Label::Website | Label::Accelerate => BucketHost::Path,
        };
    }
    match labels.last() {
        Some(last) if !is_region(last) => BucketHost::Perhaps(labels.join(".")),
        _ => BucketHost::Path,
    }
}

enum Label {
    Api,
    Website,
    Accelerate,
}

impl Label {
    fn read(label: &str) -> Option<Self> {
        match label {
            "s3" | "s3-fips" | "s3-external-1" => Some(Self::Api),
            "s3-website" => Some(Self::Website),
            "s3-accelerate" => Some(Self::Accelerate),
            _ => match label.strip_prefix("s3-website-") {
                Some(region) => is_region(region).then_some(Self::Website),
                None => is_region(label.strip_prefix("s3-")?).then_some(Self::Api),
            },
        }
    }
}

/// The path of a request as the model has it: with the bucket in front.
pub(crate) fn path(bucket: &str, path: &str) -> String {
    format!("/{bucket}{path}")
}

/// The bucket of a path in path style, if it names one, and whether that is all it names.
pub(crate) fn of_path(path: &str) -> Option<(&str, bool)> {
    let rest = path.strip_prefix('/')?;
    let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
    (!bucket.is_empty()).then_some((bucket, key.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read() {
        use BucketHost::{Accelerated, Bucket, Path, Perhaps, Website};
        let check = |labels: &str, expected: BucketHost| {
            let labels = labels.split('.').filter(|l| !l.is_empty()).map(str::to_owned).collect();
            let host = Host { name: String::new(), labels, loopback: true };
            assert_eq!(read(&host), expected, "{host:?}");
        };
        let photos = || "photos".to_owned();
        check("", Path);
        check("s3", Path);
        check("s3.us-east-1", Path);
        check("s3.dualstack.us-east-1", Path);
        check("us-east-1", Path);
        check("photos.s3", Bucket(photos()));
        check("photos.s3.us-east-1", Bucket(photos()));
        check("photos.s3-us-west-2", Bucket(photos()));
        check("photos.s3.dualstack.eu-west-1", Bucket(photos()));
        check("my.photos.s3.us-east-1", Bucket("my.photos".into()));
        check("s3.s3.us-east-1", Bucket("s3".into()));
        check("photos.s3-website-us-east-1", Website(photos()));
        check("photos.s3-website.eu-central-1", Website(photos()));
        check("photos.s3-website", Website(photos()));
        check("photos.s3-accelerate", Accelerated(photos()));
        check("photos.s3-accelerate.dualstack", Accelerated(photos()));
        check("s3-accelerate", Path);
        check("photos", Perhaps(photos()));
        check("www.photos", Perhaps("www.photos".into()));
        check("kinesis.us-east-1", Path);
    }

    #[test]
    fn paths_are_split() {
        assert_eq!(of_path("/"), None);
        assert_eq!(of_path("/b"), Some(("b", true)));
        assert_eq!(of_path("/b/"), Some(("b", true)));
        assert_eq!(of_path("/b//k"), Some(("b", false)));
        assert_eq!(path("b", "//k"), "/b//k");
    }
}
