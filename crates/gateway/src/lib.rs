//! The gateway.

pub mod http;
pub mod sigv4;
pub mod tls;
