//! The rest of the network, for functions that a developer runs on his own machine: a proxy for HTTP
//! and, by CONNECT, for everything in TLS. Sandboxes have no network, so this is their only way, and
//! it leads neither to this machine nor to the addresses of its link.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use kernel::Ctx;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::host::{Endpoint, Host};
use crate::standin::{PLAIN_PORT, SECURE_PORT, is_ours};

/// Where the proxy listens inside.
pub(crate) const PROXY_PORT: u16 = 3128;
/// The head of a request, in bytes.
const HEAD_BYTES_MAX: usize = 32 << 10;
const CONNECT_WAIT: Duration = Duration::from_secs(10);

/// Java knows no variables for it.
pub(crate) fn java_properties(port: u16) -> Vec<String> {
    let one = |scheme: &str| {
        [format!("-D{scheme}.proxyHost=127.0.0.1"), format!("-D{scheme}.proxyPort={port}")]
    };
    let mut all = [one("http"), one("https")].concat();
    all.push("-Dhttp.nonProxyHosts=localhost|127.*".into());
    all
}

const CONNECTED: &[u8] = b"HTTP/1.1 200 Connection established\r\n\r\n";

/// What a request asks for.
#[derive(Debug, PartialEq)]
struct Wanted {
    host: String,
    port: u16,
    /// What the server is sent first; nothing for CONNECT.
    head: Vec<u8>,
}

/// Serves one connection.
pub(crate) async fn serve(host: &Host, ctx: &Ctx, mut inside: TcpStream) {
    let bad = |why: &str| ("400 Bad Request", why.to_owned());
    let asked = match read_head(&mut inside).await {
        Ok((head, rest)) => wanted(&head)
            .map(|wanted| (wanted, rest))
            .ok_or_else(|| bad("this is a proxy: CONNECT, or http://…")),
        Err(_) => Err(bad("no request")),
    };
    let refusal = match asked {
        Ok((wanted, rest)) => match stand_in(host, &wanted) {
            Some(endpoint) => return hand_over(endpoint, inside, wanted, rest).await,
            None => match passed_on(ctx, &mut inside, wanted, rest).await {
                Ok(()) => return,
                Err(refusal) => refusal,
            },
        },
        Err(refusal) => refusal,
    };
    let (status, why) = refusal;
    let length = why.len();
    let text = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain\r\ncontent-length: {length}\r\n\
         connection: close\r\n\r\n{why}"
    );
    // A client that has gone needs no answer.
    let _ = inside.write_all(text.as_bytes()).await;
}

