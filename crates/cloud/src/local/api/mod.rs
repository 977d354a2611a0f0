//! `gureum local start-api`: REST and HTTP APIs of the template, on one port, without the stage in
//! the path.

mod answer;
mod authorize;
mod cors;
mod event;
mod files;
mod route;
mod tokens;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use template::sam::{Api, AuthorizerKind, Flavour};

use crate::Failure;
use crate::local::args::StartApi;
use crate::local::host::Host;
use crate::local::{lambda, lines, serve};
use route::Found;

const PORT: u16 = 3000;
/// Where files are looked for if nobody says where.
const STATIC: &str = "public";

/// What answers.
struct Gateway {
    host: Host,
    authorizes: bool,
    tokens: service_sts::Tokens,
    files: Option<PathBuf>,
    address: SocketAddr,
}

/// A request on its way.
pub(super) struct Visit<'a> {
    pub request: &'a Request<Bytes>,
    pub peer: SocketAddr,
    pub address: SocketAddr,
    pub found: &'a Found<'a>,
    pub request_id: String,
    pub now: kernel::Timestamp,
}

/// Serves until told to stop.
pub async fn start(start: StartApi) -> Result<ExitCode, Failure> {
    let common = &start.serve.common;
    let mut host = Host::start(common, lines(common)?, None).await?;
    usable(&start, &host)?;
    let port = start.serve.port.unwrap_or(PORT);
    let listener = serve::listen(SocketAddr::new(start.serve.host, port)).await?;
    let address = listener.local_addr()?;
    println!("The API listens at http://{address}");
    loop {
        lambda::warm(&host, start.serve.warm_containers).await?;
        let base = host.project.file.parent().unwrap_or(Path::new("")).to_owned();
        let files = start.static_dir.clone().unwrap_or_else(|| base.join(STATIC));
        let files = files.is_dir().then_some(files);
        for api in &host.project.apis {
            for route in &api.routes {
                let at = format!("http://{address}{}", route.path);
                println!("  {:<7} {at}  → {}", route.method, route.function);
            }
        }
        let authorizes = !start.disable_authorizer;
        let gateway =
            Arc::new(Gateway { host, authorizes, tokens: Default::default(), files, address });
        let shared = gateway.clone();
        let handler: serve::Handler = Arc::new(move |request, peer| {
            let gateway = shared.clone();
            Box::pin(async move { gateway.handle(request, peer).await })
        });
        let changed = lambda::changes(&start.serve, &gateway.host);
        let ended = serve::serve(gateway.host.kernel(), &listener, handler, changed).await?;
        gateway.host.stop().await;
        if ended == serve::Ended::Stopped {
            return Ok(ExitCode::SUCCESS);
        }
        match lambda::again(&start.serve, &gateway.host.project.files).await? {
            Some(next) => host = next,
            None => return Ok(ExitCode::SUCCESS),
        }
        if let Err(Failure(why)) = usable(&start, &host) {
            eprintln!("{why}");
        }
    }
}

fn usable(start: &StartApi, host: &Host) -> Result<(), Failure> {
    if host.project.apis.iter().all(|api| api.routes.is_empty()) {
        return Err(Failure::of(host.project.file.display(), "no API leads to a function"));
    }
    match start.disable_authorizer {
        true => Ok(()),
        false => host.project.apis.iter().try_for_each(check),
    }
}

/// Refuses authorizers that cannot be asked here.
fn check(api: &Api) -> Result<(), Failure> {
    let used = |name: &String| {
        api.default_authorizer.as_ref() == Some(name)
            || api.routes.iter().any(|route| route.authorizer.as_ref() == Some(name))
    };
    for (name, authorizer) in api.authorizers.iter().filter(|(name, _)| used(name)) {
        if let AuthorizerKind::Cognito(pools) = &authorizer.kind
            && pools.iter().any(|pool| tokens::issuer_of(pool).is_none())
        {
            return Err(Failure(format!(
                "{}: the authorizer {name} needs the ARN of a user pool that is there: give it by \
                 --parameter-overrides; --disable-authorizer lets everybody pass",
                api.id
            )));
        }
    }
    if used(&authorize::IAM.to_owned()) {
        eprintln!(
            "{}: routes with the authorizer AWS_IAM answer 501: whose key signed is known only to the \
             cloud that gave it. --disable-authorizer lets everybody pass, as `sam local` does.",
            api.id
        );
    }
    Ok(())
}

impl Gateway {
    async fn handle(&self, request: Request<Bytes>, peer: SocketAddr) -> Response<Bytes> {
        let apis = &self.host.project.apis;
        let path = request.uri().path();
        let origin = request.headers().get(http::header::ORIGIN).and_then(|o| o.to_str().ok());
        let Some(found) = route::find(apis, request.method().as_str(), path) else {
            if request.method() == Method::OPTIONS
                && let Some(answer) = cors::preflight(apis, path, origin)
            {
                return answer;
            }
            if let Some(answer) =
                self.files.as_deref().and_then(|files| files::find(files, &request))
            {
                return answer;
            }
            let rest = apis.iter().any(|api| api.flavour == Flavour::Rest);
            return match rest {
                true => serve::json(
                    StatusCode::FORBIDDEN,
                    r#"{"message":"Missing Authentication Token"}"#,
                ),
                false => serve::json(StatusCode::NOT_FOUND, r#"{"message":"Not Found"}"#),
            };
        };
        let ctx = self.host.ctx();
        let visit = Visit {
            request: &request,
            peer,
            address: self.address,
            found: &found,
            request_id: ctx.random().uuid(),
            now: ctx.now(),
        };
        let mut answer = self.visit(&visit).await;
        if found.api.flavour == Flavour::Http {
            cors::decorate(found.api, origin, &mut answer);
        }
        println!("{} {} {}", request.method(), path, answer.status().as_u16());
        answer
    }

    async fn visit(&self, visit: &Visit<'_>) -> Response<Bytes> {
        let context = match self.authorizes {
            true => match authorize::ask(&self.host, &self.tokens, visit).await {
                Ok(context) => context,
                Err(refusal) => return refusal,
            },
            false => None,
        };
        let route = visit.found.route;
        let event = match route.payload.as_str() {
            "2.0" => event::version_2(visit, context),
            _ => event::version_1(visit, context),
        };
        let failed = |why: &str| {
            eprintln!("{} {}: {why}", route.method, route.path);
            serve::json(StatusCode::BAD_GATEWAY, r#"{"message": "Internal server error"}"#)
        };
        let placed = match self.host.project.function(Some(&route.function)) {
            Ok(placed) => placed,
            Err(Failure(why)) => return failed(&why),
        };
        match self.host.invoke(placed, event.to_string().into(), None).await {
            Err(Failure(why)) => failed(&why),
            Ok(answered) if answered.failed => failed("the function failed"),
            Ok(answered) => match answer::read(&answered.payload, visit) {
                Ok(answer) => answer,
                Err(why) => failed(&why),
            },
        }
    }
}
