//! Registries on this machine, by OCI's distribution protocol, without passwords or TLS.

use std::time::Duration;

use api_lambda::Error;
use fetch::{Ask, FetchError, RootCertStore, Trust};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use image::{Digest, Image, MANIFEST_TYPES, Platform, Reference, Source};
use kernel::Ctx;
use tokio::runtime::Handle;

use super::{blobs, refused};
use crate::Lambda;
use crate::code::blocking;
use crate::errors::service;

/// Greatest manifest.
const MANIFEST_BYTES_MAX: usize = 4 << 20;
/// A registry on the same machine that takes longer is none.
const PULL_MAX: Duration = Duration::from_secs(300);

/// Pulls an image: its manifest's id, and the ids of its other parts.
pub(super) async fn pull(
    api: &Lambda,
    ctx: &Ctx,
    reference: Reference,
) -> Result<(String, Vec<String>), Error> {
    let code = api.host.code.clone();
    let registry = Registry { reference: reference.clone(), runtime: Handle::current() };
    let uri = reference.to_string();
    let pulled = blocking(move || {
        let found = Image::find(&registry, &reference.wanted(), &Platform::own());
        let image = found.map_err(|error| refused(&reference.to_string(), &error))?;
        let id = code.add_image(&image, &registry)?;
        Ok((id, blobs(&image)))
    });
    tokio::select! {
        pulled = pulled => pulled,
        () = ctx.sleep(PULL_MAX) => Err(service(format!("{uri} takes too long."))),
    }
}

struct Registry {
    reference: Reference,
    runtime: Handle,
}

impl Registry {
    fn get(&self, path: &str, accept: &str, bytes_max: usize) -> Result<Vec<u8>, image::Error> {
        let Reference { host, repository, .. } = &self.reference;
        let address = format!("http://{host}/v2/{repository}/{path}");
        let failed = |why: String| image::Error::Io(address.clone(), std::io::Error::other(why));
        let uri: Uri = address.parse().map_err(|_| failed("no address".into()))?;
        let mut headers = HeaderMap::new();
        if let Ok(accept) = HeaderValue::from_str(accept) {
            headers.insert(http::header::ACCEPT, accept);
        }
        let (method, body) = (Method::GET, bytes::Bytes::new());
        let ask = Ask { method, uri, headers, body, answer_bytes_max: bytes_max };
        let trust = Trust::new(RootCertStore::empty().into(), Vec::new());
        let answer = self.runtime.block_on(fetch::fetch(ask, &trust));
        let answer = answer.map_err(|error| match error {
            FetchError::TooLong => image::Error::TooLarge(address.clone()),
            other => failed(other.to_string()),
        })?;
        match answer.status {
            StatusCode::OK => Ok(answer.body.into()),
            StatusCode::NOT_FOUND => Err(image::Error::Missing(address)),
            other => Err(failed(format!("status {other}"))),
        }
    }
}

impl Source for Registry {
    fn manifest(&self, name: &str) -> Result<Vec<u8>, image::Error> {
        self.get(&format!("manifests/{name}"), &MANIFEST_TYPES.join(", "), MANIFEST_BYTES_MAX)
    }

    fn blob(&self, digest: &Digest, bytes_max: u64) -> Result<Vec<u8>, image::Error> {
        self.get(&format!("blobs/{digest}"), "*/*", bytes_max as usize)
    }
}
