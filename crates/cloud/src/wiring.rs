//! The cloud put together: the only place that knows every service.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use gateway::{Access, Gateway, Open, RouteRequest, UrlHandler, UrlVisit, handler};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};
use kernel::{Fault, Kernel, Service};
use service_connect::calls::Calls;
use service_iam::ISSUER_PATH;
use service_lambda::{
    CODE_PATH, Connection, Downloads, Endpoint, Local, Options, UrlRequest, Urls,
};
use tokio::sync::watch;

use crate::args::Throttled;
use crate::{Failure, backup, calls, fsck, iam, image, keys, mail, reply, standin};

/// How Lambda functions are kept.
pub struct Functions {
    /// A folder for unpacked code.
    pub cache: PathBuf,
    /// Where the authority is that functions trust; a temporary one without.
    pub authority: Option<PathBuf>,
    /// Whether they are initialised only when they are invoked.
    pub lazy: bool,
    /// Whether they may use more processor time than comes with their memory.
    pub full_processor: bool,
    /// Whether no function's memory is kept.
    pub hold: bool,
    /// The pause before an event that failed is tried again.
    pub retry: Duration,
    /// What a tool on the developer's machine adds.
    pub local: Option<Arc<Local>>,
    /// `host:port` of another cloud, which functions call instead of this one.
    pub relay: Option<String>,
}

/// Starts every service and makes the gateway ready; needs a tokio runtime. Requests
/// that take longer than `slow` are logged.
pub fn start(
    kernel: &Kernel,
    config: gateway::Config,
    functions: Functions,
    slow: Duration,
    throttled: &[Throttled],
) -> Result<Open, Failure> {
    // Functions call the gateway, which is made of the services that run them.
    let door = Arc::new(OnceLock::new());
    let telephone = Calls::default();
    let options = lambda_options(kernel, config.listen, functions, door.clone())?;
    let (lambda, doors) = service_lambda::service(kernel, options);
    let dynamodb = service_dynamodb::Options {
        address: reachable(config.listen),
        slow,
        throttles: throttled.contains(&Throttled::Dynamodb),
    };
    let (sns, deliveries) = service_sns::service(reachable(config.listen));
    let (events, events_sent) = service_events::service();
    let mut services =
        services(kernel, lambda, sns, &telephone, dynamodb, &reachable(config.listen));
    services.push(events);
    kernel.start(services);
    service_sns::start(kernel, deliveries);
    service_events::start(kernel, events_sent);
    service_dynamodb::start(kernel);
    let issuers = format!("http://{}{ISSUER_PATH}", reachable(config.listen));
    let gateway = Gateway::new(config, kernel)?;
    let gateway = routes(gateway, kernel, telephone, doors.downloads);
    let images = doors.images;
    let imported = handler(move |request| image::route(images.clone(), request));
    let gateway = gateway.route(image::PATH, Access::Root, imported);
    let gateway = gateway.function_urls(function_urls(doors.urls));
    let open = issuer_route(gateway, kernel, issuers).open();
    // Nobody else sets it.
    let _ = door.set(open.clone());
    Ok(open)
}

fn services(
    kernel: &Kernel,
    lambda: Service,
    sns: Service,
    telephone: &Calls,
    dynamodb: service_dynamodb::Options,
    address: &str,
) -> Vec<Service> {
    vec![
        service_cloudwatch::service(),
        service_connect::service(telephone),
        service_dynamodb::service_with(dynamodb),
        service_dynamodb::streams_service(),
        lambda,
        service_iam::service_at(kernel, address.to_owned()),
        service_kms::service(),
        service_logs::service(),
        service_s3::service(),
        sns,
        service_sqs::service(address.to_owned()),
        service_sts::service(),
    ]
}

/// Where clients on this machine reach what listens on that address.
fn reachable(listen: SocketAddr) -> String {
    if listen.ip().is_unspecified() {
        return format!("localhost:{}", listen.port());
    }
    listen.to_string()
}

/// How functions run: what they call comes in through the gateway, signed like everything else.
fn lambda_options(
    kernel: &Kernel,
    listen: SocketAddr,
    functions: Functions,
    door: Arc<OnceLock<Open>>,
) -> Result<Options, Failure> {
    let (stop, stopped) = watch::channel(false);
    let stopping = kernel.stopping();
    kernel.spawn(async move {
        stopping.await;
        stop.send_replace(true);
    });
    let endpoint = move |stream: Box<dyn Connection>| -> kernel::BoxFuture<'static, ()> {
        let (door, stopped) = (door.clone(), stopped.clone());
        Box::pin(async move {
            if let Some(open) = door.get() {
                open.serve_connection(Box::new(stream), stopped).await;
            }
        })
    };
    let endpoint: Endpoint = match functions.relay {
        Some(authority) => relay(authority),
        None => Arc::new(endpoint),
    };
    let authority = functions.authority.unwrap_or_else(|| functions.cache.join("authority"));
    let trust = functions.cache.join("trust");
    let stand_in = standin::open(kernel, &authority, &trust, endpoint.clone())?;
    let mut options = Options::new(functions.cache, endpoint);
    options.stand_in = Some(stand_in);
    options.proactive = !functions.lazy;
    options.full_processor = functions.full_processor;
    options.hold = functions.hold;
    options.retry_pauses = [functions.retry, functions.retry * 2];
    options.local = functions.local;
    options.public_url = Arc::new(move || format!("http://{listen}"));
    Ok(options)
}

