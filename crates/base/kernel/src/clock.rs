//! Time as a parameter (after TigerBeetle's `time.zig`).

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use shape::Timestamp;
use tokio::sync::watch;

use crate::BoxFuture;

/// Where time comes from.
pub trait Clock: Send + Sync {
    /// The wall clock.
    fn now(&self) -> Timestamp;
    /// A clock that never goes back, for measuring; its zero means nothing.
    fn elapsed(&self) -> Duration;
    /// Completes after `duration` of this clock's time.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;
}

/// The machine's clock.
pub struct SystemClock {
    start: std::time::Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        #[expect(clippy::disallowed_methods, reason = "this is the one place")]
        SystemClock { start: std::time::Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "this is the one place")]
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Timestamp::from_ms(since.map_or(0, |d| d.as_millis() as i64))
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        #[expect(clippy::disallowed_methods, reason = "this is the one place")]
        Box::pin(tokio::time::sleep(duration))
    }
}

/// A clock that stands still until it is moved.
pub struct ManualClock {
    start_ms: i64,
    now_ms: Arc<AtomicI64>,
    moved: watch::Sender<i64>,
}

impl ManualClock {
    /// A clock that shows `epoch_ms`.
    pub fn at(epoch_ms: i64) -> Self {
        let now_ms = Arc::new(AtomicI64::new(epoch_ms));
        ManualClock { start_ms: epoch_ms, now_ms, moved: watch::channel(epoch_ms).0 }
    }

    /// Moves the clock and wakes who waited for that.
    pub fn advance(&self, duration: Duration) {
        let step = duration.as_millis() as i64;
        let now = self.now_ms.fetch_add(step, Ordering::SeqCst) + step;
        self.moved.send_replace(now);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_ms(self.now_ms.load(Ordering::SeqCst))
    }

    fn elapsed(&self) -> Duration {
        let passed = self.now_ms.load(Ordering::SeqCst) - self.start_ms;
        Duration::from_millis(passed.max(0) as u64)
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let until = self.now_ms.load(Ordering::SeqCst) + duration.as_millis() as i64;
        let mut moved = self.moved.subscribe();
        Box::pin(async move {
            // An error means that the clock is gone: nobody can wait for it any more.
            let _ = moved.wait_for(|now| *now >= until).await;
        })
    }
}
