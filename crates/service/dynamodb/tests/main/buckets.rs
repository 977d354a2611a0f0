//! Buckets beside the tables, for what comes from S3 and goes there.

use std::io::Read as _;

use api_s3::{Client, CreateBucketConfiguration, CreateBucketRequest, GetObjectRequest};

use crate::Cloud;

/// Makes a bucket where the cloud is.
pub async fn make(cloud: &Cloud, bucket: &str) {
    let here = CreateBucketConfiguration {
        location_constraint: Some("ap-northeast-2".into()),
        ..Default::default()
    };
    let request = CreateBucketRequest {
        bucket: bucket.into(),
        create_bucket_configuration: Some(here),
        ..Default::default()
    };
    cloud.ctx.client::<Client>().create_bucket(request).await.expect("a bucket");
}

/// An object's bytes.
pub async fn object(cloud: &Cloud, bucket: &str, key: &str) -> Vec<u8> {
    let request =
        GetObjectRequest { bucket: bucket.into(), key: key.to_owned(), ..Default::default() };
    let answer = cloud.ctx.client::<Client>().get_object(request).await.expect("an object");
    answer.body.unwrap().collect(1 << 30).await.expect("its bytes").to_vec()
}

/// The text of an object that is packed by gzip.
pub async fn unpacked(cloud: &Cloud, bucket: &str, key: &str) -> String {
    let packed = object(cloud, bucket, key).await;
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(&packed[..]).read_to_string(&mut text).expect("text");
    text
}
