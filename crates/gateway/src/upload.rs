//! Bodies that are handed to an operation as they arrive.
//!
//! An [`Upload`] checks on the way what can be checked piece by piece (signatures of chunks, the
//! length) and at its end what only the whole shows (the payload's SHA-256). It takes a fixed
//! amount of memory, and gives the connection's body back when it is dropped, so that what is left
//! of it can be drained.

use crate::answer::{auth_fault, body_fault, chunk_fault};
use crate::http::{BodyError, Budget, Limits, Room, Stall};
use crate::sigv4::{AuthError, ChunkDecoder, Payload, Trailers, Verified, hex};
use bytes::Bytes;
use http::request::Parts;
use hyper::body::{Body as _, Incoming};
use sha2::{Digest as _, Sha256};
use shape::{ByteStream, Fault, Model, Source};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

/// A connection's body while it may be lent to an operation.
#[derive(Clone, Default)]
pub(crate) struct Lent(Arc<Mutex<Returned>>);

#[derive(Default)]
struct Returned {
    body: Option<Incoming>,
    /// Some of it was asked for: a client that waited for `100 Continue` is sending now.
    began: bool,
    stalled: bool,
}

impl Lent {
    /// The body, once it is back: with whether it had been begun, and whether its sender stalled.
    pub fn reclaim(&self) -> (Option<Incoming>, bool, bool) {
        let mut returned = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (returned.body.take(), returned.began, returned.stalled)
    }
}

/// What has to hold of the bytes.
enum Check {
    Nothing,
    Sha256(Box<Sha256>, String),
    Chunked(Option<Box<ChunkDecoder>>),
}

/// What an upload is made of.
pub(crate) struct Terms<'a> {
    pub model: &'static Model,
    pub operation: &'a str,
    pub parts: &'a Parts,
    /// What the signature says of the body, with the proof its chunks continue from.
    pub signed: Option<(&'a Payload, Verified)>,
    /// Bytes.
    pub bytes_max: u64,
    pub limits: &'a Limits,
    pub budget: &'a Budget,
}

struct Upload {
    model: &'static Model,
    operation: String,
    body: Option<Incoming>,
    lent: Lent,
    stall: Stall,
    check: Check,
    received: u64,
    bytes_max: u64,
    announced: Vec<String>,
    trailers: Trailers,
    ended: bool,
    _room: Room,
}

/// Why a body cannot be lent, and the body, which has still to be read away.
pub(crate) type Refused = Box<(Fault, Incoming)>;

/// Makes a stream of a request's body.
pub(crate) fn stream(terms: Terms<'_>, body: Incoming, lent: &Lent) -> Result<ByteStream, Refused> {
    let prepared = prepare(&terms, &body).and_then(|(check, length)| {
        let fault = |error| body_fault(Some(terms.model), terms.operation, error);
        Ok((check, length, terms.budget.room().map_err(fault)?))
    });
    let (check, length, room) = match prepared {
        Ok(prepared) => prepared,
        Err(fault) => return Err(Box::new((fault, body))),
    };
    let upload = Upload {
        model: terms.model,
        operation: terms.operation.to_owned(),
        body: Some(body),
        lent: lent.clone(),
        stall: Stall::new(terms.limits.body_idle_ms),
        check,
        received: 0,
        bytes_max: terms.bytes_max,
        announced: announced(terms.parts),
        trailers: Vec::new(),
        ended: false,
        _room: room,
    };
    Ok(ByteStream::new(upload, Some(length)))
}

