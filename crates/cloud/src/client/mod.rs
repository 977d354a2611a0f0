//! The command line's own way to a running cloud: signed requests, JSON in and out.

mod http;

use std::fmt;
use std::time::Duration;

use gateway::sigv4::Signer;
use kernel::{Clock, SystemClock};
use serde_json::Value;

pub use http::HttpError;

/// Longer than the longest call of an operation that the command line makes.
const TIMEOUT: Duration = Duration::from_secs(120);
/// What is read without a signature (`/_gureum/health`) is at hand; another program at that address
/// may never answer.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// A running cloud, and who asks it.
#[derive(Debug, Clone)]
pub struct Cloud {
    endpoint: String,
    authority: String,
    access_key_id: String,
    secret: String,
    session_token: Option<String>,
    region: String,
}

/// Why the cloud did not do something.
#[derive(Debug)]
pub enum CloudError {
    /// No answer.
    Http(HttpError),
    /// The cloud refused, or failed.
    Refused {
        /// The AWS error code.
        code: String,
        /// The message.
        message: String,
    },
    /// The keys or a name cannot be put into a request.
    Unfit(String),
}

impl fmt::Display for CloudError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CloudError::Http(error) => error.fmt(f),
            CloudError::Refused { code, message } => write!(f, "{code}: {message}"),
            CloudError::Unfit(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for CloudError {}

impl From<HttpError> for CloudError {
    fn from(error: HttpError) -> Self {
        CloudError::Http(error)
    }
}

impl Cloud {
    /// The cloud at `endpoint` (`http://host:port`), with the key `test`.
    pub fn new(endpoint: &str, region: &str) -> Result<Cloud, CloudError> {
        Ok(Cloud {
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            authority: http::authority(endpoint)?,
            access_key_id: "test".into(),
            secret: "test".into(),
            session_token: None,
            region: region.to_owned(),
        })
    }

    /// Asks with another key.
    pub fn with_key(self, id: String, secret: String, session_token: Option<String>) -> Cloud {
        Cloud { access_key_id: id, secret, session_token, ..self }
    }

    /// Its address.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Its `host:port`.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The region of calls.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Calls an operation of AWS through the JSON door.
    pub fn call(&self, service: &str, operation: &str, input: &Value) -> Result<Value, CloudError> {
        self.signed("POST", &format!("/_gureum/api/{service}/{operation}"), service, input)
    }

    /// Calls a path of our own, below `/_gureum/`.
    pub fn own(&self, method: &str, path: &str, input: &Value) -> Result<Value, CloudError> {
        self.signed(method, path, gateway::ROUTE_SIGNING_NAME, input)
    }

    /// Reads a path that needs no signature.
    pub fn read(&self, path: &str) -> Result<Value, CloudError> {
        let headers = [("host".to_owned(), self.authority.clone())];
        decode(http::send(&self.authority, "GET", path, &headers, b"", READ_TIMEOUT)?)
    }

    fn signed(
        &self,
        method: &str,
        path: &str,
        service: &str,
        input: &Value,
    ) -> Result<Value, CloudError> {
        let unfit = |error: &dyn fmt::Display| CloudError::Unfit(format!("{path}: {error}"));
        let body = input.to_string().into_bytes();
        let (mut parts, ()) = ::http::Request::builder()
            .method(method)
            .uri(path)
            .header("host", &self.authority)
            .header("content-type", "application/json")
            .body(())
            .map_err(|e| unfit(&e))?
            .into_parts();
        let signer = Signer {
            access_key_id: &self.access_key_id,
            secret: &self.secret,
            session_token: self.session_token.as_deref(),
            region: &self.region,
            service,
        };
        let now_s = SystemClock::default().now().epoch_ms.div_euclid(1000);
        signer.sign(&mut parts, &body, now_s).map_err(|e| unfit(&e))?;
        let headers: Vec<(String, String)> = parts
            .headers
            .iter()
            .map(|(name, value)| {
                (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            })
            .collect();
        decode(http::send(&self.authority, method, path, &headers, &body, TIMEOUT)?)
    }
}

fn decode(answer: http::Answer) -> Result<Value, CloudError> {
    let body: Value = match answer.body.is_empty() {
        true => Value::Object(serde_json::Map::new()),
        false => serde_json::from_slice(&answer.body)
            .map_err(|_| CloudError::Http(HttpError::Answer("no JSON")))?,
    };
    if (200..300).contains(&answer.status) {
        return Ok(body);
    }
    let text = |name: &str| body[name].as_str().map(str::to_owned);
    Err(CloudError::Refused {
        code: text("__type").unwrap_or_else(|| answer.status.to_string()),
        message: text("message").unwrap_or_else(|| body.to_string()),
    })
}
