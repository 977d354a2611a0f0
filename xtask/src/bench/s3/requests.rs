//! Signed requests to S3, path style.

use std::io;

use crate::Result;
use crate::bench::load::Connection;
use crate::bench::{clock, http, sign};

pub const BUCKET: &str = "/bench-bucket";
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// The body of a request, as far as its signature knows it.
pub enum Payload<'a> {
    /// Its digest is signed.
    Signed(&'a [u8]),
    /// Sent apart, and of this digest.
    Digest(u64, &'a str),
    /// Sent apart, and not signed.
    Unsigned(u64),
}

/// Whom requests are for; a date of a request is good for a quarter of an hour.
pub struct Signer {
    host: String,
    date: String,
}

impl Signer {
    pub fn new(port: u16) -> Self {
        Signer { host: format!("127.0.0.1:{port}"), date: clock::amz_date() }
    }

    /// A request: its head, and its body if that is at hand.
    pub fn request(&self, method: &str, path: &str, payload: &Payload<'_>) -> Vec<u8> {
        let (digest, length, body): (String, u64, &[u8]) = match payload {
            Payload::Signed(body) => (sign::sha256_hex(body), body.len() as u64, body),
            Payload::Digest(length, digest) => ((*digest).to_owned(), *length, b""),
            Payload::Unsigned(length) => (UNSIGNED.to_owned(), *length, b""),
        };
        let headers = [("x-amz-content-sha256", digest.as_str())];
        let added = sign::sign(method, &self.host, path, "s3", &headers, b"", &self.date);
        let lines: String =
            added.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\ncontent-length: {length}\r\n\
             x-amz-content-sha256: {digest}\r\n{lines}\r\n",
            self.host
        );
        [head.as_bytes(), body].concat()
    }
}

/// Path of an object.
pub fn object(number: usize) -> String {
    format!("{BUCKET}/object-{number:06}")
}

/// Makes the bucket.
pub fn create_bucket(port: u16) -> Result<()> {
    let digest = sign::sha256_hex(b"");
    let headers = [("x-amz-content-sha256", digest.as_str())];
    let answer = http::send(port, ("PUT", BUCKET), "s3", &headers, b"")?;
    match answer.status {
        200 => Ok(()),
        status => Err(format!("CreateBucket: {status} {}", answer.text()).into()),
    }
}

/// Sends a request and expects success; the answer's beginning.
pub fn succeed(connection: &mut Connection, request: &[u8]) -> io::Result<String> {
    let answer = String::from_utf8_lossy(connection.send(request)?).into_owned();
    expect_success(answer)
}

/// An answer that is a success.
pub fn expect_success(answer: String) -> io::Result<String> {
    match answer.starts_with("HTTP/1.1 2") {
        true => Ok(answer),
        false => Err(io::Error::other(answer)),
    }
}