/// The checks a body needs, and its length, which must be known before it comes.
fn prepare(terms: &Terms<'_>, body: &Incoming) -> Result<(Check, u64), Fault> {
    let missing = || {
        let text = "You must provide the Content-Length HTTP header.";
        Fault::new("MissingContentLength", 411, text)
    };
    let (check, length) = match &terms.signed {
        Some((Payload::Streaming { signed, trailer, .. }, proof)) => {
            let length = terms.parts.headers.get("x-amz-decoded-content-length");
            let length = length.ok_or_else(missing)?.to_str().ok().and_then(|n| n.parse().ok());
            let length: u64 = length.ok_or_else(|| {
                let text = "x-amz-decoded-content-length must be a number.";
                Fault::sender("InvalidArgument", text)
            })?;
            let proof = signed.then(|| proof.clone());
            let decoder = ChunkDecoder::new(proof, *trailer, Some(length), terms.bytes_max);
            (Check::Chunked(Some(Box::new(decoder))), length)
        }
        signed => {
            let length = body.size_hint().exact().ok_or_else(missing)?;
            match signed {
                Some((Payload::Sha256(digest), _)) => {
                    (Check::Sha256(Box::default(), digest.clone()), length)
                }
                _ => (Check::Nothing, length),
            }
        }
    };
    match length <= terms.bytes_max {
        true => Ok((check, length)),
        false => Err(body_fault(
            Some(terms.model),
            terms.operation,
            BodyError::TooLarge(terms.bytes_max),
        )
        .with("ProposedSize", length.to_string())
        .with("MaxSizeAllowed", terms.bytes_max.to_string())),
    }
}

/// The headers that `x-amz-trailer` says will follow the body.
fn announced(parts: &Parts) -> Vec<String> {
    let values = parts.headers.get_all("x-amz-trailer").into_iter();
    let names = values.filter_map(|value| value.to_str().ok()).flat_map(|text| text.split(','));
    names.map(|name| name.trim().to_ascii_lowercase()).collect()
}

impl Upload {
    fn fault(&self, error: BodyError) -> Fault {
        body_fault(Some(self.model), &self.operation, error)
    }

    /// A piece as it came; nothing if it held only what frames other pieces.
    fn piece(&mut self, data: Bytes) -> Result<Option<Bytes>, Fault> {
        self.received += data.len() as u64;
        match &mut self.check {
            // Chunks have their own count.
            Check::Chunked(decoder) => {
                let mut out = Vec::with_capacity(data.len());
                if let Some(decoder) = decoder {
                    decoder.push(&data, &mut out).map_err(chunk_fault)?;
                }
                return Ok(Some(Bytes::from(out)).filter(|out| !out.is_empty()));
            }
            Check::Sha256(hash, _) => hash.update(&data),
            Check::Nothing => {}
        }
        match self.received <= self.bytes_max {
            true => Ok(Some(data).filter(|data| !data.is_empty())),
            false => Err(self.fault(BodyError::TooLarge(self.bytes_max))),
        }
    }

    fn end(&mut self) -> Result<(), Fault> {
        match &mut self.check {
            Check::Nothing => {}
            Check::Sha256(hash, expected) => {
                if hex(&hash.finalize_reset()) != *expected {
                    return Err(auth_fault(self.model, &AuthError::BodyMismatch));
                }
            }
            Check::Chunked(decoder) => {
                if let Some(decoder) = decoder.take() {
                    self.trailers = decoder.finish().map_err(chunk_fault)?;
                }
            }
        }
        Ok(())
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Fault>> {
        loop {
            let Some(body) = &mut self.body else { return Poll::Ready(Ok(None)) };
            let frame = Pin::new(body).poll_frame(cx);
            if self.stall.watch(&frame, cx) {
                self.lent.0.lock().unwrap_or_else(PoisonError::into_inner).stalled = true;
                return Poll::Ready(Err(self.fault(BodyError::Timeout)));
            }
            match ready!(frame) {
                None => return Poll::Ready(self.end().map(|()| None)),
                Some(Err(_)) => return Poll::Ready(Err(self.fault(BodyError::Incomplete))),
                Some(Ok(frame)) => {
                    // HTTP trailers carry nothing that S3 reads.
                    let Ok(data) = frame.into_data() else { continue };
                    if let Some(piece) = self.piece(data)? {
                        return Poll::Ready(Ok(Some(piece)));
                    }
                }
            }
        }
    }
}

impl Source for Upload {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Fault>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        if self.received == 0 {
            self.lent.0.lock().unwrap_or_else(PoisonError::into_inner).began = true;
        }
        let piece = ready!(self.poll_piece(cx)).transpose();
        self.ended = !matches!(piece, Some(Ok(_)));
        Poll::Ready(piece)
    }

    fn announced(&self) -> &[String] {
        &self.announced
    }

    fn trailers(&mut self) -> Trailers {
        std::mem::take(&mut self.trailers)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let mut returned = self.lent.0.lock().unwrap_or_else(PoisonError::into_inner);
        returned.body = self.body.take();
    }
}
