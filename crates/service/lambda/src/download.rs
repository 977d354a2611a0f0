//! `Code.Location`: a link under which a package can be fetched for ten minutes.
//!
//! The link carries a sealed statement instead of a stored token: it cannot be guessed or forged,
//! and needs no clean-up.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use bytes::Bytes;
use kernel::{Ctx, Fault};
use serde::{Deserialize, Serialize};

use crate::host::Host;

/// Where the gateway offers packages: this path and a token.
pub const CODE_PATH: &str = "/_gureum/lambda/code/";

const PURPOSE: &str = "lambda-code-location";
/// As long as AWS's links last.
const VALID_MS: i64 = 10 * 60 * 1000;

#[derive(Serialize, Deserialize)]
struct Permission {
    code: String,
    until_ms: i64,
}

/// Gives out packages to holders of a link.
#[derive(Clone)]
pub struct Downloads {
    host: Arc<Host>,
}

impl Downloads {
    pub(crate) fn new(host: Arc<Host>) -> Downloads {
        Downloads { host }
    }

    /// The package for the token of a link: a zip file (`application/zip`). Anything that is not
    /// a valid token is a fault with status 403.
    pub async fn package(&self, token: &str) -> Result<Bytes, Fault> {
        let refused = || Fault::new("AccessDenied", 403, "The link is not valid.");
        let sealed = BASE64URL.decode(token).map_err(|_| refused())?;
        let opened = self.host.kernel.sealer().open_sealed(PURPOSE, &sealed);
        let permission: Permission =
            serde_json::from_slice(&opened.map_err(|_| refused())?).map_err(|_| refused())?;
        if self.host.kernel.clock().now().epoch_ms > permission.until_ms {
            return Err(Fault::new("AccessDenied", 403, "Request has expired"));
        }
        self.host.code.package(&permission.code).await
    }
}

impl Host {
    /// A link to a package.
    pub(crate) fn location(&self, ctx: &Ctx, code: &str) -> Result<String, Fault> {
        let until_ms = ctx.now().epoch_ms + VALID_MS;
        let permission = Permission { code: code.to_owned(), until_ms };
        let plain = serde_json::to_vec(&permission).map_err(Fault::internal)?;
        let token = BASE64URL.encode(self.kernel.sealer().seal(PURPOSE, &plain));
        Ok(format!("{}{CODE_PATH}{token}", (self.options.public_url)()))
    }
}
