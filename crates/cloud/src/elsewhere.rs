//! Blobs in a bucket of another object store: any that speaks S3's protocol.
//!
//! ```text
//! gureum up --blobs s3://bucket/prefix --blobs-endpoint https://store.example
//! ```
//!
//! What goes there is sealed already. Which bucket it is stands in `blobs/elsewhere.json` of the
//! data directory, and the directory's mark in the bucket: two installations that shared a prefix
//! would delete each other's blobs as orphans. Keys of the store come from the environment alone
//! (`GUREUM_BLOBS_ACCESS_KEY_ID`, `GUREUM_BLOBS_SECRET_ACCESS_KEY`).

use std::env;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use fetch::{Ask, Trust};
use http_body_util::BodyExt as _;
use kernel::blobs::{BlobEngine, BlobFile, BlobSink};
use kernel::{Blobs, OsRandom, Random};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
};
use object_store::path::Path as Key;
use object_store::{ClientOptions, MultipartUpload, ObjectStore, ObjectStoreExt as _, PutPayload};
use serde::{Deserialize, Serialize};
use tokio::runtime::{Builder, Runtime};

use crate::Failure;

/// What is held in memory of a blob that is written, and one part of its upload.
const PART_BYTES: usize = 8 * 1024 * 1024;
/// What is asked for at a time when a blob is read.
const WINDOW_BYTES: u64 = 4 * 1024 * 1024;
/// Longest answer of the store: a window, or a page of a list.
const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;
const RECORD: &str = "elsewhere.json";
/// The object that says whose a prefix is.
const MARK: &str = "gureum-installation";

/// Where blobs are, as the data directory remembers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// `s3://bucket/prefix`.
    pub url: String,
    /// The store's address; AWS's own without.
    pub endpoint: Option<String>,
    /// The region requests are signed for.
    pub region: String,
    /// Tells this installation from others in the same bucket.
    #[serde(default)]
    installation: String,
}

impl Place {
    /// A place that was asked for.
    pub fn new(url: String, endpoint: Option<String>, region: String) -> Self {
        Place { url, endpoint, region, installation: String::new() }
    }

    fn is_same(&self, other: &Place) -> bool {
        (&self.url, &self.endpoint) == (&other.url, &other.endpoint)
    }
}

