//! The gateway as its clients meet it: one test binary.

mod botocore;
mod client;
mod hostile;
mod own;
mod protocols;
mod services;
mod streams;
mod tls;
