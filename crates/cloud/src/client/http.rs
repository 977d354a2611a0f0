//! A small HTTP/1.1 client for loopback: one request to a connection, answers of a known size.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// No answer of ours is longer, in bytes.
const ANSWER_BYTES_MAX: u64 = 64 << 20;
/// The head of an answer, in bytes.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// Why there is no answer.
#[derive(Debug)]
pub enum HttpError {
    /// The endpoint is no `http://host[:port]`.
    Endpoint(String),
    /// Nobody listens.
    Connect(String, io::Error),
    /// The connection broke.
    Io(io::Error),
    /// The answer is no HTTP, or too long.
    Answer(&'static str),
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HttpError::Endpoint(text) => {
                write!(f, "{text:?} is no endpoint like http://127.0.0.1:4566")
            }
            HttpError::Connect(authority, error) => {
                write!(f, "nothing answers at {authority} ({error}); is `gureum up` running?")
            }
            HttpError::Io(error) => write!(f, "the connection broke: {error}"),
            HttpError::Answer(why) => write!(f, "the answer is {why}"),
        }
    }
}

impl std::error::Error for HttpError {}

impl From<io::Error> for HttpError {
    fn from(error: io::Error) -> Self {
        HttpError::Io(error)
    }
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// `host:port` of an endpoint.
pub fn authority(endpoint: &str) -> Result<String, HttpError> {
    let wrong = || HttpError::Endpoint(endpoint.to_owned());
    let rest = endpoint.trim_end_matches('/').strip_prefix("http://").ok_or_else(wrong)?;
    if rest.is_empty() || rest.contains(['/', '@', '?', '#']) {
        return Err(wrong());
    }
    let has_port = rest.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    Ok(if has_port { rest.to_owned() } else { format!("{rest}:80") })
}

/// Sends one request and reads its answer. `headers` include `Host`; `Content-Length` and
/// `Connection` are added here.
pub fn send(
    authority: &str,
    method: &str,
    path: &str,
    headers: &[(String, String)],
    body: &[u8],
    timeout: Duration,
) -> Result<Answer, HttpError> {
    let failed = |error| HttpError::Connect(authority.to_owned(), error);
    let address = authority
        .to_socket_addrs()
        .map_err(failed)?
        .next()
        .ok_or_else(|| HttpError::Endpoint(authority.to_owned()))?;
    let mut stream = TcpStream::connect_timeout(&address, timeout).map_err(failed)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    let mut head = format!("{method} {path} HTTP/1.1\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\nconnection: close\r\n\r\n", body.len()));
    stream.write_all(&[head.as_bytes(), body].concat())?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX + 1).read_to_end(&mut answer)?;
    if answer.len() as u64 > ANSWER_BYTES_MAX {
        return Err(HttpError::Answer("too long"));
    }
    parse(&answer)
}

/// Reads a whole answer: the server closes the connection after it.
fn parse(answer: &[u8]) -> Result<Answer, HttpError> {
    let window = &answer[..answer.len().min(HEAD_BYTES_MAX)];
    let end =
        window.windows(4).position(|w| w == b"\r\n\r\n").ok_or(HttpError::Answer("no HTTP"))?;
    let head = std::str::from_utf8(&answer[..end]).map_err(|_| HttpError::Answer("no HTTP"))?;
    let mut lines = head.split("\r\n");
    let status = lines
        .next()
        .and_then(|line| line.strip_prefix("HTTP/1.1 "))
        .and_then(|rest| rest.get(..3)?.parse().ok())
        .ok_or(HttpError::Answer("no HTTP"))?;
    let header = |name: &str| {
        head.split("\r\n").skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    };
    let rest = &answer[end + 4..];
    let chunked = header("transfer-encoding").is_some_and(|v| v.eq_ignore_ascii_case("chunked"));
    let body = if chunked {
        unchunk(rest).ok_or(HttpError::Answer("cut off"))?
    } else {
        match header("content-length").map(str::parse::<usize>) {
            Some(Ok(length)) => rest.get(..length).ok_or(HttpError::Answer("cut off"))?.to_vec(),
            Some(Err(_)) => return Err(HttpError::Answer("no HTTP")),
            None => rest.to_vec(),
        }
    };
    Ok(Answer { status, body })
}

fn unchunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|w| w == b"\r\n")?;
        let line = std::str::from_utf8(&rest[..end]).ok()?;
        let length = usize::from_str_radix(line.split(';').next()?.trim(), 16).ok()?;
        rest = &rest[end + 2..];
        if length == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..length)?);
        rest = rest[length..].strip_prefix(b"\r\n")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(answer: &str, expected: Result<(u16, &str), &str>) {
        let found = parse(answer.as_bytes());
        let found = found.map(|a| (a.status, String::from_utf8(a.body).unwrap()));
        let expected = expected.map(|(status, body)| (status, body.to_owned()));
        assert_eq!(found.map_err(|e| e.to_string()), expected.map_err(str::to_owned), "{answer}");
    }

    #[test]
    fn reads_answers() {
        check("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", Ok((200, "hi")));
        check("HTTP/1.1 204 No Content\r\n\r\n", Ok((204, "")));
        check(
            "HTTP/1.1 404 x\r\ntransfer-encoding: Chunked\r\n\r\n2\r\nhi\r\n1;x=y\r\n!\r\n0\r\n\r\n",
            Ok((404, "hi!")),
        );
        check("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi", Err("the answer is cut off"));
        check(
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffff\r\n",
            Err("the answer is cut off"),
        );
        check("HTTP/1.1 20", Err("the answer is no HTTP"));
        check("", Err("the answer is no HTTP"));
    }

    #[test]
    fn reads_endpoints() {
        assert_eq!(authority("http://127.0.0.1:4566/").unwrap(), "127.0.0.1:4566");
        assert_eq!(authority("http://localhost").unwrap(), "localhost:80");
        assert_eq!(authority("http://[::1]:80").unwrap(), "[::1]:80");
        for wrong in ["", "127.0.0.1:4566", "https://x", "http://", "http://a/b", "http://u@h"] {
            assert!(authority(wrong).is_err(), "{wrong}");
        }
    }
}
