//! Which sandboxes exist: idle ones are reused, new ones started, old ones let go.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use api_lambda::Error;
use bytes::Bytes;
use kernel::Ctx;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::host::Host;
use crate::instance;
use crate::name::Name;
use crate::record::{FunctionKey, FunctionRecord, LATEST};

/// How often a job may move on because its sandbox ended before it was delivered.
const MOVES_MAX: u8 = 3;

/// One invocation on its way.
pub(crate) struct Job {
    pub request_id: String,
    pub payload: Bytes,
    pub arn: String,
    pub client_context: Option<String>,
    /// `X-Amzn-Trace-Id` of whoever calls; without one, one is made.
    pub trace: Option<String>,
    /// Whether the caller wants the end of the log.
    pub tail: bool,
    pub reply: oneshot::Sender<Result<Outcome, Error>>,
    pub moves: u8,
    pub _permit: OwnedSemaphorePermit,
}

/// What a caller gets.
pub(crate) struct Outcome {
    pub payload: Bytes,
    pub failed: bool,
    pub tail: Option<Vec<u8>>,
}

/// Function and version.
type Key = (FunctionKey, String);

/// A sandbox's place in the pool.
#[derive(Clone)]
pub(crate) struct Member {
    key: Key,
    revision: String,
    number: u64,
}

/// The sandboxes of one version, all of one revision.
struct Fleet {
    revision: String,
    /// Numbers of those that wait for work, the latest used last.
    idle: Vec<u64>,
    /// A sandbox whose sender is gone ends when its work is done.
    senders: HashMap<u64, mpsc::Sender<Job>>,
}

/// All sandboxes.
pub(crate) struct Pool {
    host: Arc<Host>,
    room: Arc<Semaphore>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    fleets: HashMap<Key, Fleet>,
    count: u64,
}

impl Pool {
    pub fn new(host: Arc<Host>) -> Arc<Pool> {
        let room = Arc::new(Semaphore::new(host.options.concurrency_max));
        Arc::new(Pool { host, room, state: Mutex::default() })
    }

    /// Room for one more invocation, if the account's limit leaves any.
    pub fn permit(&self) -> Option<OwnedSemaphorePermit> {
        self.room.clone().try_acquire_owned().ok()
    }

    /// Gives the job to an idle sandbox, or to a new one.
    pub fn invoke(self: &Arc<Self>, ctx: &Ctx, function: Arc<FunctionRecord>, mut job: Job) {
        let key = (FunctionRecord::key(ctx, &function.name), function.version.clone());
        let mut state = self.lock();
        let fleet =
            state.fleets.entry(key.clone()).or_insert_with(|| Fleet::new(&function.revision));
        if fleet.revision != function.revision {
            *fleet = Fleet::new(&function.revision);
        }
        while let Some(number) = fleet.idle.pop() {
            let Some(sender) = fleet.senders.get(&number) else { continue };
            match sender.try_send(job) {
                Ok(()) => return,
                Err(
                    mpsc::error::TrySendError::Closed(back) | mpsc::error::TrySendError::Full(back),
                ) => {
                    fleet.senders.remove(&number);
                    job = back;
                }
            }
        }
        let (sender, jobs) = mpsc::channel(1);
        state.count += 1;
        let number = state.count;
        let member = Member { key: key.clone(), revision: function.revision.clone(), number };
        if let Some(fleet) = state.fleets.get_mut(&key) {
            fleet.senders.insert(number, sender);
        }
        drop(state);
        let (pool, host, ctx) = (self.clone(), self.host.clone(), ctx.clone());
        let kernel = ctx.kernel().clone();
        kernel.spawn(instance::run(host, pool, ctx, function, member, jobs, job));
    }

    /// Sends a job that its sandbox could not take to another one.
    pub fn move_on(self: &Arc<Self>, ctx: &Ctx, function: Arc<FunctionRecord>, mut job: Job) {
        job.moves += 1;
        if job.moves > MOVES_MAX {
            let error = crate::errors::service("The sandboxes of this function keep ending.");
            // A caller that has gone needs no answer.
            let _ = job.reply.send(Err(error));
            return;
        }
        self.invoke(ctx, function, job);
    }

    /// The sandbox has answered and can take the next job; false if it is not wanted any more.
    pub fn release(&self, member: &Member) -> bool {
        let mut state = self.lock();
        let Some(fleet) = state.fleet(member) else { return false };
        if !fleet.senders.contains_key(&member.number) {
            return false;
        }
        fleet.idle.push(member.number);
        true
    }

    /// The sandbox ends. False if a job is on its way to it.
    pub fn leave(&self, member: &Member) -> bool {
        let mut state = self.lock();
        let Some(fleet) = state.fleet(member) else { return true };
        let before = fleet.idle.len();
        fleet.idle.retain(|number| *number != member.number);
        let was_idle = fleet.idle.len() < before;
        if was_idle || !fleet.senders.contains_key(&member.number) {
            fleet.senders.remove(&member.number);
            return true;
        }
        false
    }

    /// The sandbox has ended; nothing is sent to it any more.
    pub fn forget(&self, member: &Member) {
        let mut state = self.lock();
        if let Some(fleet) = state.fleet(member) {
            fleet.idle.retain(|number| *number != member.number);
            fleet.senders.remove(&member.number);
        }
    }

    /// Lets go of the sandboxes of `$LATEST`: idle ones end now, busy ones after their work.
    pub fn retire(&self, name: &Name) {
        self.retire_version(name, LATEST);
    }

    /// Lets go of a version's sandboxes.
    pub fn retire_version(&self, name: &Name, version: &str) {
        self.lock().fleets.remove(&(name.key(), version.to_owned()));
    }

    /// Lets go of the sandboxes of all versions.
    pub fn retire_function(&self, name: &Name) {
        let key = name.key();
        self.lock().fleets.retain(|(function, _), _| *function != key);
    }

    /// Lets go of all.
    pub fn retire_all(&self) {
        self.lock().fleets.clear();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl State {
    fn fleet(&mut self, member: &Member) -> Option<&mut Fleet> {
        self.fleets.get_mut(&member.key).filter(|fleet| fleet.revision == member.revision)
    }
}

impl Fleet {
    fn new(revision: &str) -> Fleet {
        Fleet { revision: revision.to_owned(), idle: Vec::new(), senders: HashMap::new() }
    }
}
