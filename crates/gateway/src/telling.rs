//! Doors that want to hear of what their service was asked, once it is answered: for access logs.

use crate::bucket;
use crate::gateway::{Arrival, Gateway, Noted};
use crate::http::{Broken, Reply, ReplyBody};
use crate::origin::origin;
use crate::sigv4;
use crate::visit::website;
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, SizeHint};
use kernel::{Answered, Door, Kernel, Told};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

impl Gateway {
    /// The answer; if somebody listens, one that tells of itself at its end. `began` is when the
    /// request came.
    pub(crate) fn telling(
        &self,
        arrival: &Arrival,
        noted: &Noted,
        began: Duration,
        reply: Reply,
    ) -> Reply {
        let Some(door) = noted.service.and_then(|name| self.kernel.door(name)) else {
            return reply;
        };
        let uri = &arrival.parts.uri;
        let site = website(&arrival.host).map(|name| bucket::path(&name, uri.path()));
        let path = site.as_deref().or(arrival.path.as_deref()).unwrap_or(uri.path());
        let Some((name, _)) = bucket::of_path(path) else { return reply };
        if !door.listens(&self.kernel, name, &arrival.parts.headers) {
            return reply;
        }
        let clock = self.kernel.clock();
        let until_answer = clock.elapsed().saturating_sub(began);
        let since_ms = i64::try_from(until_answer.as_millis()).unwrap_or(0);
        let claim = sigv4::read(&arrival.parts).ok().flatten();
        let told = Told {
            name: name.to_owned(),
            path: path.to_owned(),
            kind: noted.kind,
            operation: noted.operation,
            principal: noted.principal.clone(),
            origin: origin(&arrival.parts, arrival.peer, claim.as_ref()),
            method: arrival.parts.method.clone(),
            uri: uri.clone(),
            version: arrival.parts.version,
            headers: arrival.parts.headers.clone(),
            request_id: arrival.request_id.clone(),
            status: reply.status(),
            answer: reply.headers().clone(),
            answered: reply.extensions().get::<Answered>().cloned().unwrap_or_default(),
            sent_bytes: 0,
            came: shape::Timestamp::from_ms(clock.now().epoch_ms - since_ms),
            until_answer,
            until_end: until_answer,
        };
        let told = Some(Box::new(told));
        let (kernel, door) = (self.kernel.clone(), door.clone());
        reply.map(|body| Telling { body, sent_bytes: 0, told, began, kernel, door }.boxed_unsync())
    }
}

/// A body that counts what is sent of it.
struct Telling {
    body: ReplyBody,
    sent_bytes: u64,
    told: Option<Box<Told>>,
    began: Duration,
    kernel: Kernel,
    door: Arc<dyn Door>,
}

impl Body for Telling {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let Some(Ok(frame)) = &frame {
            self.sent_bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        if let Some(mut told) = self.told.take() {
            told.sent_bytes = self.sent_bytes;
            told.until_end = self.kernel.clock().elapsed().saturating_sub(self.began);
            self.door.told(&self.kernel, *told);
        }
    }
}