/// Where the blobs of a data directory are, if not in it.
pub fn remembered(blobs: &Path) -> Result<Option<Place>, Failure> {
    let path = blobs.join(RECORD);
    match fs::read(&path) {
        Ok(text) => Ok(Some(serde_json::from_slice(&text)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::of(path.display(), error)),
    }
}

/// Opens the blobs of a data directory: there where they are, or where it is told at its first
/// start.
pub fn open(blobs: &Path, wanted: Option<Place>) -> Result<Blobs, Failure> {
    let known = remembered(blobs)?;
    let place = match (known, wanted) {
        (None, None) => return Ok(Blobs::open(blobs)?),
        (Some(known), Some(wanted)) if !known.is_same(&wanted) => {
            let text = format!("its blobs are in {}: they cannot be moved by --blobs", known.url);
            return Err(Failure::of(blobs.display(), text));
        }
        (Some(known), _) => known,
        (None, Some(wanted)) => claim(blobs, wanted)?,
    };
    let engine = Elsewhere::open(&place)?;
    let mark = engine.run(engine.get(&engine.key(MARK))).map_err(|e| place.failed(e))?;
    if mark != place.installation.as_bytes() {
        return Err(Failure::of(&place.url, "belongs to another installation"));
    }
    Ok(Blobs::with_engine(blobs, Arc::new(engine)))
}

impl Place {
    fn failed(&self, error: impl std::fmt::Display) -> Failure {
        Failure::of(&self.url, error)
    }
}

/// Takes a prefix for a data directory that has no blobs yet.
fn claim(blobs: &Path, wanted: Place) -> Result<Place, Failure> {
    let objects = blobs.join("objects");
    let files = |folder: PathBuf| fs::read_dir(folder).map_or(0, |found| found.count());
    let has_blobs = fs::read_dir(&objects)
        .is_ok_and(|found| found.flatten().any(|folder| files(folder.path()) > 0));
    if has_blobs {
        return Err(Failure::of(objects.display(), "has blobs already: --blobs is for new data"));
    }
    let random: &dyn Random = &OsRandom;
    let place = Place { installation: random.hex(16), ..wanted };
    let engine = Elsewhere::open(&place)?;
    let is_taken = engine.run(engine.store.head(&engine.key(MARK)));
    match is_taken {
        Err(object_store::Error::NotFound { .. }) => {}
        Ok(_) => return Err(place.failed("belongs to another installation")),
        Err(error) => return Err(place.failed(error)),
    }
    fs::create_dir_all(blobs).map_err(|e| Failure::of(blobs.display(), e))?;
    // First here: what a crash leaves between the two says what is missing there.
    let path = blobs.join(RECORD);
    let written = fs::File::create(&path).and_then(|mut file| {
        file.write_all(&serde_json::to_vec_pretty(&place)?)?;
        file.sync_all()?;
        fs::File::open(blobs)?.sync_all()
    });
    written.map_err(|e| Failure::of(path.display(), e))?;
    let mark = PutPayload::from(place.installation.clone().into_bytes());
    engine.run(engine.store.put(&engine.key(MARK), mark)).map_err(|e| place.failed(e))?;
    Ok(place)
}

/// The engine.
struct Elsewhere {
    store: Arc<AmazonS3>,
    prefix: String,
    /// Its own: calls of an engine block, from threads that may.
    runtime: Arc<Background>,
}

/// A runtime that may be dropped anywhere.
struct Background(Option<Runtime>);

impl Drop for Background {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Background {
    fn run<T>(&self, work: impl Future<Output = T>) -> T {
        // Present until it is dropped.
        let runtime = self.0.as_ref().expect("a runtime");
        match tokio::runtime::Handle::try_current() {
            // At the start, from the main thread of the server's own runtime.
            Ok(_) => tokio::task::block_in_place(|| runtime.handle().block_on(work)),
            Err(_) => runtime.handle().block_on(work),
        }
    }
}

impl Elsewhere {
    fn open(place: &Place) -> Result<Self, Failure> {
        let rest = place.url.strip_prefix("s3://").unwrap_or_default();
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(place.failed("--blobs is s3://BUCKET or s3://BUCKET/PREFIX"));
        }
        let var =
            |name: &str| env::var(name).map_err(|_| place.failed(format!("{name} is not set")));
        let roots = fetch::system_roots().map_err(|e| place.failed(e))?;
        let trust = Trust::new(Arc::new(roots), Vec::new());
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_region(&place.region)
            .with_access_key_id(var("GUREUM_BLOBS_ACCESS_KEY_ID")?)
            .with_secret_access_key(var("GUREUM_BLOBS_SECRET_ACCESS_KEY")?)
            .with_allow_http(true)
            .with_http_connector(Connector(trust));
        if let Some(endpoint) = &place.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        let store = builder.build().map_err(|e| place.failed(e))?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("blobs")
            .enable_all()
            .build()
            .map_err(|e| place.failed(e))?;
        Ok(Elsewhere {
            store: Arc::new(store),
            prefix: prefix.trim_matches('/').to_owned(),
            runtime: Arc::new(Background(Some(runtime))),
        })
    }

    fn run<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.run(work)
    }

    fn key(&self, name: &str) -> Key {
        Key::from(format!("{}/{name}", self.prefix))
    }

    /// As a folder has them: 256 of them, so that stores that care can spread them.
    fn blob(&self, id: &str) -> Key {
        match id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            true => self.key(&format!("objects/{}/{}", &id[..2], &id[2..])),
            false => self.key("no-such-blob"),
        }
    }

    async fn get(&self, key: &Key) -> object_store::Result<Bytes> {
        self.store.get(key).await?.bytes().await
    }
}

fn failed(error: object_store::Error) -> io::Error {
    match error {
        object_store::Error::NotFound { .. } => io::ErrorKind::NotFound.into(),
        error => io::Error::other(error),
    }
}

impl BlobEngine for Elsewhere {
    fn create(&self, id: &str) -> io::Result<Box<dyn BlobSink>> {
        Ok(Box::new(Sink {
            store: self.store.clone(),
            key: self.blob(id),
            runtime: self.runtime.clone(),
            waiting: Vec::new(),
            upload: None,
        }))
    }

