//! Waiting in the background.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use kernel::Kernel;

/// Waits for so long, or until the kernel stops.
pub(crate) async fn pause(kernel: &Kernel, time: Duration) {
    let mut stopping = pin!(kernel.stopping());
    let mut pause = pin!(kernel.clock().sleep(time));
    poll_fn(|context| {
        let stopped = stopping.as_mut().poll(context).is_ready();
        if stopped || pause.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        Poll::Pending
    })
    .await;
}
