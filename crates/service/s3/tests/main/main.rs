//! S3 as a whole, with a clock that the tests move.

mod inventory;
mod lifecycle;

use std::sync::Arc;
use std::time::Duration;

use api_s3::{
    BucketLifecycleConfiguration, BucketVersioningStatus, Client, CreateBucketRequest,
    ExpirationStatus, GetObjectRequest, HeadObjectRequest, LifecycleRule,
    ListMultipartUploadsRequest, ListObjectVersionsRequest, PutBucketLifecycleConfigurationRequest,
    PutBucketVersioningRequest, PutObjectRequest, StorageClass, VersioningConfiguration,
};
use kernel::{Clock as _, Config, Ctx, Kernel, ManualClock, Principal};

/// 23 November 2026, 06:00 UTC.
const BEGIN_MS: i64 = 1_795_413_600_000;
const BUCKET: &str = "the-bucket";

/// A cloud with nothing but S3 and a bucket in it.
pub struct Cloud {
    kernel: Kernel,
    clock: Arc<ManualClock>,
    s3: Client,
}

impl Cloud {
    /// One whose bucket is empty.
    pub async fn new() -> Cloud {
        let clock = Arc::new(ManualClock::at(BEGIN_MS));
        let kernel = Kernel::new(Config { clock: clock.clone(), ..Config::memory() });
        kernel.start(vec![service_s3::service()]);
        let root = Principal::Root { account: "111122223333".into() };
        let ctx = Ctx::new(&kernel, "us-east-1", root, "request".into());
        let s3 = ctx.client::<Client>();
        let bucket = CreateBucketRequest { bucket: BUCKET.into(), ..Default::default() };
        s3.create_bucket(bucket).await.expect("a bucket");
        Cloud { kernel, clock, s3 }
    }

    /// One whose bucket keeps versions.
    pub async fn versioned() -> Cloud {
        let cloud = Cloud::new().await;
        let status = Some(BucketVersioningStatus::Enabled);
        let request = PutBucketVersioningRequest {
            bucket: BUCKET.into(),
            versioning_configuration: VersioningConfiguration { status, ..Default::default() },
            ..Default::default()
        };
        cloud.s3.put_bucket_versioning(request).await.expect("versions");
        cloud
    }

    /// Puts an object.
    pub async fn put(&self, key: &str, bytes: Vec<u8>, class: Option<StorageClass>) {
        let request = PutObjectRequest {
            bucket: BUCKET.into(),
            key: key.into(),
            body: Some(bytes.into()),
            storage_class: class,
            ..Default::default()
        };
        self.s3.put_object(request).await.expect("an object");
    }

    /// Sets the bucket's rules.
    pub async fn rules(&self, rules: Vec<LifecycleRule>) {
        let request = PutBucketLifecycleConfigurationRequest {
            bucket: BUCKET.into(),
            lifecycle_configuration: Some(BucketLifecycleConfiguration { rules }),
            ..Default::default()
        };
        self.s3.put_bucket_lifecycle_configuration(request).await.expect("rules");
        self.settle().await;
    }

    /// Moves the clock by days and hours, and waits until everything that is due then was done.
    pub async fn pass(&self, days: u64, hours: u64) {
        for _ in 0..days {
            self.clock.advance(Duration::from_secs(24 * 3600));
            self.settle().await;
        }
        self.clock.advance(Duration::from_secs(hours * 3600));
        self.settle().await;
    }

    async fn settle(&self) {
        for _ in 0..4000 {
            let next = self.kernel.store().read(|tx| tx.next_due_ms()).expect("timers");
            let now_ms = self.clock.now().epoch_ms.unsigned_abs();
            if next.is_none_or(|at_ms| at_ms > now_ms) {
                return;
            }
            #[expect(clippy::disallowed_methods, reason = "waits for work in the background")]
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("not within 20 s");
    }

    /// Every version (`key`), delete marker (`key×`) and upload (`key…`), current ones with `*`.
    pub async fn listed(&self) -> String {
        let request = ListObjectVersionsRequest { bucket: BUCKET.into(), ..Default::default() };
        let found = self.s3.list_object_versions(request).await.expect("versions");
        let star = |latest: Option<bool>| if latest == Some(true) { "*" } else { "" };
        let mut all: Vec<String> = Vec::new();
        for version in found.versions.unwrap_or_default() {
            all.push(format!("{}{}", version.key.unwrap_or_default(), star(version.is_latest)));
        }
        for marker in found.delete_markers.unwrap_or_default() {
            all.push(format!("{}×{}", marker.key.unwrap_or_default(), star(marker.is_latest)));
        }
        let request = ListMultipartUploadsRequest { bucket: BUCKET.into(), ..Default::default() };
        let found = self.s3.list_multipart_uploads(request).await.expect("uploads");
        for upload in found.uploads.unwrap_or_default() {
            all.push(format!("{}…", upload.key.unwrap_or_default()));
        }
        all.sort();
        all.join(" ")
    }

    /// Blobs that something refers to.
    pub fn blobs(&self) -> u64 {
        let found = self.kernel.blobs().scrub(self.kernel.store()).expect("blobs");
        assert_eq!(found.problem_count, 0, "{found:?}");
        found.files + found.small
    }

    /// An object's bytes.
    pub async fn bytes(&self, bucket: &str, key: &str) -> Vec<u8> {
        let request =
            GetObjectRequest { bucket: bucket.into(), key: key.into(), ..Default::default() };
        let found = self.s3.get_object(request).await.expect(key);
        found.body.unwrap_or_default().collect(1 << 20).await.expect("bytes").to_vec()
    }

    /// The length of an object's bytes, or the code of the error.
    pub async fn get(&self, key: &str) -> Result<usize, String> {
        let request =
            GetObjectRequest { bucket: BUCKET.into(), key: key.into(), ..Default::default() };
        let found = self.s3.get_object(request).await.map_err(|fault| fault.code.to_string())?;
        let body = found.body.unwrap_or_default().collect(1 << 20).await.expect("bytes");
        Ok(body.len())
    }

    /// An object's class, and what is said of its restored copy.
    pub async fn state(&self, key: &str) -> String {
        let request =
            HeadObjectRequest { bucket: BUCKET.into(), key: key.into(), ..Default::default() };
        let found = self.s3.head_object(request).await.expect("an object");
        let class = found.storage_class.map_or("STANDARD".to_owned(), |it| it.as_str().to_owned());
        format!("{class} {}", found.restore.unwrap_or_default()).trim_end().to_owned()
    }
}

/// A rule that holds for all objects, but for what it says.
pub fn rule(say: impl FnOnce(&mut LifecycleRule)) -> LifecycleRule {
    let mut rule = LifecycleRule {
        status: ExpirationStatus::Enabled,
        filter: Some(Default::default()),
        ..Default::default()
    };
    say(&mut rule);
    rule
}
