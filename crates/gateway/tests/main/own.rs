//! The paths of our own: health, the table, reset, the JSON door, routes; and who may not call.

use crate::client::{Answer, Cloud, answer, parrot};
use gateway::{Access, RouteRequest, handler};
use http::Request;
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;

async fn get(cloud: &Cloud, path: &str, headers: &str) -> Answer {
    cloud.raw(format!("GET {path} HTTP/1.1\r\n{headers}\r\n")).await
}

const LOCAL: &str = "host: localhost\r\n";

#[tokio::test]
async fn health_and_operations() {
    let cloud = Cloud::start(|_| ()).await;
    let health = get(&cloud, "/_gureum/health", LOCAL).await;
    let health: Value = serde_json::from_str(&health.body).expect("JSON");
    assert_eq!(health["status"], "running");
    assert_eq!(health["services"]["parrot"], "running");
    let table = get(&cloud, "/_gureum/operations", LOCAL).await;
    let table: Value = serde_json::from_str(&table.body).expect("JSON");
    let parrot = table["services"].as_array().expect("a list");
    let parrot = parrot.iter().find(|entry| entry["name"] == "parrot").expect("the parrot");
    let expected = serde_json::json!([
        {"name": "Fly", "served": false},
        {"name": "Free", "served": true},
        {"name": "Panic", "served": true},
        {"name": "Say", "served": true},
    ]);
    assert_eq!(parrot["operations"], expected);
    assert_eq!(get(&cloud, "/_gureum/nothing", LOCAL).await.status, 404);
    let posted = cloud.raw("POST /_gureum/health HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert_eq!(posted.status, 405);
}

#[tokio::test]
async fn pages_of_other_sites_are_refused() {
    let cloud = Cloud::start(|_| ()).await;
    let check = async |headers: &str, status: u16| {
        let answer = get(&cloud, "/_gureum/operations", headers).await;
        assert_eq!(answer.status, status, "{headers:?}: {answer:?}");
        answer
    };
    check("host: localhost\r\norigin: https://evil.example\r\n", 403).await;
    check("host: localhost\r\norigin: null\r\n", 403).await;
    check("host: localhost\r\nsec-fetch-site: cross-site\r\n", 403).await;
    check("host: rebound.evil.example\r\n", 421).await;
    check("host: 192.168.1.7:4566\r\norigin: http://192.168.1.7:4567\r\n", 403).await;
    check("host: 192.168.1.7:4566\r\norigin: http://192.168.1.7:4566\r\n", 200).await;
    check("host: evil.example\r\norigin: http://evil.example\r\n", 421).await;
    let own = check("host: localhost\r\norigin: http://localhost:5173\r\n", 200).await;
    assert_eq!(own.header("access-control-allow-origin"), Some("http://localhost:5173"));
    let exposed = own.header("access-control-expose-headers").expect("exposed headers");
    assert!(exposed.contains("x-amzn-ErrorType") && exposed.contains("etag"));
}

#[tokio::test]
async fn preflights() {
    let cloud = Cloud::start(|_| ()).await;
    let ask = async |origin: &str| {
        let text = format!(
            "OPTIONS / HTTP/1.1\r\nhost: localhost\r\norigin: {origin}\r\n\
             access-control-request-method: POST\r\n\
             access-control-request-headers: authorization,x-amz-target\r\n\
             access-control-request-private-network: true\r\n\r\n"
        );
        cloud.raw(text).await
    };
    let allowed = ask("http://127.0.0.1:3000").await;
    assert_eq!(allowed.status, 204);
    assert_eq!(allowed.header("access-control-allow-headers"), Some("authorization,x-amz-target"));
    assert_eq!(allowed.header("access-control-allow-private-network"), Some("true"));
    let refused = ask("https://evil.example").await;
    assert_eq!(refused.status, 403);
    assert_eq!(refused.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn reset_is_for_development_only() {
    let cloud = Cloud::start(|_| ()).await;
    let reset = async |cloud: &Cloud, headers: &str| {
        let text = format!("POST /_gureum/reset HTTP/1.1\r\n{headers}content-length: 0\r\n\r\n");
        cloud.raw(text).await.status
    };
    assert_eq!(reset(&cloud, LOCAL).await, 200);
    assert_eq!(get(&cloud, "/_gureum/reset", LOCAL).await.status, 405);
    assert_eq!(reset(&cloud, "host: parrot.us-east-1.amazonaws.com\r\n").await, 403);
    assert_eq!(reset(&cloud, "host: localhost\r\norigin: http://evil.example\r\n").await, 403);
}

#[tokio::test]
async fn the_json_door() {
    let cloud = Cloud::start(|_| ()).await;
    let knock = async |path: &str, body: &'static str, service: &str| {
        let request = Request::builder().method("POST").uri(format!("/_gureum/api/{path}"));
        cloud.call(request.header("service", service).body(body).expect("a request")).await
    };
    let check = async |path: &str, body: &'static str, service: &str, status: u16, text: &str| {
        let answer = knock(path, body, service).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.body.contains(text), "{text}: {answer:?}");
        assert!(answer.header("x-amzn-requestid").is_some());
    };
    check("desk/Ask", r#"{"Text":"a"}"#, "desk", 200, r#""Text":"a""#).await;
    check("shelf/GetShelf", r#"{"Text":"b/c"}"#, "shelf", 200, r#""Text":"b/c""#).await;
    check("desk/Ask", r#"{"Text":"fault"}"#, "desk", 400, "ParrotTired").await;
    check("desk/Ask", "{}", "desk", 400, "Value null at 'text'").await;
    check("desk/Ask", "{", "desk", 400, "SerializationException").await;
    check("desk/Sit", "{}", "desk", 501, "Gureum does not implement Desk Sit").await;
    check("desk/Run", "{}", "desk", 404, "UnknownOperationException").await;
    check("chair/Sit", "{}", "chair", 501, "the service chair").await;
    check("desk/Ask", "{}", "shelf", 403, "Credential should be scoped to correct service").await;
    let unsigned = "POST /_gureum/api/desk/Ask HTTP/1.1\r\nhost: localhost\r\n\
                    content-length: 2\r\n\r\n{}";
    assert_eq!(cloud.raw(unsigned).await.status, 403);
}

#[tokio::test]
async fn routes_of_other_crates() {
    let echo = |request: RouteRequest| async move {
        let text = format!("{} {} {}", request.rest, request.query, request.principal.arn());
        http::Response::new(gateway::http::full(text))
    };
    let cloud = Cloud::with(
        |_| (),
        |gateway| {
            gateway.route("/_gureum/open", Access::Open, handler(echo)).route(
                "/_gureum/open/signed",
                Access::Root,
                handler(echo),
            )
        },
    )
    .await;
    let check = async |path: &str, status: u16, body: &str| {
        let answer = get(&cloud, path, LOCAL).await;
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.body.contains(body), "{answer:?}");
    };
    check("/_gureum/open/a/b?c=d", 200, "/a/b c=d anonymous").await;
    check("/_gureum/open", 200, "  anonymous").await;
    check("/_gureum/openly", 404, "nothing").await;
    check("/_gureum/open/signed/x", 403, "MissingAuthenticationTokenException").await;
    let request = Request::builder().uri("/_gureum/open/signed/x").header("service", "gureum");
    let answer = cloud.call(request.body("").expect("a request")).await;
    assert_eq!(answer.body, "/x  arn:aws:iam::000000000000:root");
}

/// The access log names operations, and holds nothing a caller sent besides a path.
#[tokio::test]
async fn the_log_keeps_secrets() {
    let reply = |_: RouteRequest| async { http::Response::new(gateway::http::full("")) };
    let cloud = Cloud::with(
        |config| config.access_log = true,
        |gateway| gateway.route("/_gureum/open/", Access::Open, handler(reply)),
    )
    .await;
    let body = r#"{"Text":"x","Secret":"SECRET-1"}"#;
    let (mut parts, body) = parrot("Say", body).into_parts();
    parts.headers.insert("x-amz-note", "SECRET-2".parse().expect("a value"));
    parts.uri = "/?note=SECRET-3".parse().expect("a URI");
    assert_eq!(cloud.call(Request::from_parts(parts, body)).await.status, 200);
    assert_eq!(get(&cloud, "/_gureum/open/SECRET-4?x=SECRET-5", LOCAL).await.status, 200);
    let wrong = cloud.signed(parrot("Say", r#"{"Secret":"SECRET-6"}"#), "SECRET-7", cloud.now_s());
    assert_eq!(cloud.raw(wrong).await.status, 400);
    let log = cloud.log();
    assert!(!log.contains("SECRET"), "{log}");
    assert!(log.contains("POST / parrot:Say 200"), "{log}");
    assert!(log.contains("POST / parrot:Say 400"), "{log}");
    assert!(log.contains("GET /_gureum/open/ -:- 200"), "{log}");
}

#[tokio::test]
async fn relayed_streams_are_checked_like_others() {
    let kernel = kernel::Kernel::new(kernel::Config::memory());
    kernel.start(crate::services::all(&Default::default()));
    let config = gateway::Config::new("127.0.0.1:4566".parse().expect("an address"));
    let open = gateway::Gateway::new(config, &kernel).expect("a gateway").open();
    let (mut ours, theirs) = tokio::io::duplex(4096);
    let (stop, stopped) = tokio::sync::watch::channel(false);
    #[expect(clippy::disallowed_methods, reason = "a test")]
    let serving = tokio::spawn(async move {
        open.serve_connection(Box::new(theirs), stopped).await;
    });
    let health = "GET /_gureum/health HTTP/1.1\r\nhost: localhost\r\n\r\n";
    ours.write_all(health.as_bytes()).await.expect("to write");
    assert_eq!(answer(&mut ours).await.status, 200);
    let unsigned = "GET /shelves/a HTTP/1.1\r\nhost: localhost\r\n\r\n";
    ours.write_all(unsigned.as_bytes()).await.expect("to write");
    assert_eq!(answer(&mut ours).await.status, 403);
    stop.send_replace(true);
    serving.await.expect("it ends");
}

#[tokio::test]
async fn well_known_keys_stay_on_loopback() {
    let kernel = kernel::Kernel::new(kernel::Config::memory());
    let config = gateway::Config::new("0.0.0.0:4566".parse().expect("an address"));
    let error = gateway::Gateway::new(config, &kernel).err().expect("refused").to_string();
    assert!(error.contains("will not listen on 0.0.0.0:4566"), "{error}");
    assert!(error.contains("access key of its own"), "{error}");
}
