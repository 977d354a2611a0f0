//! Against servers of a few lines that say what they are told to.

use std::sync::Arc;

use fetch::{Ask, FetchError, RootCertStore, Trust, fetch};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

const HELLO: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\nx-a: b\r\n\r\nhello";

/// Reads a request's head and a body of `content-length`, gives `answer`, returns the request.
async fn talk(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: &str) -> String {
    let mut text = Vec::new();
    loop {
        let mut chunk = [0; 1024];
        let read = stream.read(&mut chunk).await.unwrap_or(0);
        text.extend_from_slice(&chunk[..read]);
        let whole = String::from_utf8_lossy(&text).into_owned();
        let Some((head, body)) = whole.split_once("\r\n\r\n") else {
            if read == 0 {
                return whole;
            }
            continue;
        };
        let length = head.split("content-length: ").nth(1).map_or("0", |rest| rest.trim());
        let length = length.split("\r\n").next().and_then(|n| n.parse().ok()).unwrap_or(0);
        if body.len() >= length || read == 0 {
            let _ = stream.write_all(answer.as_bytes()).await;
            let _ = stream.shutdown().await;
            return whole;
        }
    }
}

fn ask(uri: &str, body: &'static str) -> Ask {
    Ask {
        method: if body.is_empty() { http::Method::GET } else { http::Method::POST },
        uri: uri.parse().expect("an address"),
        headers: http::HeaderMap::new(),
        body: body.into(),
        answer_bytes_max: 100,
    }
}

fn nobody() -> Trust {
    Trust::new(Arc::new(RootCertStore::empty()), Vec::new())
}

/// What comes of an answer in plain HTTP: status and body, or the kind of error.
async fn check(answer: &str, expected: Result<(u16, &str), &str>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let uri = format!("http://{}/a?b=c", listener.local_addr().expect("an address"));
    let server = async { talk(listener.accept().await.expect("a client").0, answer).await };
    let trust = nobody();
    let (asked, found) = tokio::join!(server, fetch(ask(&uri, ""), &trust));
    assert!(asked.starts_with("GET /a?b=c HTTP/1.1\r\nhost: 127.0.0.1:"), "{asked}");
    let found =
        found.map(|got| (got.status.as_u16(), String::from_utf8_lossy(&got.body).into_owned()));
    let found = found.map_err(|error| match error {
        FetchError::Http(_) => "http",
        FetchError::TooLong => "long",
        _ => "other",
    });
    assert_eq!(found, expected.map(|(status, body)| (status, body.to_owned())), "{answer:.80}");
}

#[tokio::test]
async fn answers() {
    check(HELLO, Ok((200, "hello"))).await;
    check("HTTP/1.1 404 Not Found\r\n\r\nuntil the end", Ok((404, "until the end"))).await;
    let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    check(chunked, Ok((200, "abc"))).await;
    check("HTTP/1.1 302 Found\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n", Ok((302, ""))).await;
    let long = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(101));
    check(&long, Err("long")).await;
    check("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\ncut", Err("http")).await;
    check("no HTTP at all\r\n\r\n", Err("http")).await;
    check("", Err("http")).await;
    let head = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "x".repeat(100_000));
    check(&head, Err("http")).await;
}

#[tokio::test]
async fn a_body_is_sent_and_a_password_is_not() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let server = async { talk(listener.accept().await.expect("a client").0, HELLO).await };
    let uri = format!("http://me:secret@any.localhost:{port}/");
    let trust = nobody();
    let (asked, found) = tokio::join!(server, fetch(ask(&uri, "body"), &trust));
    assert_eq!(found.expect("an answer").headers["x-a"], "b");
    assert!(asked.starts_with("POST / HTTP/1.1\r\n"), "{asked}");
    assert!(asked.contains(&format!("host: any.localhost:{port}\r\n")), "{asked}");
    assert!(asked.ends_with("\r\n\r\nbody") && !asked.contains("secret"), "{asked}");
}

