//! One signed request over one connection: no client library, so that nothing of it is measured.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use super::{clock, sign};

/// Longest wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(60);

/// An answer.
pub struct Answer {
    pub status: u16,
    /// Status line and headers, as they came.
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as text, for messages.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Sends a signed request to a port of this machine. Names in `headers` are lower-case.
pub fn send(
    port: u16,
    (method, path): (&str, &str),
    service: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<Answer> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_nodelay(true)?;
    let mut request = headers.to_vec();
    request.push(("connection", "close"));
    stream.write_all(&signed(port, (method, path), service, &request, body))?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    parse(&answer).ok_or_else(|| io::Error::other("the answer is no HTTP"))
}

/// The bytes of a signed request, for a connection that may be kept.
pub fn signed(
    port: u16,
    (method, path): (&str, &str),
    service: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Vec<u8> {
    let host = SocketAddr::from((Ipv4Addr::LOCALHOST, port)).to_string();
    let added = sign::sign(method, &host, path, service, headers, body, &clock::amz_date());
    let given = headers.iter().map(|(name, value)| (*name, *value));
    let lines: String = given
        .chain(added.iter().map(|(name, value)| (name.as_str(), value.as_str())))
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: {length}\r\n{lines}\r\n"
    );
    [head.as_bytes(), body].concat()
}

fn parse(answer: &[u8]) -> Option<Answer> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    let rest = &answer[end + 4..];
    let body = if chunked { unchunked(rest)? } else { rest.to_vec() };
    Some(Answer { status, head, body })
}

fn unchunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n")?;
        let size = std::str::from_utf8(&rest[..end]).ok()?.split(';').next()?;
        let size = usize::from_str_radix(size.trim(), 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(end + 2..end + 2 + size)?);
        rest = rest.get(end + 4 + size..)?;
    }
}
