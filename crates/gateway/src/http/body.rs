//! Reading bodies: bounded in size, in time, and in memory over all requests.

use super::limits::Limits;
use super::rt::within;
use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use std::fmt;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

const STEP_BYTES: usize = 64 * 1024;

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// Longer than this many bytes.
    TooLarge(u64),
    /// It ended too early, or its chunks are malformed.
    Incomplete,
    /// It did not arrive in time.
    Timeout,
    /// Too many bodies are being read at once.
    Busy,
    /// It is not compressed as its `Content-Encoding` says.
    Encoding,
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge(max) => write!(f, "Request must be smaller than {max} bytes"),
            Self::Incomplete => f.write_str("The request body terminated unexpectedly"),
            Self::Timeout => f.write_str(
                "Your socket connection to the server was not read from or written to within the \
                 timeout period. Idle connections will be closed.",
            ),
            Self::Busy => f.write_str("Please reduce your request rate."),
            Self::Encoding => {
                f.write_str("The request body is not encoded as its Content-Encoding says")
            }
        }
    }
}

impl std::error::Error for BodyError {}

/// The memory bodies may take over all requests, in steps of 64 KiB.
#[derive(Clone)]
pub struct Budget(Arc<Semaphore>);

impl Budget {
    /// A budget of so many bytes.
    pub fn new(bytes_max: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes_max.div_ceil(STEP_BYTES))))
    }

    /// Room for one body that is not kept, only passed on.
    pub fn room(&self) -> Result<Room, BodyError> {
        self.step().map(Room)
    }

    /// Makes `room` enough for so many bytes.
    pub(super) fn reach(&self, room: &mut Option<Held>, bytes: usize) -> Result<(), BodyError> {
        while room.as_ref().map_or(0, |room| room.num_permits() * STEP_BYTES) < bytes {
            let step = self.step()?;
            match room {
                Some(room) => room.merge(step),
                None => *room = Some(step),
            }
        }
        Ok(())
    }

    /// Room for one more step, or `Busy`.
    fn step(&self) -> Result<OwnedSemaphorePermit, BodyError> {
        self.0.clone().try_acquire_owned().map_err(|_| BodyError::Busy)
    }
}

/// Steps of the budget.
pub(super) type Held = OwnedSemaphorePermit;

/// A part of the budget, until it is dropped.
pub struct Room(#[expect(dead_code, reason = "held for its drop")] OwnedSemaphorePermit);

/// A body in memory, and the budget it takes until it is dropped.
#[derive(Default)]
pub struct ReadBody {
    /// The bytes.
    pub bytes: Bytes,
    _room: Option<OwnedSemaphorePermit>,
}

impl ReadBody {
    /// Bytes, and what they take of the budget.
    pub(super) fn new(bytes: Bytes, room: Option<Held>) -> ReadBody {
        ReadBody { bytes, _room: room }
    }
}

/// Reads a whole body of at most `bytes_max`.
pub async fn read_body(
    body: &mut Incoming,
    bytes_max: u64,
    limits: &Limits,
    budget: &Budget,
) -> Result<ReadBody, BodyError> {
    if body.size_hint().lower() > bytes_max {
        return Err(BodyError::TooLarge(bytes_max));
    }
    match within(limits.body_ms, collect(body, bytes_max, limits, budget)).await {
        Some(result) => result,
        None => Err(BodyError::Timeout),
    }
}

async fn collect(
    body: &mut Incoming,
    bytes_max: u64,
    limits: &Limits,
    budget: &Budget,
) -> Result<ReadBody, BodyError> {
    let mut room = None;
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    while !body.is_end_stream() {
        let frame = within(limits.body_idle_ms, body.frame()).await.ok_or(BodyError::Timeout)?;
        let Some(frame) = frame else { break };
        // HTTP trailers carry nothing any of our protocols reads.
        let Ok(data) = frame.map_err(|_| BodyError::Incomplete)?.into_data() else { continue };
        let total = first.len() + all.len() + data.len();
        if total as u64 > bytes_max {
            return Err(BodyError::TooLarge(bytes_max));
        }
        budget.reach(&mut room, total)?;
        // Most bodies are one piece, which is then not copied.
        if total == data.len() {
            first = data;
            continue;
        }
        if all.is_empty() {
            all.extend_from_slice(&std::mem::take(&mut first));
        }
        all.extend_from_slice(&data);
    }
    let bytes = if all.is_empty() { first } else { all.freeze() };
    Ok(ReadBody::new(bytes, room))
}

/// Reads and forgets what is left of a body that was refused. Its sender would otherwise find the
/// connection reset while it still writes, and never see the refusal.
pub async fn drain(body: &mut Incoming, limits: &Limits) {
    let reading = async {
        let mut left = limits.drain_bytes_max;
        while let Some(Ok(frame)) = body.frame().await {
            let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
            match left.checked_sub(bytes) {
                Some(rest) => left = rest,
                None => return,
            }
        }
    };
    let _ = within(limits.body_idle_ms, reading).await;
}
