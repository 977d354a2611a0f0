//! Answers of URLs that come piece by piece. A function that sets a status or headers sends them
//! first, as JSON with eight zero bytes after it.

use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use kernel::Fault;
use serde_json::Value;
use shape::{ByteStream, Source};
use tokio::sync::mpsc;

use crate::pool::Streamed;
use crate::runtime_api::Piece;
use crate::url_event::{failed, head, plain};

/// The content type of an answer that begins with its head.
const WITH_HEAD: &str = "application/vnd.awslambda.http-integration-response";
const DELIMITER: [u8; 8] = [0; 8];
/// A longer head is none.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// The response to a streamed answer.
pub(crate) async fn response(streamed: Streamed) -> Response<ByteStream> {
    let Streamed { content_type, mut pieces } = streamed;
    if content_type.as_deref() != Some(WITH_HEAD) {
        let mut response = plain(StatusCode::OK, Bytes::new());
        let kind = content_type.and_then(|kind| HeaderValue::from_str(&kind).ok());
        let kind = kind.unwrap_or(HeaderValue::from_static("application/octet-stream"));
        response.headers_mut().insert(CONTENT_TYPE, kind);
        return response.map(|_| body(Bytes::new(), pieces));
    }
    let mut begun = BytesMut::new();
    loop {
        if let Some(at) = begun.windows(DELIMITER.len()).position(|eight| eight == DELIMITER) {
            let text = begun.split_to(at);
            let rest = begun.split_off(DELIMITER.len()).freeze();
            let Ok(Value::Object(described)) = serde_json::from_slice(&text) else {
                return failed();
            };
            return match head(&described, StatusCode::OK) {
                Some(response) => response.map(|_| body(rest, pieces)),
                None => failed(),
            };
        }
        match pieces.recv().await {
            Some(Piece::Data(data)) if begun.len() <= HEAD_BYTES_MAX => {
                begun.extend_from_slice(&data);
            }
            _ => return failed(),
        }
    }
}

fn body(first: Bytes, pieces: mpsc::Receiver<Piece>) -> ByteStream {
    let first = (!first.is_empty()).then_some(first);
    ByteStream::new(Body { first, pieces: Some(pieces) }, None)
}

struct Body {
    first: Option<Bytes>,
    pieces: Option<mpsc::Receiver<Piece>>,
}

impl Source for Body {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Fault>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        let Some(pieces) = &mut self.pieces else { return Poll::Ready(None) };
        let next = ready!(pieces.poll_recv(cx));
        Poll::Ready(match next {
            Some(Piece::Data(data)) => Some(Ok(data)),
            Some(Piece::End { error: None, .. }) => {
                self.pieces = None;
                None
            }
            // The status is sent already: all that is left is to break off.
            Some(Piece::End { error: Some(broken), .. }) => {
                self.pieces = None;
                Some(Err(Fault::internal(broken.error_type)))
            }
            None => {
                self.pieces = None;
                Some(Err(Fault::internal("the sandbox has ended")))
            }
        })
    }
}
