//! Rules at work as days go by; restored copies that end.

use api_s3::{
    AbortIncompleteMultipartUpload, CreateMultipartUploadRequest, DeleteObjectRequest,
    LifecycleExpiration, LifecycleRuleFilter, NoncurrentVersionExpiration, RestoreObjectRequest,
    RestoreRequest, StorageClass, Transition, TransitionStorageClass, UploadPartRequest,
};

use crate::{BUCKET, Cloud, rule};

fn days(days: i32) -> Option<LifecycleExpiration> {
    Some(LifecycleExpiration { days: Some(days), ..Default::default() })
}

fn noncurrent(days: i32, keep: Option<i32>) -> Option<NoncurrentVersionExpiration> {
    Some(NoncurrentVersionExpiration {
        noncurrent_days: Some(days),
        newer_noncurrent_versions: keep,
    })
}

impl Cloud {
    async fn upload(&self, key: &str) {
        let request = CreateMultipartUploadRequest {
            bucket: BUCKET.into(),
            key: key.into(),
            ..Default::default()
        };
        let upload = self.s3.create_multipart_upload(request).await.expect("an upload");
        let part = UploadPartRequest {
            bucket: BUCKET.into(),
            key: key.into(),
            upload_id: upload.upload_id.unwrap_or_default(),
            part_number: 1,
            body: Some(vec![7; 300_000].into()),
            ..Default::default()
        };
        self.s3.upload_part(part).await.expect("a part");
    }

    /// Deletes an object.
    pub async fn delete(&self, key: &str) {
        let request =
            DeleteObjectRequest { bucket: BUCKET.into(), key: key.into(), ..Default::default() };
        self.s3.delete_object(request).await.expect("deleted");
    }

    async fn restore(&self, key: &str, days: i32) -> Option<i32> {
        let request = RestoreObjectRequest {
            bucket: BUCKET.into(),
            key: key.into(),
            restore_request: Some(RestoreRequest { days: Some(days), ..Default::default() }),
            ..Default::default()
        };
        self.s3.restore_object(request).await.expect("restored").http_status
    }
}

#[tokio::test]
async fn objects_and_unfinished_uploads_go_at_their_midnight() {
    let cloud = Cloud::new().await;
    cloud.put("old/a", vec![1; 10], None).await;
    cloud.put("old/b", vec![1; 100_000], None).await;
    cloud.put("new/a", vec![1; 10], None).await;
    cloud.upload("film").await;
    let old = LifecycleRuleFilter { prefix: Some("old/".into()), ..Default::default() };
    let abort = AbortIncompleteMultipartUpload { days_after_initiation: Some(3) };
    cloud
        .rules(vec![
            rule(|it| (it.filter, it.expiration) = (Some(old), days(2))),
            rule(|it| it.abort_incomplete_multipart_upload = Some(abort)),
        ])
        .await;
    let all = "film… new/a* old/a* old/b*";
    // Two days after the 23rd at six are rounded up to the 26th.
    for (days, hours, expected) in [(0, 0, all), (2, 0, all), (0, 17, all)] {
        cloud.pass(days, hours).await;
        assert_eq!(cloud.listed().await, expected, "{days} days, {hours} hours later");
    }
    cloud.pass(0, 1).await;
    assert_eq!(cloud.listed().await, "film… new/a*");
    cloud.pass(0, 23).await;
    assert_eq!((cloud.listed().await.as_str(), cloud.blobs()), ("film… new/a*", 2));
    cloud.pass(0, 1).await;
    assert_eq!((cloud.listed().await.as_str(), cloud.blobs()), ("new/a*", 1));
}

#[tokio::test]
async fn noncurrent_versions_and_lone_markers_go() {
    let cloud = Cloud::versioned().await;
    for _ in 0..3 {
        cloud.put("k", vec![1; 10], None).await;
    }
    cloud.put("gone", vec![1; 10], None).await;
    cloud.delete("gone").await;
    let markers =
        LifecycleExpiration { expired_object_delete_marker: Some(true), ..Default::default() };
    cloud
        .rules(vec![rule(|it| {
            it.noncurrent_version_expiration = noncurrent(1, None);
            it.expiration = Some(markers);
        })])
        .await;
    let all = "gone gone×* k k k*";
    cloud.pass(1, 17).await;
    assert_eq!(cloud.listed().await, all);
    cloud.pass(0, 1).await;
    assert_eq!(cloud.listed().await.replace("gone×* ", ""), "k*");
    // The marker hides nothing any more, and is gone by the next midnight.
    cloud.pass(1, 0).await;
    assert_eq!((cloud.listed().await.as_str(), cloud.blobs()), ("k*", 1));
}

#[tokio::test]
async fn some_noncurrent_versions_are_kept() {
    let cloud = Cloud::versioned().await;
    for _ in 0..5 {
        cloud.put("k", vec![1; 10], None).await;
    }
    cloud.rules(vec![rule(|it| it.noncurrent_version_expiration = noncurrent(1, Some(2)))]).await;
    cloud.pass(9, 0).await;
    assert_eq!(cloud.listed().await, "k k k*");
}

#[tokio::test]
async fn a_current_version_is_hidden_and_then_goes() {
    let cloud = Cloud::versioned().await;
    cloud.put("k", vec![1; 10], None).await;
    cloud
        .rules(vec![rule(|it| {
            it.expiration = days(1);
            it.noncurrent_version_expiration = noncurrent(1, None);
        })])
        .await;
    cloud.pass(1, 18).await;
    assert_eq!(cloud.listed().await, "k k×*");
    cloud.pass(5, 0).await;
    assert_eq!((cloud.listed().await.as_str(), cloud.blobs()), ("", 0));
}

#[tokio::test]
async fn what_is_archived_by_a_rule_is_restored_for_its_days() {
    let cloud = Cloud::new().await;
    cloud.put("film", vec![1; 200_000], None).await;
    cloud.put("cold", vec![1; 10], Some(StorageClass::DeepArchive)).await;
    let transition = Transition {
        days: Some(30),
        storage_class: Some(TransitionStorageClass::Glacier),
        ..Default::default()
    };
    cloud.rules(vec![rule(|it| it.transitions = Some(vec![transition]))]).await;
    assert_eq!(cloud.get("film").await, Ok(200_000));
    cloud.pass(31, 0).await;
    for (key, class, length) in [("film", "GLACIER", 200_000), ("cold", "DEEP_ARCHIVE", 10)] {
        assert_eq!(cloud.state(key).await, class);
        assert_eq!(cloud.get(key).await, Err("InvalidObjectState".to_owned()));
        assert_eq!(cloud.restore(key, 2).await, Some(202));
        assert_eq!(cloud.get(key).await, Ok(length));
    }
    // The 24th of December, 06:00, two days later, and up to midnight.
    let until = "ongoing-request=\"false\", expiry-date=\"Sun, 27 Dec 2026 00:00:00 GMT\"";
    assert_eq!(cloud.state("film").await, format!("GLACIER {until}"));
    cloud.pass(1, 0).await;
    // For longer.
    assert_eq!(cloud.restore("cold", 5).await, Some(200));
    cloud.pass(1, 17).await;
    assert_eq!(cloud.get("film").await, Ok(200_000));
    cloud.pass(0, 1).await;
    assert_eq!(cloud.state("film").await, "GLACIER");
    assert_eq!(cloud.get("film").await, Err("InvalidObjectState".to_owned()));
    assert_eq!(cloud.get("cold").await, Ok(10));
    cloud.pass(5, 0).await;
    assert_eq!(cloud.state("cold").await, "DEEP_ARCHIVE");
}