    fn open(&self, id: &str) -> io::Result<Box<dyn BlobFile>> {
        let key = self.blob(id);
        let length = self.run(self.store.head(&key)).map_err(failed)?.size;
        let (store, runtime) = (self.store.clone(), self.runtime.clone());
        Ok(Box::new(Remote { store, key, runtime, length, window: Mutex::default() }))
    }

    fn delete(&self, id: &str) -> io::Result<()> {
        match self.run(self.store.delete(&self.blob(id))) {
            Err(object_store::Error::NotFound { .. }) | Ok(()) => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }

    fn list(&self, visit: &mut dyn FnMut(&str)) -> io::Result<()> {
        for first in 0..=255_u8 {
            let folder = self.key(&format!("objects/{first:02x}"));
            let found = self.run(self.store.list_with_delimiter(Some(&folder))).map_err(failed)?;
            for object in found.objects {
                let rest = object.location.filename().unwrap_or_default();
                visit(&format!("{first:02x}{rest}"));
            }
        }
        Ok(())
    }
}

/// A blob on its way: in memory while it is one part, an upload of several otherwise.
struct Sink {
    store: Arc<AmazonS3>,
    key: Key,
    runtime: Arc<Background>,
    waiting: Vec<u8>,
    upload: Option<Box<dyn MultipartUpload>>,
}

impl Sink {
    fn send(&mut self) -> io::Result<()> {
        let part = PutPayload::from(std::mem::take(&mut self.waiting));
        if self.upload.is_none() {
            let begun = self.runtime.run(self.store.put_multipart(&self.key));
            self.upload = Some(begun.map_err(failed)?);
        }
        let Some(upload) = &mut self.upload else { return Ok(()) };
        let sent = upload.put_part(part);
        self.runtime.run(sent).map_err(failed)
    }
}

impl BlobSink for Sink {
    fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(PART_BYTES - self.waiting.len()));
            self.waiting.extend_from_slice(now);
            bytes = later;
            if self.waiting.len() == PART_BYTES {
                self.send()?;
            }
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        if self.upload.is_none() {
            let payload = PutPayload::from(std::mem::take(&mut self.waiting));
            return self.runtime.run(self.store.put(&self.key, payload)).map(drop).map_err(failed);
        }
        if !self.waiting.is_empty() {
            self.send()?;
        }
        let Some(upload) = &mut self.upload else { return Ok(()) };
        self.runtime.run(upload.complete()).map_err(failed)?;
        self.upload = None;
        Ok(())
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        if let Some(upload) = &mut self.upload {
            // What stays is an upload that nobody completes; the store's own rules remove those.
            let _ = self.runtime.run(upload.abort());
        }
    }
}

/// A blob that is read, a window at a time.
struct Remote {
    store: Arc<AmazonS3>,
    key: Key,
    runtime: Arc<Background>,
    length: u64,
    /// Where it begins, and its bytes.
    window: Mutex<(u64, Bytes)>,
}

impl BlobFile for Remote {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let size = buffer.len() as u64;
        let end = offset.checked_add(size).filter(|end| *end <= self.length);
        let end = end.ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        let (start, bytes) = &*window;
        if offset < *start || end > start + bytes.len() as u64 {
            let range = offset..self.length.min(offset + size.max(WINDOW_BYTES));
            let bytes = self.runtime.run(self.store.get_range(&self.key, range)).map_err(failed)?;
            *window = (offset, bytes);
        }
        let (start, bytes) = &*window;
        let from = usize::try_from(offset - start).map_err(io::Error::other)?;
        let found = bytes.get(from..from + buffer.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        buffer.copy_from_slice(found);
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.length)
    }
}

/// The client's requests by our own HTTP.
#[derive(Clone)]
struct Connector(Trust);

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connector")
    }
}

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Connector {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let ask = Ask {
            method: parts.method,
            uri: parts.uri,
            headers: parts.headers,
            body,
            answer_bytes_max: ANSWER_BYTES_MAX,
        };
        let answer = fetch::fetch(ask, &self.0).await.map_err(|error| {
            let kind = match error {
                fetch::FetchError::Connect(_) => HttpErrorKind::Connect,
                fetch::FetchError::Http(_) => HttpErrorKind::Interrupted,
                _ => HttpErrorKind::Unknown,
            };
            HttpError::new(kind, error)
        })?;
        let mut response = http::Response::new(answer.body.into());
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers;
        Ok(response)
    }
}
