//! Work that ends once it has begun.

use kernel::{BoxFuture, Kernel, boxed};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

/// A future that goes on by itself if whoever waits for it goes away; as long as somebody waits, it
/// costs no task of its own.
pub(crate) struct Persistent<T: Send + 'static> {
    kernel: Kernel,
    /// Nothing once it has ended.
    work: Option<BoxFuture<'static, T>>,
}

/// The work panicked; its end is unknown.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Panicked;

impl<T: Send + 'static> Persistent<T> {
    #[inline]
    pub fn new<F>(kernel: &Kernel, work: impl FnOnce() -> F) -> Self
    where
        F: Future<Output = T> + Send + 'static,
    {
        Self { kernel: kernel.clone(), work: Some(boxed(work)) }
    }
}

impl<T: Send + 'static> Future for Persistent<T> {
    type Output = Result<T, Panicked>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(work) = &mut self.work else { return Poll::Ready(Err(Panicked)) };
        let outcome = match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(outcome)) => Ok(outcome),
            Err(_) => Err(Panicked),
        };
        self.work = None;
        Poll::Ready(outcome)
    }
}

impl<T: Send + 'static> Drop for Persistent<T> {
    fn drop(&mut self) {
        // Without a runtime, the process is about to end.
        if let Some(work) = self.work.take()
            && tokio::runtime::Handle::try_current().is_ok()
        {
            self.kernel.spawn(async move { drop(work.await) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::Config;
    use std::sync::Arc;
    use tokio::sync::Notify;

    #[tokio::test]
    async fn it_ends_though_nobody_waits() {
        let kernel = Kernel::new(Config::memory());
        let (go, done) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let work = {
            let (go, done) = (go.clone(), done.clone());
            || async move {
                go.notified().await;
                done.notify_one();
            }
        };
        let mut waiting = Box::pin(Persistent::new(&kernel, work));
        let polled = std::future::poll_fn(|cx| Poll::Ready(waiting.as_mut().poll(cx))).await;
        assert_eq!(polled, Poll::Pending);
        drop(waiting);
        go.notify_one();
        done.notified().await;
        assert!(kernel.stop(std::time::Duration::from_secs(10)).await);
    }

    #[tokio::test]
    async fn a_panic_is_an_outcome() {
        let kernel = Kernel::new(Config::memory());
        let work = || async { assert!(std::hint::black_box(false), "this test panics") };
        assert_eq!(Persistent::new(&kernel, work).await, Err(Panicked));
        assert_eq!(Persistent::new(&kernel, || async { 7 }).await, Ok(7));
    }
}
