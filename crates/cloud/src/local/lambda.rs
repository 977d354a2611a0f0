//! `gureum local start-lambda`: the Invoke operation of Lambda, for SDKs and the AWS CLI. As with
//! `sam`, signatures are not looked at.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use kernel::{Config, Kernel};

use crate::Failure;
use crate::local::args::{Serve, Warm};
use crate::local::host::Host;
use crate::local::watching::Watching;
use crate::local::{lines, serve};

const PORT: u16 = 3001;

/// Serves until told to stop.
pub async fn start(start: Serve) -> Result<ExitCode, Failure> {
    let address = SocketAddr::new(start.host, start.port.unwrap_or(PORT));
    let host = Host::start(&start.common, lines(&start.common)?, None).await?;
    let listener = serve::listen(address).await?;
    println!("Lambda listens at http://{}", listener.local_addr()?);
    let mut host = Arc::new(host);
    loop {
        warm(&host, start.warm_containers).await?;
        for placed in &host.project.functions {
            println!("  {}", placed.function.name);
        }
        let shared = host.clone();
        let handler: serve::Handler = Arc::new(move |request, _| {
            let host = shared.clone();
            Box::pin(async move { handle(&host, request).await })
        });
        let changed = changes(&start, &host);
        let ended = serve::serve(host.kernel(), &listener, handler, changed).await?;
        host.stop().await;
        if ended == serve::Ended::Stopped {
            return Ok(ExitCode::SUCCESS);
        }
        match again(&start, &host.project.files).await? {
            Some(next) => host = Arc::new(next),
            None => return Ok(ExitCode::SUCCESS),
        }
    }
}

/// Ends when the template has changed; what changes in sources is built meanwhile.
pub async fn changes(start: &Serve, host: &Host) {
    match start.no_watch {
        true => std::future::pending().await,
        false => {
            let watching = Watching::of(&start.common, &host.project);
            watching.until_the_template_changes(host.kernel()).await;
        }
    }
}

/// Reads the changed template; one that is wrong is waited for. `None` when told to stop.
pub async fn again(start: &Serve, files: &[PathBuf]) -> Result<Option<Host>, Failure> {
    eprintln!("The template has changed: it is read again.");
    loop {
        let Failure(why) = match Host::start(&start.common, lines(&start.common)?, None).await {
            Ok(host) => return Ok(Some(host)),
            Err(failure) => failure,
        };
        eprintln!("{why}\nWaiting for the template to change.");
        let kernel = Kernel::new(Config::memory());
        let changed = Watching::templates(files.to_vec());
        let stopped = serve::stopped_before(changed.until_the_template_changes(&kernel)).await?;
        if stopped {
            return Ok(None);
        }
    }
}

/// Makes functions known before anybody calls them.
pub async fn warm(host: &Host, when: Warm) -> Result<(), Failure> {
    if when == Warm::Eager {
        for placed in &host.project.functions {
            host.ready(placed).await?;
        }
    }
    Ok(())
}

async fn handle(host: &Host, request: Request<Bytes>) -> Response<Bytes> {
    let path = request.uri().path().to_owned();
    let name = path
        .strip_prefix("/2015-03-31/functions/")
        .and_then(|rest| rest.strip_suffix("/invocations"))
        .filter(|_| request.method() == Method::POST);
    let Some(name) = name else {
        return error(
            StatusCode::NOT_FOUND,
            "PathNotFoundLocally",
            "Only the Invoke operation is served here.",
        );
    };
    let name = name.replace("%3A", ":").replace("%3a", ":");
    let Ok(placed) = host.project.function(Some(&name)) else {
        let arn = format!("arn:aws:lambda:{}:012345678912:function:{name}", host.region);
        return error(
            StatusCode::NOT_FOUND,
            "ResourceNotFound",
            &format!("Function not found: {arn}"),
        );
    };
    let header = |name: &str| Some(request.headers().get(name)?.to_str().ok()?.to_owned());
    match header("x-amz-invocation-type").as_deref() {
        None | Some("RequestResponse") => {}
        Some("DryRun") => return answer(StatusCode::NO_CONTENT, Bytes::new(), false),
        Some(other) => {
            let message = format!(
                "invocation-type: {other} is not supported. RequestResponse and DryRun are."
            );
            return error(StatusCode::NOT_IMPLEMENTED, "NotImplemented", &message);
        }
    }
    let context = header("x-amz-client-context");
    match host.invoke(placed, request.into_body(), context).await {
        Ok(answered) => answer(StatusCode::OK, answered.payload, answered.failed),
        Err(Failure(why)) => error(StatusCode::BAD_REQUEST, "InvalidRequestContent", &why),
    }
}

fn answer(status: StatusCode, payload: Bytes, failed: bool) -> Response<Bytes> {
    let mut answer = Response::new(payload);
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert("x-amz-executed-version", HeaderValue::from_static("$LATEST"));
    if failed {
        headers.insert("x-amz-function-error", HeaderValue::from_static("Unhandled"));
    }
    answer
}

fn error(status: StatusCode, code: &'static str, message: &str) -> Response<Bytes> {
    let text = serde_json::json!({ "Type": "User", "Message": message }).to_string();
    let mut answer = serve::json(status, &text);
    answer.headers_mut().insert("x-amzn-errortype", HeaderValue::from_static(code));
    answer
}
