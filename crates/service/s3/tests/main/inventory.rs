//! Inventories as days go by.

use std::io::Read as _;

use api_s3::{
    CreateBucketRequest, InventoryConfiguration, InventoryDestination, InventoryEncryption,
    InventoryFilter, InventoryFormat, InventoryFrequency, InventoryIncludedObjectVersions,
    InventoryOptionalField, InventoryS3BucketDestination, InventorySchedule, ListObjectsV2Request,
    PutBucketInventoryConfigurationRequest, SSES3,
};
use serde_json::Value as Json;

use crate::{BUCKET, Cloud};

const LISTS: &str = "the-lists";

/// An inventory of everything, every day.
fn inventory(say: impl FnOnce(&mut InventoryConfiguration)) -> InventoryConfiguration {
    let s3_bucket_destination = InventoryS3BucketDestination {
        bucket: format!("arn:aws:s3:::{LISTS}"),
        format: InventoryFormat::Csv,
        prefix: Some("reports".into()),
        ..Default::default()
    };
    let mut inventory = InventoryConfiguration {
        destination: InventoryDestination { s3_bucket_destination },
        is_enabled: true,
        id: "all".into(),
        included_object_versions: InventoryIncludedObjectVersions::All,
        schedule: InventorySchedule { frequency: InventoryFrequency::Daily },
        ..Default::default()
    };
    say(&mut inventory);
    inventory
}

impl Cloud {
    async fn inventory(&self, inventory: InventoryConfiguration) {
        let lists = CreateBucketRequest { bucket: LISTS.into(), ..Default::default() };
        self.s3.create_bucket(lists).await.expect("a bucket");
        let request = PutBucketInventoryConfigurationRequest {
            bucket: BUCKET.into(),
            id: inventory.id.clone(),
            inventory_configuration: inventory,
            ..Default::default()
        };
        self.s3.put_bucket_inventory_configuration(request).await.expect("an inventory");
    }

    /// The keys of what was delivered.
    async fn delivered(&self) -> Vec<String> {
        let request = ListObjectsV2Request { bucket: LISTS.into(), ..Default::default() };
        let listed = self.s3.list_objects_v2(request).await.expect("a list").contents;
        listed.unwrap_or_default().into_iter().filter_map(|it| it.key).collect()
    }

    /// The manifest of a day, checked against its checksum, and the lines of all its files.
    async fn report(&self, folder: &str, day: &str) -> (Json, Vec<String>) {
        let place = format!("{folder}/{day}T00-00Z/manifest");
        let manifest = self.bytes(LISTS, &format!("{place}.json")).await;
        let checksum = self.bytes(LISTS, &format!("{place}.checksum")).await;
        let sum = |bytes: &[u8]| {
            let mut digests = kernel::digest::Digests::new([kernel::digest::Algorithm::Md5]);
            digests.update(bytes);
            kernel::digest::hex(&digests.finish()[0].1)
        };
        assert_eq!(String::from_utf8(checksum).expect("text"), sum(&manifest));
        let manifest: Json = serde_json::from_slice(&manifest).expect("JSON");
        let mut lines = Vec::new();
        for file in manifest["files"].as_array().expect("files") {
            let packed = self.bytes(LISTS, file["key"].as_str().expect("a key")).await;
            assert_eq!(file["MD5checksum"], sum(&packed));
            assert_eq!(file["size"], packed.len());
            let mut text = String::new();
            flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut text).expect("text");
            lines.extend(text.lines().map(str::to_owned));
        }
        lines.sort();
        (manifest, lines)
    }
}

