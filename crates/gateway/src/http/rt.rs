//! The few timers of the HTTP layer.
//!
//! They guard against clients that stall, and decide nothing a replay would have to repeat: so
//! they run on the runtime's own clock, and only here.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Sleep;

/// Runs `work` for at most so long; `None` if that was not enough.
///
/// Most of what is waited for is there at the second look (a body's bytes have arrived and only
/// have to be handed over), so only then a timer is set.
pub async fn within<T>(limit_ms: u64, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    let mut looked = false;
    let soon = poll_fn(|cx| match work.as_mut().poll(cx) {
        Poll::Ready(done) => Poll::Ready(Some(done)),
        Poll::Pending if looked => Poll::Ready(None),
        Poll::Pending => {
            looked = true;
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    });
    match soon.await {
        Some(done) => Some(done),
        None => tokio::time::timeout(Duration::from_millis(limit_ms), work).await.ok(),
    }
}

/// Waits.
pub async fn pause(time_ms: u64) {
    sleep(time_ms).await;
}

#[expect(clippy::disallowed_methods, reason = "guards a socket; see the head of this file")]
fn sleep(time_ms: u64) -> Sleep {
    tokio::time::sleep(Duration::from_millis(time_ms))
}

/// A watchdog that runs only while something is stuck.
pub struct Stall {
    limit_ms: u64,
    running: Option<Pin<Box<Sleep>>>,
}

impl Stall {
    /// A watchdog that barks after `limit_ms` of being stuck.
    pub fn new(limit_ms: u64) -> Self {
        Self { limit_ms, running: None }
    }

    /// Called with each outcome: being stuck starts the clock, anything else stops it. True once
    /// it has been stuck for too long.
    pub fn watch<T>(&mut self, outcome: &Poll<T>, cx: &mut Context<'_>) -> bool {
        if outcome.is_ready() {
            self.running = None;
            return false;
        }
        let limit_ms = self.limit_ms;
        let timer = self.running.get_or_insert_with(|| Box::pin(sleep(limit_ms)));
        timer.as_mut().poll(cx).is_ready()
    }
}
