//! TLS by a certificate authority of this installation's own.

mod ca;
mod door;
mod names;

pub use ca::{Ca, CaError, Reach};
pub use door::Door;
pub use names::server_config;
