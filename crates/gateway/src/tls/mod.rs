//! TLS by a certificate authority of this installation's own.

mod ca;
mod names;

pub use ca::{Ca, CaError};
pub use names::server_config;
