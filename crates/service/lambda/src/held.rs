//! Sandboxes that are initialised and wait at `restore/next`: where memory cannot be kept as a
//! snapshot, they stand for one. The next invocation that needs a sandbox takes one over.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use kernel::Ctx;
use tokio::sync::{mpsc, oneshot};

use crate::journal::Journal;
use crate::record::FunctionKey;
use crate::running::{Happened, Running, out_of_turn};

/// So many wait at most, of all versions together; the oldest ends.
const HELD_MAX: usize = 8;

/// Function and version.
pub(crate) type Key = (FunctionKey, String);
/// A sandbox that waits, and its journal.
pub(crate) type Waiting = (Running, Journal);

/// All that wait.
#[derive(Default)]
pub(crate) struct Held {
    all: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    count: u64,
    waiting: VecDeque<One>,
}

struct One {
    number: u64,
    key: Key,
    revision: String,
    asks: mpsc::Sender<oneshot::Sender<Waiting>>,
}

impl Held {
    /// Keeps a sandbox until somebody takes it, it ends, or others need its place.
    pub fn keep(&self, ctx: &Ctx, key: Key, revision: &str, waiting: Waiting) {
        let (asks, wanted) = mpsc::channel(1);
        let mut state = lock(&self.all);
        state.count += 1;
        let number = state.count;
        state.waiting.push_back(One { number, key, revision: revision.to_owned(), asks });
        while state.waiting.len() > HELD_MAX {
            // Without a sender it ends.
            state.waiting.pop_front();
        }
        drop(state);
        let all = self.all.clone();
        let ctx = ctx.clone();
        let kernel = ctx.kernel().clone();
        kernel.spawn(async move {
            hold(&ctx, waiting, wanted).await;
            lock(&all).waiting.retain(|one| one.number != number);
        });
    }

    /// Takes one of that version.
    pub async fn take(&self, key: &Key, revision: &str) -> Option<Waiting> {
        loop {
            let asks = {
                let mut state = lock(&self.all);
                let fits = |one: &One| one.key == *key && one.revision == revision;
                let at = state.waiting.iter().position(fits)?;
                state.waiting.remove(at)?.asks
            };
            let (reply, waiting) = oneshot::channel();
            if asks.send(reply).await.is_ok()
                && let Ok(waiting) = waiting.await
            {
                return Some(waiting);
            }
        }
    }

    /// Ends those that fit.
    pub fn forget(&self, fits: impl Fn(&Key) -> bool) {
        lock(&self.all).waiting.retain(|one| !fits(&one.key));
    }
}

/// Serves a sandbox that waits. Its end, and everybody's, is noticed.
async fn hold(
    ctx: &Ctx,
    (mut running, mut journal): Waiting,
    mut wanted: mpsc::Receiver<oneshot::Sender<Waiting>>,
) {
    let stopping = ctx.kernel().stopping();
    tokio::pin!(stopping);
    loop {
        tokio::select! {
            () = &mut stopping => break,
            reply = wanted.recv() => {
                let Some(reply) = reply else { break };
                match reply.send((running, journal)) {
                    Ok(()) => return,
                    Err(back) => (running, journal) = back,
                }
            }
            happened = running.next(ctx, &mut journal) => match happened {
                Happened::Exited(_) | Happened::Failed(_) => break,
                Happened::Extension => {}
                Happened::Called(call) => out_of_turn(call),
            },
        }
    }
    running.shut_down(ctx, &mut journal, "spindown").await;
    running.drain(&mut journal).await;
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