#[tokio::test]
async fn addresses() {
    for uri in ["/path", "ftp://127.0.0.1/", "example.com"] {
        let found = fetch(ask(uri, ""), &nobody()).await;
        assert!(matches!(found, Err(FetchError::Address)), "{uri}");
    }
    let found = fetch(ask("http://127.0.0.1:1/", ""), &nobody()).await;
    assert!(matches!(found, Err(FetchError::Connect(_))));
    for (host, here) in [
        ("localhost", true),
        ("A.LocalHost.", true),
        ("127.1.2.3", true),
        ("[::1]", true),
        ("::1", true),
        ("localhost.example.com", false),
        ("10.0.0.1", false),
        ("127.0.0.1.nip.io", false),
        ("", false),
    ] {
        assert_eq!(fetch::is_loopback(host), here, "{host}");
    }
}

/// An authority and a certificate of it for `localhost`.
struct Pki {
    authority: CertificateDer<'static>,
    leaf: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

fn pki() -> Pki {
    let mut params = CertificateParams::new(Vec::new()).expect("names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_key = KeyPair::generate().expect("a key");
    let authority = params.self_signed(&ca_key).expect("a certificate").der().clone();
    let issuer = Issuer::new(params, ca_key);
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["localhost".to_owned()]).expect("names");
    let leaf = params.signed_by(&key, &issuer).expect("a certificate").der().clone();
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    Pki { authority, leaf, key }
}

async fn tls(host: &str, pki: &Pki, with_authority: bool, trust: Trust) -> Result<(), String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let chain = [Some(pki.leaf.clone()), with_authority.then(|| pki.authority.clone())];
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(chain.into_iter().flatten().collect(), pki.key.clone_key())
        .expect("a server");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let uri = format!("https://{host}:{}/", listener.local_addr().expect("an address").port());
    let server = async {
        let (stream, _) = listener.accept().await.expect("a client");
        if let Ok(stream) = acceptor.accept(stream).await {
            talk(stream, HELLO).await;
        }
    };
    let ((), found) = tokio::join!(server, fetch(ask(&uri, ""), &trust));
    found.map(|answer| assert_eq!(&answer.body[..], b"hello")).map_err(|error| match error {
        FetchError::Tls(error) => error.to_string(),
        other => format!("not TLS: {other}"),
    })
}

fn sha1(certificate: &CertificateDer<'_>) -> [u8; 20] {
    let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, certificate);
    digest.as_ref().try_into().expect("20 bytes")
}

#[tokio::test]
async fn whom_to_trust() {
    let ours = pki();
    let none = || Arc::new(RootCertStore::empty());
    let roots = |authority: &CertificateDer<'static>| {
        let mut roots = RootCertStore::empty();
        roots.add(authority.clone()).expect("an authority");
        Arc::new(roots)
    };
    let by_root = || Trust::new(roots(&ours.authority), Vec::new());
    assert_eq!(tls("localhost", &ours, false, by_root()).await, Ok(()));
    assert!(tls("127.0.0.1", &ours, false, by_root()).await.is_err(), "another name");
    assert!(tls("localhost", &ours, true, nobody()).await.is_err(), "nobody vouches");
    let other = pki();
    let by_other = Trust::new(roots(&other.authority), vec![sha1(&other.authority)]);
    assert!(tls("localhost", &ours, true, by_other).await.is_err(), "another authority");

    let by_pin = || Trust::new(none(), vec![[0; 20], sha1(&ours.authority)]);
    assert_eq!(tls("localhost", &ours, true, by_pin()).await, Ok(()));
    assert!(tls("127.0.0.1", &ours, true, by_pin()).await.is_err(), "another name");
    assert!(tls("localhost", &ours, false, by_pin()).await.is_err(), "pinned, but not shown");
    // The pin is of a certificate that is shown, but it did not make the one that is used.
    let mixed = Pki { authority: other.authority.clone(), ..pki() };
    let by_stranger = Trust::new(none(), vec![sha1(&other.authority)]);
    assert!(tls("localhost", &mixed, true, by_stranger).await.is_err(), "a stranger's pin");
}