#[tokio::test]
async fn a_report_a_day_lists_all_versions() {
    let cloud = Cloud::versioned().await;
    cloud.put("a \"b\"/ä", vec![1; 10], None).await;
    cloud.put("gone", vec![1; 100_000], None).await;
    cloud.delete("gone").await;
    let fields = ["StorageClass", "Size", "EncryptionStatus", "ETag", "IsMultipartUploaded"];
    let fields = fields.map(InventoryOptionalField::from).to_vec();
    cloud
        .inventory(inventory(|it| {
            it.optional_fields = Some(fields);
            let encryption = InventoryEncryption { sses3: Some(SSES3 {}), ..Default::default() };
            it.destination.s3_bucket_destination.encryption = Some(encryption);
        }))
        .await;
    cloud.pass(0, 17).await;
    assert_eq!(cloud.delivered().await, Vec::<String>::new());
    cloud.pass(0, 1).await;
    let folder = format!("reports/{BUCKET}/all");
    let (manifest, lines) = cloud.report(&folder, "2026-11-24").await;
    assert_eq!(manifest["sourceBucket"], BUCKET);
    assert_eq!(manifest["destinationBucket"], format!("arn:aws:s3:::{LISTS}"));
    assert_eq!(
        (&manifest["version"], &manifest["fileFormat"]),
        (&"2016-11-30".into(), &"CSV".into())
    );
    assert_eq!(manifest["creationTimestamp"], "1795478400000");
    let schema = "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, ETag, StorageClass, \
                  IsMultipartUploaded, EncryptionStatus";
    assert_eq!(manifest["fileSchema"], schema);
    let shown = |line: &String| {
        let mut fields: Vec<&str> = line.split("\",\"").collect();
        // Version ids and ETags are what they are.
        assert_eq!((fields.len(), fields.remove(2).len()), (10, 32), "{line}");
        fields.remove(5);
        fields.join("|").trim_matches('"').to_owned()
    };
    let mut shown: Vec<String> = lines.iter().map(shown).collect();
    shown.sort();
    assert_eq!(
        shown,
        [
            format!("{BUCKET}|a%20%22b%22/%C3%A4|true|false|10|STANDARD|false|SSE-S3"),
            format!("{BUCKET}|gone|false|false|100000|STANDARD|false|SSE-S3"),
            format!("{BUCKET}|gone|true|true||||"),
        ]
    );
    let keys = cloud.delivered().await;
    assert_eq!(keys.len(), 4, "{keys:?}");
    let links = format!("{folder}/hive/dt=2026-11-24-00-00/symlink.txt");
    let links = String::from_utf8(cloud.bytes(LISTS, &links).await).expect("text");
    let file = manifest["files"][0]["key"].as_str().unwrap_or_default();
    assert_eq!(links, format!("s3://{LISTS}/{file}"));
    cloud.pass(2, 0).await;
    assert_eq!(cloud.delivered().await.len(), 12);
}

#[tokio::test]
async fn a_report_a_week_lists_current_versions_below_a_prefix() {
    let cloud = Cloud::versioned().await;
    for key in ["in/a", "in/b", "out"] {
        cloud.put(key, vec![1; 10], None).await;
        cloud.put(key, vec![1; 10], None).await;
    }
    cloud.delete("in/b").await;
    cloud
        .inventory(inventory(|it| {
            it.schedule.frequency = InventoryFrequency::Weekly;
            it.included_object_versions = InventoryIncludedObjectVersions::Current;
            it.filter = Some(InventoryFilter { prefix: "in/".into() });
            it.destination.s3_bucket_destination.prefix = None;
        }))
        .await;
    // The first one comes at once, the next on Sunday, the 29th of November 2026.
    cloud.pass(1, 0).await;
    let folder = format!("{BUCKET}/all");
    let (manifest, lines) = cloud.report(&folder, "2026-11-24").await;
    assert_eq!(manifest["fileSchema"], "Bucket, Key");
    assert_eq!(lines, [format!("\"{BUCKET}\",\"in/a\"")]);
    cloud.pass(4, 0).await;
    assert_eq!(cloud.delivered().await.len(), 4);
    cloud.put("in/c", vec![1; 10], None).await;
    cloud.pass(1, 0).await;
    let (_, lines) = cloud.report(&folder, "2026-11-29").await;
    assert_eq!(lines.len(), 2);
    cloud.pass(7, 0).await;
    assert_eq!(cloud.report(&folder, "2026-12-06").await.1.len(), 2);
    // An empty list is one, too.
    cloud.delete("in/a").await;
    cloud.delete("in/c").await;
    cloud.pass(7, 0).await;
    assert_eq!(cloud.report(&folder, "2026-12-13").await.1, Vec::<String>::new());
}