type Refusal = (&'static str, String);

/// What serves a host of AWS's that is asked for at its usual port.
fn stand_in(host: &Host, wanted: &Wanted) -> Option<Endpoint> {
    let stand_in = host.options.stand_in.as_ref().filter(|_| is_ours(&wanted.host))?;
    match (wanted.port, wanted.head.is_empty()) {
        (SECURE_PORT, true) => Some(stand_in.secure.clone()),
        (PLAIN_PORT, _) => Some(host.options.endpoint.clone()),
        _ => None,
    }
}

async fn hand_over(endpoint: Endpoint, mut inside: TcpStream, wanted: Wanted, rest: Vec<u8>) {
    if wanted.head.is_empty() && inside.write_all(CONNECTED).await.is_err() {
        return;
    }
    let (reader, writer) = inside.into_split();
    let said = io::Cursor::new([wanted.head, rest].concat());
    endpoint(Box::new(tokio::io::join(said.chain(reader), writer))).await;
}

async fn passed_on(
    ctx: &Ctx,
    inside: &mut TcpStream,
    wanted: Wanted,
    rest: Vec<u8>,
) -> Result<(), Refusal> {
    let failed = |error: &dyn std::fmt::Display| {
        ("502 Bad Gateway", format!("{}:{}: {error}", wanted.host, wanted.port))
    };
    if is_aws(&wanted.host) {
        let why = "this is AWS itself; the cloud here is at AWS_ENDPOINT_URL: set the client's \
                   endpoint to it, or use an SDK that reads it";
        return Err(failed(&why));
    }
    let connected = tokio::select! {
        connected = connect(&wanted.host, wanted.port) => connected,
        () = ctx.sleep(CONNECT_WAIT) => return Err(failed(&"it takes too long")),
    };
    let mut outside = connected.map_err(|error| failed(&error))?;
    let begun = async {
        match wanted.head.is_empty() {
            true => inside.write_all(CONNECTED).await?,
            false => outside.write_all(&wanted.head).await?,
        }
        outside.write_all(&rest).await
    };
    begun.await.map_err(|error| failed(&error))?;
    // Either side may close; the other sees it.
    let _ = tokio::io::copy_bidirectional(inside, &mut outside).await;
    Ok(())
}

/// The head up to its empty line, and what came after it.
async fn read_head(stream: &mut TcpStream) -> io::Result<(String, Vec<u8>)> {
    let mut read = Vec::new();
    loop {
        if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
            let rest = read.split_off(end + 4);
            let head = String::from_utf8(read).map_err(io::Error::other)?;
            return Ok((head, rest));
        }
        if read.len() > HEAD_BYTES_MAX || stream.read_buf(&mut read).await? == 0 {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
}

/// `CONNECT host:port`, or `GET http://host/path` with the head that the server gets.
fn wanted(head: &str) -> Option<Wanted> {
    let (first, fields) = head.split_once("\r\n")?;
    let mut words = first.split(' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    if method == "CONNECT" {
        let (host, port) = authority(target, None)?;
        return Some(Wanted { host, port, head: Vec::new() });
    }
    let rest = target.strip_prefix("http://")?;
    let place = rest.find(['/', '?']).unwrap_or(rest.len());
    let (host, port) = authority(&rest[..place], Some(80))?;
    let path = match &rest[place..] {
        path if path.starts_with('/') => path.to_owned(),
        path => format!("/{path}"),
    };
    // One request to a connection: the next may go elsewhere.
    let kept = fields.split("\r\n").filter(|line| {
        let name = line.split(':').next().unwrap_or_default();
        let own = ["connection", "proxy-connection", "proxy-authorization"];
        !line.is_empty() && !own.iter().any(|one| name.eq_ignore_ascii_case(one))
    });
    let mut text = format!("{method} {path} {version}\r\n");
    kept.for_each(|line| text.extend([line, "\r\n"]));
    text += "connection: close\r\n\r\n";
    Some(Wanted { host, port, head: text.into_bytes() })
}

fn authority(text: &str, usual: Option<u16>) -> Option<(String, u16)> {
    let bracketed = text.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let (host, port) = match bracketed {
        Some((host, rest)) => (host, rest.strip_prefix(':')),
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let port = port.map_or(Ok(usual), |port| port.parse().map(Some)).ok()??;
    (!host.is_empty() && !host.contains('@')).then(|| (host.to_owned(), port))
}

/// Whether a host is AWS's, where a function would act in the developer's real account.
fn is_aws(host: &str) -> bool {
    is_ours(host) || host.trim_end_matches('.').to_ascii_lowercase().ends_with(".on.aws")
}

/// Connects to the first address that may be reached and answers.
async fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let found = tokio::net::lookup_host((host, port)).await?;
    let allowed: Vec<SocketAddr> = found.filter(|address| is_outside(address.ip())).collect();
    if allowed.is_empty() {
        return Err(io::Error::other("a function cannot reach this machine's own addresses"));
    }
    TcpStream::connect(allowed.as_slice()).await
}

/// Not this machine, and not the addresses that clouds use for secrets of machines.
fn is_outside(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            !(v4.is_loopback()
                || v4.is_unspecified()
                || v4.is_link_local()
                || v4.is_multicast()
                || v4.is_broadcast()
                || v4.octets()[0] == 0)
        }
        IpAddr::V6(v6) => {
            !(v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_unicast_link_local()
                || v6.is_multicast())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests() {
        let check = |head: &str, expected: Option<(&str, u16, &str)>| {
            let found = wanted(&format!("{head}\r\n\r\n"));
            let found = found.map(|f| (f.host, f.port, String::from_utf8(f.head).expect("text")));
            let expected = expected.map(|(h, p, t)| (h.to_owned(), p, t.to_owned()));
            assert_eq!(found, expected, "{head}");
        };
        check("CONNECT a.example:443 HTTP/1.1\r\nHost: x", Some(("a.example", 443, "")));
        check("CONNECT [2001:db8::1]:443 HTTP/1.1", Some(("2001:db8::1", 443, "")));
        check("CONNECT a.example HTTP/1.1", None);
        check("CONNECT a:70000 HTTP/1.1", None);
        check("GET /path HTTP/1.1", None);
        check("GET http://u@a/ HTTP/1.1", None);
        check(
            "GET http://a.example:81/x?y HTTP/1.1\r\nHost: a\r\nProxy-Connection: keep-alive",
            Some(("a.example", 81, "GET /x?y HTTP/1.1\r\nHost: a\r\nconnection: close\r\n\r\n")),
        );
        check(
            "GET http://a?q HTTP/1.1",
            Some(("a", 80, "GET /?q HTTP/1.1\r\nconnection: close\r\n\r\n")),
        );
    }

    #[test]
    fn own_addresses_are_not_outside() {
        let check = |address: &str, expected: bool| {
            assert_eq!(is_outside(address.parse().expect("an address")), expected, "{address}");
        };
        for own in ["127.0.0.1", "127.9.9.9", "0.0.0.0", "169.254.169.254", "::1", "::", "fe80::1"]
        {
            check(own, false);
        }
        check("::ffff:127.0.0.1", false);
        check("10.0.0.1", true);
        check("93.184.216.34", true);
        check("2001:db8::1", true);
    }

    #[test]
    fn aws_itself_is_not_reached() {
        let check = |host: &str, expected: bool| assert_eq!(is_aws(host), expected, "{host}");
        check("dynamodb.ap-northeast-2.amazonaws.com", true);
        check("x.lambda-url.us-east-1.ON.aws.", true);
        check("checkip.amazonaws.com", false);
    }
}
