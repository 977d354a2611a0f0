//! Clients that are broken, slow or hostile: each gets its answer, and the next one is served.

use crate::client::{Answer, Cloud, answer, parrot};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// The server still answers a good call.
async fn still_serves(cloud: &Cloud) {
    let said = cloud.call(parrot("Say", r#"{"Text":"still here"}"#)).await;
    assert_eq!(said.status, 200, "{said:?}");
}

const HEAD: &str = "POST / HTTP/1.1\r\nhost: localhost\r\n";
const FREE: &str = "x-amz-target: Parrot_20260101.Free\r\n\
                    content-type: application/x-amz-json-1.0\r\n";

#[tokio::test]
async fn malformed_http() {
    let cloud = Cloud::start(|config| config.limits.header_ms = 2000).await;
    let check = async |bytes: &[u8], expected: &[u16]| {
        let mut stream = cloud.connect().await;
        stream.write_all(bytes).await.expect("to write");
        stream.shutdown().await.expect("to end");
        let Answer { status, .. } = answer(&mut stream).await;
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(80)]).into_owned();
        assert!(expected.contains(&status), "{shown:?}: {status}");
        still_serves(&cloud).await;
    };
    check(b"\0\0\0\0", &[400]).await;
    check(b"GET\r\n\r\n", &[400]).await;
    check(b"GET / HTTP/9.9\r\n\r\n", &[400]).await;
    check(b"GET / HTTP/1.1\r\n\r\n", &[421]).await;
    check(b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", &[421]).await;
    check(b"GET / HTTP/1.1\r\nhost: localhost\r\nbad header\r\n\r\n", &[400]).await;
    check(b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: x\r\n\r\n", &[400]).await;
    check(
        b"POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        &[400],
    )
    .await;
    let long_uri = format!("GET /{} HTTP/1.1\r\nhost: localhost\r\n\r\n", "a".repeat(20_000));
    check(long_uri.as_bytes(), &[414]).await;
    let huge_uri = format!("GET /{} HTTP/1.1\r\nhost: localhost\r\n\r\n", "a".repeat(100_000));
    check(huge_uri.as_bytes(), &[414, 431, 400]).await;
    let huge = format!("{HEAD}x-huge: {}\r\n\r\n", "a".repeat(200_000));
    check(huge.as_bytes(), &[431]).await;
    let many = format!("{HEAD}{}\r\n", "x: y\r\n".repeat(1000));
    check(many.as_bytes(), &[431]).await;
    check(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\ngarbage that is no frame at all....", &[0]).await;
    check(&[0x16, 3, 1, 0, 5, 1, 2, 3, 4, 5], &[0]).await;
    assert!(cloud.calls() >= 14);
}

#[tokio::test]
async fn bodies_that_end_too_early() {
    let cloud = Cloud::start(|_| ()).await;
    let check = async |framing: &str, body: &str| {
        let mut stream = cloud.connect().await;
        let text = format!("{HEAD}{FREE}{framing}\r\n\r\n{body}");
        stream.write_all(text.as_bytes()).await.expect("to write");
        stream.shutdown().await.expect("to end");
        let answer = answer(&mut stream).await;
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(answer.body.contains("IncompleteBody"), "{answer:?}");
        assert!(answer.body.contains("The request body terminated unexpectedly"), "{answer:?}");
        still_serves(&cloud).await;
    };
    check("content-length: 100", "{\"Text\":").await;
    check("transfer-encoding: chunked", "5\r\nab").await;
    check("transfer-encoding: chunked", "5\r\nabcde\r\n").await;
    check("transfer-encoding: chunked", "zz\r\nabcde\r\n0\r\n\r\n").await;
    // One in order, for comparison.
    let text = format!(
        "{HEAD}{FREE}transfer-encoding: chunked\r\n\r\n8\r\n{{\"Text\":\r\n4\r\n\"a\"}}\r\n0\r\n\r\n"
    );
    let good = cloud.raw(text).await;
    assert_eq!(good.status, 200, "{good:?}");
}

#[tokio::test]
async fn bodies_that_are_too_large() {
    let cloud = Cloud::start(|config| config.limits.body_bytes_max = 100_000).await;
    let large = "x".repeat(300_000);
    let known = format!("{HEAD}{FREE}content-length: {}\r\n\r\n{large}", large.len());
    let chunked =
        format!("{HEAD}{FREE}transfer-encoding: chunked\r\n\r\n493e0\r\n{large}\r\n0\r\n\r\n");
    for text in [known, chunked] {
        let answer = cloud.raw(text).await;
        assert_eq!(answer.status, 413, "{answer:?}");
        assert!(answer.body.contains("Request must be smaller than 100000 bytes for the Free"));
        still_serves(&cloud).await;
    }
    // Announced, but waiting to be asked: refused without a byte of it.
    let text = format!("{HEAD}{FREE}content-length: 300000\r\nexpect: 100-continue\r\n\r\n");
    assert_eq!(cloud.raw(text).await.status, 413);
    still_serves(&cloud).await;
}

#[tokio::test]
async fn a_hundred_is_continued() {
    let cloud = Cloud::start(|_| ()).await;
    let mut stream = cloud.connect().await;
    let head = format!("{HEAD}{FREE}content-length: 12\r\nexpect: 100-continue\r\n\r\n");
    stream.write_all(head.as_bytes()).await.expect("to write");
    let mut buffer = [0; 25];
    stream.read_exact(&mut buffer).await.expect("a hundred");
    assert_eq!(&buffer, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"{\"Text\":\"x\"}").await.expect("to write");
    assert_eq!(answer(&mut stream).await.status, 200);
}

#[tokio::test]
async fn slow_clients() {
    let cloud = Cloud::start(|config| {
        config.limits.first_byte_ms = 100;
        config.limits.header_ms = 200;
        config.limits.body_idle_ms = 200;
    })
    .await;
    // Nothing at all; the beginning of a preface; half a header: the connection is closed.
    for bytes in [&b""[..], b"P", b"POST / HTTP/1.1\r\nhost: loc"] {
        let mut stream = cloud.connect().await;
        stream.write_all(bytes).await.expect("to write");
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut rest));
        ended.await.expect("closed in time").expect("closed");
        still_serves(&cloud).await;
    }
    // Half a body: told so.
    let mut stream = cloud.connect().await;
    let text = format!("{HEAD}{FREE}content-length: 100\r\n\r\n{{");
    stream.write_all(text.as_bytes()).await.expect("to write");
    let told = answer(&mut stream).await;
    assert_eq!(told.status, 408, "{told:?}");
    still_serves(&cloud).await;
}

#[tokio::test]
async fn too_many_connections() {
    let cloud = Cloud::start(|config| config.limits.connections_max = 2).await;
    let (mut first, second) = (cloud.connect().await, cloud.connect().await);
    // Both are counted once they have been answered or at least accepted.
    first.write_all(b"G").await.expect("to write");
    tokio::time::timeout(Duration::from_secs(5), async {
        loop {
            let mut third = cloud.connect().await;
            let told = answer_or_nothing(&mut third).await;
            if told == Some(503) {
                break;
            }
        }
    })
    .await
    .expect("refused");
    drop((first, second));
    tokio::time::timeout(Duration::from_secs(5), async {
        while cloud.call(parrot("Say", r#"{"Text":"x"}"#)).await.status != 200 {}
    })
    .await
    .expect("served again");
}

async fn answer_or_nothing(stream: &mut tokio::net::TcpStream) -> Option<u16> {
    let told = tokio::time::timeout(Duration::from_millis(200), answer(stream)).await.ok()?;
    Some(told.status)
}

#[tokio::test]
async fn a_panic_costs_its_own_request_only() {
    let cloud = Cloud::start(|_| ()).await;
    let answer = cloud.call(parrot("Panic", r#"{"Text":"x"}"#)).await;
    assert_eq!(answer.status, 500, "{answer:?}");
    assert!(!answer.body.contains("panic"), "nothing of the inside: {answer:?}");
    still_serves(&cloud).await;
}

#[tokio::test]
async fn a_stop_lets_requests_finish_and_closes_idle_connections() {
    let mut cloud = Cloud::start(|_| ()).await;
    let mut busy = cloud.connect().await;
    let text = format!("{HEAD}{FREE}content-length: 12\r\n\r\n{{\"Text\":");
    busy.write_all(text.as_bytes()).await.expect("to write");
    let mut idle = cloud.connect().await;
    idle.write_all(b"GET /_gureum/health HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await
        .expect("to write");
    assert_eq!(answer(&mut idle).await.status, 200);
    cloud.tell_to_stop();
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).await.expect("closed");
    assert!(rest.is_empty());
    busy.write_all(b"\"x\"}").await.expect("to write");
    assert_eq!(answer(&mut busy).await.status, 200);
    cloud.stop().await;
}
