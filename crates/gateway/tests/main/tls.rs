//! TLS on the same port, by the local authority; HTTP/2 over it.

use crate::client::{Cloud, answer};
use bytes::Bytes;
use gateway::tls::{Ca, Door, Reach};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use kernel::Clock as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::AsyncWriteExt as _;
use tokio_rustls::TlsConnector;

/// A directory of this test's own, removed at its end.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("gureum-gateway-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn connector(directory: &Path, protocol: &[u8]) -> TlsConnector {
    let mut roots = rustls::RootCertStore::empty();
    let pem = directory.join("ca.pem");
    roots.add(CertificateDer::from_pem_file(pem).expect("a certificate")).expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    TlsConnector::from(Arc::new(config))
}

#[tokio::test]
async fn tls_and_plain_share_a_port() {
    let directory = Directory::new("tls");
    let path = directory.0.clone();
    let cloud = Cloud::start(|config| config.ca_directory = Some(path)).await;
    for name in ["localhost", "127.0.0.1", "dynamodb.us-east-1.localhost"] {
        let connector = connector(&directory.0, b"http/1.1");
        let server = ServerName::try_from(name).expect("a name");
        let mut stream =
            connector.connect(server, cloud.connect().await).await.expect("a handshake");
        let text = format!("GET /_gureum/health HTTP/1.1\r\nhost: {name}\r\n\r\n");
        stream.write_all(text.as_bytes()).await.expect("to write");
        assert_eq!(answer(&mut stream).await.status, 200, "{name}");
    }
    let connector = connector(&directory.0, b"http/1.1");
    let stranger = ServerName::try_from("aws.example").expect("a name");
    connector.connect(stranger, cloud.connect().await).await.expect_err("not its name");
    let plain = cloud.raw("GET /_gureum/health HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert_eq!(plain.status, 200);
    let mode = std::fs::metadata(directory.0.join("ca.key")).expect("a key").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// The authority that functions trust signs the hosts it stands in for, and no other.
#[tokio::test]
async fn hosts_of_others() {
    let directory = Directory::new("hosts");
    let now_s = kernel::SystemClock::default().now().epoch_ms / 1000;
    let domains = ["aws.example".to_owned()];
    let ca = Ca::open_with(&directory.0, Reach::Hosts, &domains, now_s).expect("an authority");
    let door = Door::new(Arc::new(ca), now_s).expect("a door");
    let try_name = async |name: &'static str| {
        let (client, server) = tokio::io::duplex(16 << 10);
        let connector = connector(&directory.0, b"http/1.1");
        let name = ServerName::try_from(name).expect("a name");
        let (served, connected) = tokio::join!(door.open(server), connector.connect(name, client));
        (served.is_ok(), connected.is_ok())
    };
    assert_eq!(try_name("dynamodb.ap-northeast-2.aws.example").await, (true, true));
    assert_eq!(try_name("a.bucket.s3.aws.example").await, (true, true));
    for name in ["localhost", "aws.example.com", "127.0.0.1"] {
        assert!(!try_name(name).await.1, "{name}");
    }
}

#[tokio::test]
async fn http2_over_tls_and_without() {
    let directory = Directory::new("http2");
    let path = directory.0.clone();
    let cloud = Cloud::start(|config| config.ca_directory = Some(path)).await;
    let connector = connector(&directory.0, b"h2");
    let server = ServerName::try_from("localhost").expect("a name");
    let tls = connector.connect(server, cloud.connect().await).await.expect("a handshake");
    assert_eq!(tls.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    over_http2(&cloud, tls, "https").await;
    over_http2(&cloud, cloud.connect().await, "http").await;
}

/// Signed calls over one HTTP/2 connection, where `:authority` stands for the host.
async fn over_http2(
    cloud: &Cloud,
    stream: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    scheme: &str,
) {
    let builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
    let (mut sender, connection) =
        builder.handshake(TokioIo::new(stream)).await.expect("a handshake");
    #[expect(clippy::disallowed_methods, reason = "a test")]
    tokio::spawn(connection);
    for (secret, status) in [("test", 200), ("wrong", 403), ("test", 200)] {
        let uri = format!("{scheme}://localhost/shelves/a");
        let request = http::Request::builder().uri(uri).body(Empty::<Bytes>::new());
        let (mut parts, body) = request.expect("a request").into_parts();
        let signer = gateway::sigv4::Signer {
            access_key_id: "test",
            secret,
            session_token: None,
            region: "us-east-1",
            service: "shelf",
        };
        signer.sign(&mut parts, b"", cloud.now_s()).expect("signed");
        let request = http::Request::from_parts(parts, body);
        let response = sender.send_request(request).await.expect("an answer");
        assert_eq!(response.status(), status);
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        assert!(body.starts_with(b"{"), "{body:?}");
    }
}

/// The authority outlives a restart, and grows only when it has to.
#[tokio::test]
async fn the_authority_stays() {
    let directory = Directory::new("ca");
    let open = |names: &[&str], now_s: i64| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let ca = gateway::tls::Ca::open(&directory.0, &names, now_s).expect("an authority");
        ca.certificate_pem().to_owned()
    };
    let day = 86_400;
    let now_s = 20_000 * day;
    let first = open(&["cloud.example"], now_s);
    assert_eq!(open(&["cloud.example"], now_s + 1000 * day), first);
    assert_eq!(open(&[], now_s + 1000 * day), first);
    let second = open(&["other.example"], now_s);
    assert_ne!(second, first, "another name needs another certificate");
    assert_ne!(open(&["other.example"], now_s + 1080 * day), second, "renewed before its end");
}
