//! Answers whose bytes come as they are sent: the client's reading sets the pace.

use crate::http::{Broken, Reply};
use bytes::Bytes;
use http::Response;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, SizeHint};
use kernel::{Kernel, Level};
use shape::{ByteStream, Pieces, Struct, View};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

struct Download {
    pieces: Pieces,
    /// Bytes still to come, if that is known.
    left: Option<u64>,
    kernel: Kernel,
    request_id: String,
}

/// The answer with the stream of `output` as its body, if it has one.
pub(crate) fn with_stream(
    response: Response<Bytes>,
    output: &dyn Struct,
    kernel: &Kernel,
    request_id: &str,
) -> Reply {
    let stream = output.shape().streamed().and_then(|index| match output.field(index) {
        View::Stream(stream) => Some(stream.clone()),
        _ => None,
    });
    let Some(stream) = stream else { return response.map(crate::http::full) };
    self::stream(response.map(|_| stream), kernel, request_id)
}

/// A response whose body is a stream.
pub(crate) fn stream(response: Response<ByteStream>, kernel: &Kernel, request_id: &str) -> Reply {
    response.map(|stream| {
        if let ByteStream::Bytes(bytes) = stream {
            return crate::http::full(bytes);
        }
        let left = stream.length();
        let Some(pieces) = stream.take() else { return crate::http::full(Bytes::new()) };
        Download { pieces, left, kernel: kernel.clone(), request_id: request_id.to_owned() }
            .boxed_unsync()
    })
}

impl Body for Download {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let piece = match ready!(self.pieces.poll_next(cx)) {
            None => return Poll::Ready(None),
            Some(Ok(piece)) => piece,
            Some(Err(fault)) => {
                // The status is long sent: all that is left is to end the connection early.
                let line = format_args!("{} answer broken off: {fault:?}", self.request_id);
                self.kernel.log(Level::Error, line);
                return Poll::Ready(Some(Err(Broken)));
            }
        };
        if let Some(left) = &mut self.left {
            *left = left.saturating_sub(piece.len() as u64);
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
