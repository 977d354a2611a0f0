//! A line with a key, then the XML of a bucket's website.
#![no_main]

use api_s3::{MODEL, PutBucketWebsiteRequest};
use bytes::Bytes;
use http::HeaderMap;
use libfuzzer_sys::fuzz_target;
use shape::{Model, Reading, validate};

fuzz_target!(|data: &[u8]| {
    let line = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let key = String::from_utf8_lossy(&data[..line]);
    let body = Bytes::copy_from_slice(data.get(line + 1..).unwrap_or_default());
    let (path, query, headers) = ("/bucket", "website", HeaderMap::new());
    let request = wire::Request { method: "PUT", path, query, headers: &headers, body };
    let model: &'static Model = *MODEL;
    let op = model.operations.iter().find(|op| op.name == "PutBucketWebsite").expect("served");
    let (mut input, mut reading) = (PutBucketWebsiteRequest::default(), Reading::default());
    let read = wire::read_request(model, op, &request, &mut input, &mut reading);
    if read.is_ok() && validate(&input, &reading).is_empty() {
        service_s3::fuzz::website(input.website_configuration, &key);
    }
});
