//! Paths under `/_gureum/` that other crates serve through the gateway.

use crate::http::Reply;
use bytes::Bytes;
use http::{HeaderMap, Method};
use kernel::{BoxFuture, Principal};
use std::sync::Arc;

/// The signing name of requests to routes for root users.
pub const ROUTE_SIGNING_NAME: &str = "gureum";

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody who reaches this host: the route proves its callers itself, by a sealed token in
    /// the path, say.
    Open,
    /// Requests with a good signature for the service `gureum`, by the root user of an account:
    /// what these routes do is of no policy's language.
    Root,
}

/// A request to a route.
pub struct RouteRequest {
    /// The method.
    pub method: Method,
    /// The path below the route's prefix, as sent.
    pub rest: String,
    /// The query, without question mark.
    pub query: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// Who asks; [`Principal::Anonymous`] on open routes.
    pub principal: Principal,
    /// The region of the signature, or the installation's.
    pub region: String,
    /// The request's id.
    pub request_id: String,
}

/// What answers on a route.
pub type RouteHandler = Arc<dyn Fn(RouteRequest) -> BoxFuture<'static, Reply> + Send + Sync>;

/// A route.
pub(crate) struct Route {
    pub prefix: String,
    pub access: Access,
    pub body_bytes_max: u64,
    pub handler: RouteHandler,
}

/// Makes a handler of an asynchronous function.
pub fn handler<F, R>(function: F) -> RouteHandler
where
    F: Fn(RouteRequest) -> R + Send + Sync + 'static,
    R: Future<Output = Reply> + Send + 'static,
{
    Arc::new(move |request| Box::pin(function(request)))
}
