//! What the gateway is told, and what it refuses to start with.

use crate::http::{Hosts, Limits, Origins};
use kernel::Kernel;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// A limit on the bodies of one operation.
#[derive(Clone, Debug)]
pub struct BodyLimit {
    /// The service's name in the kernel.
    pub service: String,
    /// The operation; `None` is all of the service's.
    pub operation: Option<String>,
    /// Bytes.
    pub bytes_max: u64,
}

/// How a gateway serves.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where it will listen; decides whether well-known keys may work.
    pub listen: SocketAddr,
    /// Limits on every request.
    pub limits: Limits,
    /// Limits of single operations, the last that fits decides.
    pub body_limits: Vec<BodyLimit>,
    /// Host names besides loopback's.
    pub hosts: Hosts,
    /// Pages that may call.
    pub origins: Origins,
    /// Where the local certificate authority lives; `None` serves no TLS.
    pub ca_directory: Option<PathBuf>,
    /// One line of the log for each request, at level `Info`.
    pub access_log: bool,
}

impl Config {
    /// The defaults of an installation that listens on `listen`, without TLS.
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            limits: Limits::default(),
            body_limits: body_limits(),
            hosts: Hosts::default(),
            origins: Origins::Loopback,
            ca_directory: None,
            access_log: false,
        }
    }

    /// Refuses what would be unsafe: well-known keys where others can reach them.
    pub fn check(&self, kernel: &Kernel) -> Result<(), GatewayError> {
        match !self.listen.ip().is_loopback() && kernel.credentials().test_account().is_some() {
            true => Err(GatewayError::TestKeysInPublic(self.listen)),
            false => Ok(()),
        }
    }

    /// The greatest body of an operation, bytes.
    pub(crate) fn body_bytes_max(&self, service: &str, operation: &str) -> u64 {
        let fits = |limit: &&BodyLimit| {
            limit.service == service
                && limit.operation.as_deref().is_none_or(|name| name == operation)
        };
        let own = self.body_limits.iter().rev().find(fits);
        own.map_or(self.limits.body_bytes_max, |limit| limit.bytes_max)
    }
}

/// The limits that AWS's error messages name (Lambda), and DynamoDB's 16 MB.
fn body_limits() -> Vec<BodyLimit> {
    let limit = |service: &str, operation: Option<&str>, bytes_max| BodyLimit {
        service: service.to_owned(),
        operation: operation.map(str::to_owned),
        bytes_max,
    };
    vec![
        limit("dynamodb", None, 16 * 1024 * 1024),
        limit("lambda", Some("Invoke"), 6_291_456),
        limit("lambda", Some("CreateFunction"), 69_905_067),
        limit("lambda", Some("UpdateFunctionCode"), 69_905_067),
        // These two stream: the limit is S3's own, 5 GiB.
        limit("s3", Some("PutObject"), 5 << 30),
        limit("s3", Some("UploadPart"), 5 << 30),
        // The file, and the fields before it.
        limit("s3", Some("PostObject"), (5 << 30) + (64 << 10)),
    ]
}

/// Why a gateway does not start.
#[derive(Debug)]
pub enum GatewayError {
    /// Keys everybody knows, on an address others can reach.
    TestKeysInPublic(SocketAddr),
    /// The local certificate authority could not be opened.
    Ca(crate::tls::CaError),
}

impl fmt::Display for GatewayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TestKeysInPublic(address) => write!(
                f,
                "will not listen on {address}: that is not a loopback address, and the access \
                 key test/test, which everybody knows, would work there. Give the installation \
                 an access key of its own, or listen on 127.0.0.1."
            ),
            Self::Ca(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for GatewayError {}

impl From<crate::tls::CaError> for GatewayError {
    fn from(error: crate::tls::CaError) -> Self {
        Self::Ca(error)
    }
}
