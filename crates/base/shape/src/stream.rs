//! Bytes that come one piece after the other: the value of a member that the model calls
//! streaming, such as the body of an S3 object. Nobody need have all of them in memory.

use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};

use crate::{Fault, Mismatch, Scalar, Value, View};

/// Where the pieces of a stream come from. What is checked at the end only (digests, signatures of
/// chunks) has been checked when [`Source::poll_next`] answers `None`, not before: a reader must
/// not let anyone see what it read until then.
pub trait Source: Send {
    /// The next piece, never empty; `None` at the end. After an error there is nothing more.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Fault>>>;

    /// Names of the headers that will come after the last piece, in lower case, if they were
    /// announced before the first.
    fn announced(&self) -> &[String] {
        &[]
    }

    /// Headers that came after the last piece: names in lower case. Complete at the end.
    fn trailers(&mut self) -> Vec<(String, String)> {
        Vec::new()
    }
}

/// Bytes at hand, or a source of them. A clone shares the source, which can be taken once.
#[derive(Clone)]
pub enum ByteStream {
    /// All of them.
    Bytes(Bytes),
    /// A source, until somebody takes it.
    Source(Shared),
}

/// A source that several values share and one reader takes.
#[derive(Clone)]
pub struct Shared {
    length: Option<u64>,
    source: Arc<Mutex<Option<Box<dyn Source>>>>,
}

impl ByteStream {
    /// A stream of a source; `length` in bytes, if it is known.
    pub fn new(source: impl Source + 'static, length: Option<u64>) -> Self {
        let source: Box<dyn Source> = Box::new(source);
        ByteStream::Source(Shared { length, source: Arc::new(Mutex::new(Some(source))) })
    }

    /// How many bytes it has, if that is known.
    pub fn length(&self) -> Option<u64> {
        match self {
            ByteStream::Bytes(bytes) => Some(bytes.len() as u64),
            ByteStream::Source(shared) => shared.length,
        }
    }

    /// The pieces; `None` when somebody else has taken them.
    pub fn take(self) -> Option<Pieces> {
        match self {
            ByteStream::Bytes(bytes) => Some(Pieces(Inner::Bytes(bytes))),
            ByteStream::Source(shared) => {
                let source = shared.source.lock().unwrap_or_else(PoisonError::into_inner).take();
                source.map(|source| Pieces(Inner::Source(source)))
            }
        }
    }

    /// All of it in memory, if it is at most `bytes_max` long.
    pub async fn collect(self, bytes_max: usize) -> Result<Bytes, Fault> {
        let mut pieces =
            self.take().ok_or_else(|| Fault::internal("a stream was read a second time"))?;
        let mut all = BytesMut::new();
        while let Some(piece) = pieces.next().await.transpose()? {
            if all.len() + piece.len() > bytes_max {
                return Err(Fault::sender(
                    "RequestEntityTooLarge",
                    format!("A stream of at most {bytes_max} bytes is accepted here."),
                ));
            }
            all.extend_from_slice(&piece);
        }
        Ok(all.freeze())
    }
}

/// The pieces of a stream, for its one reader.
pub struct Pieces(Inner);

enum Inner {
    Bytes(Bytes),
    Source(Box<dyn Source>),
}

impl Pieces {
    /// The next piece, never empty; `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Bytes, Fault>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// As [`Pieces::next`], for what polls by itself.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Fault>>> {
        match &mut self.0 {
            Inner::Bytes(bytes) if bytes.is_empty() => Poll::Ready(None),
            Inner::Bytes(bytes) => Poll::Ready(Some(Ok(std::mem::take(bytes)))),
            Inner::Source(source) => source.poll_next(cx),
        }
    }

    /// Names of the headers that will come after the last piece.
    pub fn announced(&self) -> &[String] {
        match &self.0 {
            Inner::Bytes(_) => &[],
            Inner::Source(source) => source.announced(),
        }
    }

    /// Headers that came after the last piece.
    pub fn trailers(&mut self) -> Vec<(String, String)> {
        match &mut self.0 {
            Inner::Bytes(_) => Vec::new(),
            Inner::Source(source) => source.trailers(),
        }
    }
}

impl Default for ByteStream {
    fn default() -> Self {
        ByteStream::Bytes(Bytes::new())
    }
}

impl<T: Into<Bytes>> From<T> for ByteStream {
    fn from(bytes: T) -> Self {
        ByteStream::Bytes(bytes.into())
    }
}

impl fmt::Debug for ByteStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.length() {
            Some(length) => write!(f, "ByteStream({length} bytes)"),
            None => f.write_str("ByteStream"),
        }
    }
}

impl Value for ByteStream {
    fn view(&self) -> View<'_> {
        match self {
            ByteStream::Bytes(bytes) => View::Blob(bytes),
            ByteStream::Source(_) => View::Stream(self),
        }
    }

    fn put(&mut self, scalar: Scalar<'_>) -> Result<(), Mismatch> {
        *self = match scalar {
            Scalar::Blob(bytes) => ByteStream::Bytes(bytes),
            Scalar::Stream(stream) => stream,
            _ => return Err(Mismatch::Kind),
        };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Waker;

    struct Countdown(u8);

    impl Source for Countdown {
        fn poll_next(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Fault>>> {
            let piece = self.0.checked_sub(1).map(|left| {
                self.0 = left;
                Ok(Bytes::from(vec![left; 3]))
            });
            Poll::Ready(piece)
        }
    }

    fn ready<T>(future: impl Future<Output = T>) -> T {
        match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => value,
            Poll::Pending => panic!("nothing here waits"),
        }
    }

    #[test]
    fn a_stream_is_read_once_whoever_holds_it() {
        let stream = ByteStream::new(Countdown(3), Some(9));
        assert_eq!(stream.length(), Some(9));
        assert_eq!(ready(stream.clone().collect(9)).unwrap(), [2, 2, 2, 1, 1, 1, 0, 0, 0][..]);
        assert!(stream.clone().take().is_none());
        assert_eq!(ready(stream.collect(9)).unwrap_err().code, "InternalServerError");
    }

    #[test]
    fn collecting_has_a_limit() {
        let fault = ready(ByteStream::new(Countdown(3), None).collect(8)).unwrap_err();
        assert_eq!(fault.code, "RequestEntityTooLarge");
        assert_eq!(ready(ByteStream::from("abc").collect(3)).unwrap(), "abc");
        assert_eq!(ready(ByteStream::default().collect(0)).unwrap(), "");
    }
}
