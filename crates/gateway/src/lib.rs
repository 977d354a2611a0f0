//! The gateway.

pub mod sigv4;
