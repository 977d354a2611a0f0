//! aws-chunked uploads to an S3-like service, signed and unsigned.

use crate::client::{Answer, Cloud};
use gateway::sigv4::Signer;
use http::Request;

/// Uploads `body` with `x-amz-content-sha256: word`, signed over all headers but its length.
async fn upload(cloud: &Cloud, word: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut request = Request::builder()
        .method("PUT")
        .uri("/bucket/key")
        .header("host", "localhost")
        .header("x-amz-content-sha256", word);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut parts = request.body(()).expect("a request").into_parts().0;
    let signer = Signer {
        access_key_id: "test",
        secret: "test",
        session_token: None,
        region: "us-east-1",
        service: "s3",
    };
    signer.sign(&mut parts, b"", cloud.now_s()).expect("signed");
    cloud.raw(crate::client::bytes(&parts, body)).await
}

#[tokio::test]
async fn unsigned_chunks_with_a_checksum() {
    let cloud = Cloud::start(|_| ()).await;
    let word = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
    let nine = [("x-amz-decoded-content-length", "9"), ("x-amz-trailer", "x-amz-checksum-crc32")];
    let good = "4\r\n1234\r\n5\r\n56789\r\n0\r\nx-amz-checksum-crc32:y/Q5Jg==\r\n\r\n";
    let stored = upload(&cloud, word, &nine, good).await;
    assert_eq!((stored.status, stored.header("x-text")), (200, Some("bucket/key:9")), "{stored:?}");
    let check = async |body: &str, status: u16, code: &str| {
        let answer = upload(&cloud, word, &nine, body).await;
        assert_eq!(answer.status, status, "{body:?}: {answer:?}");
        assert!(answer.body.contains(&format!("<Code>{code}</Code>")), "{body:?}: {answer:?}");
    };
    check(&good.replace("y/Q5Jg==", "AAAAAA=="), 400, "BadDigest").await;
    check(&good.replace("crc32", "crc99"), 400, "BadDigest").await;
    check("4\r\n1234\r\n5\r\n567", 400, "IncompleteBody").await;
    check("4\r\n1234\r\n0\r\n\r\n", 400, "IncompleteBody").await;
    check("zz\r\n", 400, "InvalidRequest").await;
    check("9\r\n123456789\r\n0\r\nnonsense\r\n\r\n", 400, "MalformedTrailerError").await;
    assert_eq!(cloud.calls(), 1);
}

#[tokio::test]
async fn digests_and_kinds_of_payload() {
    let cloud = Cloud::start(|_| ()).await;
    let digest = gateway::sigv4::sha256_hex(b"hello");
    assert_eq!(upload(&cloud, &digest, &[], "hello").await.status, 200);
    assert_eq!(upload(&cloud, "UNSIGNED-PAYLOAD", &[], "hello").await.status, 200);
    let other = upload(&cloud, &digest, &[], "hullo").await;
    assert_eq!(other.status, 400);
    assert!(other.body.contains("<Code>XAmzContentSHA256Mismatch</Code>"), "{other:?}");
    let unknown = upload(&cloud, "STREAMING-SOMETHING", &[], "hello").await;
    assert!(unknown.body.contains("<Code>InvalidArgument</Code>"), "{unknown:?}");
    let signed = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
    let body = format!("5;chunk-signature={0}\r\nhello\r\n0;chunk-signature={0}\r\n\r\n", digest);
    let forged = upload(&cloud, signed, &[("x-amz-decoded-content-length", "5")], &body).await;
    assert_eq!(forged.status, 403);
    assert!(forged.body.contains("<Code>SignatureDoesNotMatch</Code>"), "{forged:?}");
    assert_eq!(cloud.calls(), 2);
}
