//! The one way into a function: `Invoke`, events, URLs and the command line all come through here.

use api_lambda::Error;
use bytes::Bytes;
use kernel::Ctx;
use tokio::sync::oneshot;

use crate::errors::{conflict, service, too_many_requests};
use crate::metrics::{Metric, Subject};
use crate::pool::Job;
pub(crate) use crate::pool::Outcome;
use crate::resolve::Resolved;
use crate::{Lambda, snapstart};

/// 6 MB: the largest event of an invocation that somebody waits for.
pub(crate) const REQUEST_BYTES_MAX: usize = 6_291_456;

/// What a function is to be given.
pub(crate) struct Request {
    /// The event: JSON text.
    pub payload: Bytes,
    /// The client context: JSON text without line ends.
    pub client_context: Option<String>,
    /// Whether the end of the log is wanted.
    pub tail: bool,
    /// Whether an answer is taken piece by piece, if it comes so: see [`Outcome::stream`].
    pub streams: bool,
    /// `X-Amzn-Trace-Id` of whoever calls.
    pub trace: Option<String>,
    /// The id that the function and its log see.
    pub request_id: String,
}

impl Request {
    /// An event that nobody gave an id.
    pub fn new(ctx: &Ctx, payload: Bytes) -> Request {
        let (client_context, trace) = (None, None);
        let request_id = ctx.random().uuid();
        Request { payload, client_context, tail: false, streams: false, trace, request_id }
    }
}

/// Runs a function with one event and waits for its end. An error is one of Lambda's own (it is
/// pending, there is no room); what goes wrong in the function is in the outcome.
pub(crate) async fn run(
    api: &Lambda,
    ctx: &Ctx,
    target: &Resolved,
    request: Request,
) -> Result<Outcome, Error> {
    if target.version.snaps() {
        snapstart::used(api, ctx, target).await?;
    } else if !target.version.active {
        return Err(conflict(
            "The operation cannot be performed at this time. The function is currently in the \
             following state: Pending",
        ));
    }
    let room = api.concurrency.enter(ctx, target);
    let room = room.and_then(|room| Ok((api.pool.permit().ok_or_else(too_many_requests)?, room)));
    let room = room.inspect_err(|_| {
        let subject = Subject::of(&target.name, Some(&target.version.version));
        api.host.metrics.note(ctx, subject, &[(Metric::THROTTLES, 1.0)]);
    })?;
    let (reply, answer) = oneshot::channel();
    let job = Job {
        request_id: request.request_id,
        payload: request.payload,
        arn: target.arn(),
        client_context: request.client_context,
        trace: request.trace,
        tail: request.tail,
        streams: request.streams,
        reply: Some(reply),
        moves: 0,
        permit: room,
    };
    api.pool.invoke(&target.owner(ctx), target.version.clone(), job);
    // The sandbox's task answers always, unless the server is being torn down.
    answer.await.map_err(|_| service("The server is stopping."))?
}
