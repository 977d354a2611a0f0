//! The one door of the cloud: HTTP, signatures, routing, and nothing of any service's behaviour.
//!
//! ```text
//! connection ─▶ http (limits, TLS, HTTP/1 and /2) ─▶ Gateway
//!   origin, host ─▶ /_gureum/… (own) or routing ─▶ service, operation
//!   sigv4 claim ─▶ key ─▶ signature ─▶ body ─▶ wire::read ─▶ validate ─▶ kernel ─▶ wire::write
//! ```
//!
//! A handler never sees a request that was not verified, or one that breaks a constraint of the
//! model. What goes wrong is answered in the caller's protocol and AWS's words.

mod answer;
mod auth;
mod bucket;
mod checksum;
mod config;
mod download;
mod function_url;
pub mod fuzz;
mod gateway;
pub mod http;
mod origin;
mod own;
mod persistent;
mod presigned;
mod routes;
mod routing;
pub mod sigv4;
mod telling;
pub mod tls;
mod upload;
mod visit;

pub use config::{BodyLimit, Config, GatewayError};
pub use function_url::{UrlHandler, UrlVisit};
pub use gateway::{Gateway, Open};
pub use routes::{Access, ROUTE_SIGNING_NAME, RouteHandler, RouteRequest, handler};
