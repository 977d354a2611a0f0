//! Log objects on their way into their bucket.

use api_s3::{Client, Error, PutObjectRequest};
use kernel::access::Need;
use kernel::{Fault, Kernel};
use shape::TimeFormat;

use crate::records::{BUCKETS, Bucket};
use crate::settings::access::Ownership;
use crate::settings::acl::{Acl, Grantee, Right};
use crate::settings::kept;
use crate::settings::logging::{Format, Logging};

/// Who puts log objects.
const PRINCIPAL: &str = "logging.s3.amazonaws.com";

/// What decides whether and where a log goes.
struct Way {
    bucket: Bucket,
    logging: Logging,
    /// Whether the target's access control list lets logs in.
    listed: bool,
    /// Whether objects there have lists.
    has_lists: bool,
}

fn way(kernel: &Kernel, bucket: &str) -> Result<Option<Way>, Error> {
    kernel.store().read(|tx| {
        let Some(bucket) = tx.get(&BUCKETS, bucket)? else { return Ok(None) };
        let Some(logging) = kept::get::<Logging>(tx, &bucket.name)? else { return Ok(None) };
        let ownership = kept::get::<Ownership>(tx, &logging.target)?;
        let has_lists = ownership != Some(Ownership::Enforced);
        let acl = kept::get::<Acl>(tx, &logging.target)?.filter(|_| has_lists);
        let lets_in = |grant: &crate::settings::acl::Grant| {
            let right = matches!(grant.right, Right::Write | Right::FullControl);
            right && grant.to == Grantee::LogDelivery
        };
        let listed = acl.is_some_and(|acl| acl.grants.iter().any(lets_in));
        Ok(Some(Way { bucket, logging, listed, has_lists }))
    })
}

/// Puts lines of one day; drops them if the bucket has no logging any more.
pub(super) async fn deliver(
    kernel: &Kernel,
    bucket: &str,
    day: &str,
    text: String,
) -> Result<(), Fault> {
    let Some(Way { bucket, logging, listed, has_lists }) = way(kernel, bucket)? else {
        return Ok(());
    };
    let now = kernel.clock().now().format(TimeFormat::Iso8601);
    let unique = kernel.random().hex(8).to_ascii_uppercase();
    let key = key(&logging, &bucket, day, &now, &unique);
    let source = format!("arn:aws:s3:::{}", bucket.name);
    let ctx = kernel.service_ctx(PRINCIPAL, &bucket.account, &bucket.region);
    let ctx = ctx.as_service_for(PRINCIPAL, source);
    if !listed {
        let resource = format!("arn:aws:s3:::{}/{key}", logging.target);
        ctx.authorize("s3", "PutObject", &[Need::new("s3:PutObject", resource)])?;
    }
    let grants = |right| logging.header(right).filter(|_| has_lists);
    let request = PutObjectRequest {
        grant_full_control: grants(Right::FullControl),
        grant_read: grants(Right::Read),
        bucket: logging.target.clone(),
        key,
        content_type: Some("text/plain".to_owned()),
        body: Some(text.into_bytes().into()),
        ..PutObjectRequest::default()
    };
    ctx.client::<Client>().put_object(request).await.map(drop)
}

/// The key of a log object that is delivered at `now`, ISO 8601.
fn key(logging: &Logging, bucket: &Bucket, day: &str, now: &str, unique: &str) -> String {
    let prefix = &logging.prefix;
    let (today, time) = (now.get(..10).unwrap_or(day), now.get(11..19).unwrap_or("00:00:00"));
    let time = time.replace(':', "-");
    let (day, time) = match logging.format {
        Format::Usual | Format::Simple => return format!("{prefix}{today}-{time}-{unique}"),
        Format::DeliveryTime => (today, time.as_str()),
        Format::EventTime => (day, "00-00-00"),
    };
    let Bucket { account, region, name, .. } = bucket;
    let folders = day.replace('-', "/");
    format!("{prefix}{account}/{region}/{name}/{folders}/{day}-{time}-{unique}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys() {
        let bucket = Bucket {
            name: "photos".into(),
            account: "111122223333".into(),
            region: "us-east-1".into(),
            created_ms: 0,
            versioning: Default::default(),
            object_lock: false,
        };
        let check = |format, expected: &str| {
            let logging =
                Logging { target: "logs".into(), prefix: "p/".into(), grants: Vec::new(), format };
            let key = key(&logging, &bucket, "2019-02-06", "2019-02-07T01:02:03Z", "AB");
            assert_eq!(key, expected);
        };
        check(Format::Usual, "p/2019-02-07-01-02-03-AB");
        check(Format::Simple, "p/2019-02-07-01-02-03-AB");
        let folder = "p/111122223333/us-east-1/photos";
        check(Format::EventTime, &format!("{folder}/2019/02/06/2019-02-06-00-00-00-AB"));
        check(Format::DeliveryTime, &format!("{folder}/2019/02/07/2019-02-07-01-02-03-AB"));
    }
}
