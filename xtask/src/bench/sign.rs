//! Signature Version 4 for the few requests of the benchmarks.

use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

const KEY_ID: &str = "test";
const SECRET: &str = "test";
/// The region that the benchmarks use.
pub const REGION: &str = "us-east-1";

/// The headers to add to a request, `Authorization` among them. `headers` are the others, with
/// lower-case names; the path must need no escapes. What follows its `?` must be as it is signed:
/// sorted, each name with a `=`. Instead of the body's digest what `x-amz-content-sha256` says is
/// signed.
pub fn sign(
    method: &str,
    host: &str,
    path: &str,
    service: &str,
    headers: &[(&str, &str)],
    body: &[u8],
    date: &str,
) -> Vec<(String, String)> {
    let mut signed: Vec<(&str, &str)> = headers.to_vec();
    signed.extend([("host", host), ("x-amz-date", date)]);
    signed.sort_unstable();
    let names: Vec<&str> = signed.iter().map(|(name, _)| *name).collect();
    let names = names.join(";");
    let lines: String =
        signed.iter().map(|(name, value)| format!("{name}:{}\n", value.trim())).collect();
    let said = headers.iter().find(|(name, _)| *name == "x-amz-content-sha256");
    let payload = said.map_or_else(|| sha256_hex(body), |(_, value)| (*value).to_owned());
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let request = format!("{method}\n{path}\n{query}\n{lines}\n{names}\n{payload}");
    let scope = format!("{}/{REGION}/{service}/aws4_request", &date[..8]);
    let digest = sha256_hex(request.as_bytes());
    let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{digest}");
    let mut key = format!("AWS4{SECRET}").into_bytes();
    for part in [&date[..8], REGION, service, "aws4_request"] {
        key = hmac(&key, part.as_bytes());
    }
    let signature = hex(&hmac(&key, text.as_bytes()));
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={KEY_ID}/{scope}, SignedHeaders={names}, Signature={signature}"
    );
    let mut added = vec![("x-amz-date".to_owned(), date.to_owned())];
    added.push(("authorization".to_owned(), authorization));
    added
}

/// The digest of a body, as requests to S3 name it.
pub fn sha256_hex(data: &[u8]) -> String {
    hex(&Sha256::digest(data))
}

fn hmac(key: &[u8], data: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key may have any length");
    mac.update(data);
    mac.finalize().into_bytes().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    /// What botocore 1.44.5's `SigV4Auth` signs for the same request.
    #[test]
    fn as_botocore() {
        let headers = [
            ("content-type", "application/x-amz-json-1.0"),
            ("x-amz-target", "DynamoDB_20120810.ListTables"),
        ];
        let date = "20261122T184500Z";
        let added = super::sign("POST", "127.0.0.1:4566", "/", "dynamodb", &headers, b"{}", date);
        let signature = added[1].1.rsplit_once('=').map(|(_, signature)| signature);
        assert_eq!(
            signature,
            Some("043ae4200e953c25cfc26857c00cb875e02ba495232e8ccac7e8607240c42b0f")
        );
    }
}