/// Functions' calls go to another cloud, as they are.
fn relay(authority: String) -> Endpoint {
    Arc::new(move |mut stream: Box<dyn Connection>| {
        let authority = authority.clone();
        Box::pin(async move {
            let connected = tokio::net::TcpStream::connect(&authority).await;
            if let Ok(mut cloud) = connected {
                // Either side may close; the function's client sees it.
                let _ = tokio::io::copy_bidirectional(&mut stream, &mut cloud).await;
            }
        })
    })
}

/// Paths of our own beside the gateway's.
fn routes(gateway: Gateway, kernel: &Kernel, telephone: Calls, downloads: Downloads) -> Gateway {
    let placed = {
        let kernel = kernel.clone();
        handler(move |request| calls::route(kernel.clone(), telephone.clone(), request))
    };
    let saved = {
        let kernel = kernel.clone();
        handler(move |request| backup::route(kernel.clone(), request))
    };
    let checked = {
        let kernel = kernel.clone();
        handler(move |request| fsck::route(kernel.clone(), request))
    };
    let kept = {
        let kernel = kernel.clone();
        handler(move |request| keys::route(kernel.clone(), request))
    };
    let explained = {
        let kernel = kernel.clone();
        handler(move |request| iam::route(kernel.clone(), request))
    };
    let mailed = {
        let kernel = kernel.clone();
        handler(move |request| mail::route(kernel.clone(), request))
    };
    let certified = {
        let kernel = kernel.clone();
        handler(move |_| certificate(kernel.clone()))
    };
    let fetched = handler(move |request| package(downloads.clone(), request));
    gateway
        .route("/_gureum/calls", Access::Root, placed)
        .route("/_gureum/backup", Access::Root, saved)
        .route("/_gureum/keys", Access::Root, kept)
        .route("/_gureum/check", Access::Root, checked)
        .route(iam::PATH, Access::Root, explained)
        .route("/_gureum/mailbox", Access::Root, mailed)
        .route(service_sns::CERTIFICATE_PATH, Access::Open, certified)
        .route(CODE_PATH, Access::Open, fetched)
}

/// The hosts of functions.
fn function_urls(urls: Urls) -> UrlHandler {
    Arc::new(move |visit| {
        let urls = urls.clone();
        Box::pin(async move {
            let UrlVisit { id, host, method, path, query, headers, body, ctx, signer } = visit;
            let request = UrlRequest { id, host, method, path, query, headers, body, ctx, signer };
            urls.answer(request).await
        })
    })
}

/// The documents of the accounts' issuers (`GetWebIdentityToken`); `base` is all of an issuer but
/// its account.
fn issuer_route(gateway: Gateway, kernel: &Kernel, base: String) -> Gateway {
    let kernel = kernel.clone();
    let published = handler(move |request: RouteRequest| {
        let (kernel, base) = (kernel.clone(), base.clone());
        async move {
            let found = service_sts::published(&kernel, &base, &request.rest).await;
            let missing = || Fault::new("NotFound", 404, "There is no such issuer or document.");
            reply::reply(found.and_then(|found| found.ok_or_else(missing)))
        }
    });
    gateway.route(ISSUER_PATH, Access::Open, published)
}

/// What verifies the signatures of SNS's messages.
async fn certificate(kernel: Kernel) -> gateway::http::Reply {
    match service_sns::certificate(&kernel).await {
        Ok(pem) => {
            let mut found = Response::new(gateway::http::full(pem));
            let kind = HeaderValue::from_static("application/x-pem-file");
            found.headers_mut().insert(CONTENT_TYPE, kind);
            found
        }
        Err(fault) => reply::reply::<()>(Err(fault)),
    }
}

/// `Code.Location` of a function: the token in the path is the permission.
async fn package(downloads: Downloads, request: RouteRequest) -> gateway::http::Reply {
    match downloads.package(&request.rest).await {
        Ok(bytes) => {
            let mut found = Response::new(gateway::http::full(bytes));
            found.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/zip"));
            found
        }
        Err(fault) => reply::reply::<()>(Err(fault)),
    }
}
