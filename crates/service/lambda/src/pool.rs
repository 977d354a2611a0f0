//! Which sandboxes exist: idle ones are reused, new ones started, old ones let go.
//!
//! A version has a *fleet*. Provisioned sandboxes are pinned: they stay without work, and are used
//! first. One more may be made in advance of a version's first invocation. All idle ones together
//! may use so much memory; beyond that, the longest unused ends.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard};

use api_lambda::Error;
use bytes::Bytes;
use kernel::Ctx;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::concurrency::Permit;
use crate::host::Host;
use crate::instance::{self, Purpose};
use crate::name::Name;
use crate::record::{FunctionKey, FunctionRecord, LATEST};
use crate::runtime_api::Piece;
use crate::snapshots;

/// How often a job may move on because its sandbox ended before it was delivered.
const MOVES_MAX: u8 = 3;
/// Sandboxes made in advance that nobody has used yet.
const ADVANCE_MAX: usize = 8;

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
    /// Whether the caller takes an answer piece by piece.
    pub streams: bool,
    /// Where the answer goes; taken when it has gone.
    pub reply: Option<oneshot::Sender<Result<Outcome, Error>>>,
    pub moves: u8,
    pub permit: (OwnedSemaphorePermit, Permit),
}

/// What a caller gets.
pub(crate) struct Outcome {
    pub payload: Bytes,
    pub failed: bool,
    pub tail: Option<Vec<u8>>,
    /// The answer, if it is streamed and the caller takes that; then the rest says nothing.
    pub stream: Option<Streamed>,
}

/// An answer that comes piece by piece, the last of which is the end. Without an end it broke off.
pub(crate) struct Streamed {
    /// What the runtime says it is: function URLs look whether a head goes before it.
    pub content_type: Option<String>,
    pub pieces: mpsc::Receiver<Piece>,
}

/// Function and version.
type Key = (FunctionKey, String);

/// A sandbox's place in the pool.
#[derive(Clone)]
pub(crate) struct Member {
    key: Key,
    revision: String,
    number: u64,
    pub purpose: Purpose,
}

/// The sandboxes of one version, all of one revision.
struct Fleet {
    revision: String,
    /// Numbers of those that wait for work, the latest used last.
    idle: Vec<u64>,
    /// A sandbox whose sender is gone ends when its work is done.
    senders: HashMap<u64, mpsc::Sender<Job>>,
    /// How many are to be pinned, those that are, and whether each has initialised.
    pinned_wanted: usize,
    pinned: HashMap<u64, bool>,
    /// Why no more are pinned.
    pinned_failure: Option<String>,
}

/// How provisioned concurrency stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Pinned {
    /// Sandboxes that have initialised.
    pub ready: usize,
    /// Why there are not more, if they failed.
    pub failure: Option<String>,
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
    /// Made in advance, and not used yet.
    advance: HashSet<u64>,
    /// Memory of those that have worked, in bytes, and the moment by [`State::moments`].
    memory: HashMap<u64, (u64, u64)>,
    memory_bytes: u64,
    moments: u64,
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
        let fleet = state.fleet_of(&key, &function.revision);
        while let Some(number) = fleet.take_idle() {
            let Some(sender) = fleet.senders.get(&number) else { continue };
            match sender.try_send(job) {
                Ok(()) => {
                    state.advance.remove(&number);
                    return;
                }
                Err(
                    mpsc::error::TrySendError::Closed(back) | mpsc::error::TrySendError::Full(back),
                ) => {
                    fleet.senders.remove(&number);
                    job = back;
                }
            }
        }
        let (member, jobs) = state.enlist(&key, &function.revision, Purpose::Demand);
        drop(state);
        self.start(ctx, function, member, jobs, Some(job));
    }

    /// Makes a sandbox ahead of the first invocation, if there is none and not too many wait.
    pub fn prepare(self: &Arc<Self>, ctx: &Ctx, function: Arc<FunctionRecord>) {
        if !self.host.options.proactive
            || self.host.options.local.is_some()
            || ctx.kernel().is_stopping()
        {
            return;
        }
        let key = (FunctionRecord::key(ctx, &function.name), function.version.clone());
        let mut state = self.lock();
        if state.advance.len() >= ADVANCE_MAX
            || !state.fleet_of(&key, &function.revision).senders.is_empty()
        {
            return;
        }
        let (member, jobs) = state.enlist(&key, &function.revision, Purpose::Advance);
        state.advance.insert(member.number);
        if let Some(fleet) = state.fleet(&member) {
            // The first invocation waits for it rather than start another.
            fleet.idle.push(member.number);
        }
        drop(state);
        self.start(ctx, function, member, jobs, None);
    }

    /// Pins so many sandboxes of a version, or lets go of what is too much.
    pub fn provision(self: &Arc<Self>, ctx: &Ctx, function: &Arc<FunctionRecord>, count: usize) {
        let key = (FunctionRecord::key(ctx, &function.name), function.version.clone());
        let mut state = self.lock();
        let fleet = state.fleet_of(&key, &function.revision);
        fleet.pinned_wanted = count;
        fleet.pinned_failure = None;
        fleet.unpin();
        drop(state);
        self.fill(ctx, function, &key);
    }

    /// Lets go of what is pinned of a function's other versions.
    pub fn unpin_others(&self, function: &FunctionKey, versions: &[&str]) {
        let mut state = self.lock();
        let others = state
            .fleets
            .iter_mut()
            .filter(|((of, version), _)| of == function && !versions.contains(&version.as_str()));
        for (_, fleet) in others {
            fleet.pinned_wanted = 0;
            fleet.pinned_failure = None;
            fleet.unpin();
        }
    }

    /// Starts what is missing of a fleet's pinned sandboxes.
    fn fill(self: &Arc<Self>, ctx: &Ctx, function: &Arc<FunctionRecord>, key: &Key) {
        loop {
            let mut state = self.lock();
            let Some(fleet) = state.fleets.get_mut(key) else { return };
            let full = fleet.pinned.len() >= fleet.pinned_wanted;
            if full || fleet.revision != function.revision || fleet.pinned_failure.is_some() {
                return;
            }
            let (member, jobs) = state.enlist(key, &function.revision, Purpose::Provisioned);
            if let Some(fleet) = state.fleet(&member) {
                fleet.pinned.insert(member.number, false);
            }
            drop(state);
            self.start(ctx, function.clone(), member, jobs, None);
        }
    }

    /// A sandbox has ended; a pinned one is made anew.
    pub fn replace(self: &Arc<Self>, ctx: &Ctx, function: &Arc<FunctionRecord>, member: &Member) {
        if member.purpose == Purpose::Provisioned && !ctx.kernel().is_stopping() {
            self.fill(ctx, function, &member.key);
        }
    }

    /// How the provisioned concurrency of a version stands.
    pub fn pinned(&self, function: &FunctionKey, version: &str) -> Pinned {
        let state = self.lock();
        let Some(fleet) = state.fleets.get(&(function.clone(), version.to_owned())) else {
            return Pinned::default();
        };
        let ready = fleet.pinned.values().filter(|ready| **ready).count();
        Pinned { ready, failure: fleet.pinned_failure.clone() }
    }

    /// How many pinned sandboxes of a member's version work, and how many there are to be;
    /// nothing where none is pinned.
    pub fn pinned_use(&self, member: &Member) -> Option<(usize, usize)> {
        let mut state = self.lock();
        let fleet = state.fleet(member).filter(|fleet| fleet.pinned_wanted > 0)?;
        let idle = fleet.idle.iter().filter(|number| fleet.pinned.contains_key(number)).count();
        let ready = fleet.pinned.values().filter(|ready| **ready).count();
        Some((ready.saturating_sub(idle), fleet.pinned_wanted))
    }

    fn start(
        self: &Arc<Self>,
        ctx: &Ctx,
        function: Arc<FunctionRecord>,
        member: Member,
        jobs: mpsc::Receiver<Job>,
        first: Option<Job>,
    ) {
        let (pool, host, ctx) = (self.clone(), self.host.clone(), ctx.clone());
        let kernel = ctx.kernel().clone();
        kernel.spawn(instance::run(host, pool, ctx, function, member, jobs, first));
    }

    /// Sends a job that its sandbox could not take to another one.
    pub fn move_on(self: &Arc<Self>, ctx: &Ctx, function: Arc<FunctionRecord>, mut job: Job) {
        job.moves += 1;
        if job.moves > MOVES_MAX {
            job.refuse(crate::errors::service("The sandboxes of this function keep ending."));
            return;
        }
        self.invoke(ctx, function, job);
    }

    /// The sandbox has initialised. A pinned one now waits for work.
    pub fn ready(&self, member: &Member) {
        let mut state = self.lock();
        let Some(fleet) = state.fleet(member) else { return };
        if let Some(ready) = fleet.pinned.get_mut(&member.number) {
            *ready = true;
            fleet.idle.push(member.number);
        }
    }

    /// The sandbox did not initialise, and nobody waits for it: no other is pinned in its place.
    pub fn failed(&self, member: &Member, reason: &str) {
        let mut state = self.lock();
        if let Some(fleet) = state.fleet(member).filter(|_| member.purpose == Purpose::Provisioned)
        {
            fleet.pinned_failure = Some(reason.to_owned());
        }
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

    /// Notes how much memory a sandbox uses, and ends the longest unused while all that are idle
    /// use too much; false if that is this one.
    pub fn account(&self, member: &Member, bytes: u64) -> bool {
        let mut state = self.lock();
        state.moments += 1;
        let moment = state.moments;
        state.note_memory(member.number, Some((bytes, moment)));
        // Busy ones count here: as long as all fit, nobody needs to be looked for.
        while state.memory_bytes > self.host.options.idle_bytes_max {
            let mut total_bytes = 0;
            let mut oldest: Option<(u64, Key, u64)> = None;
            for (key, fleet) in &state.fleets {
                for number in &fleet.idle {
                    let (bytes, moment) = state.memory.get(number).copied().unwrap_or_default();
                    total_bytes += bytes;
                    let unpinned = !fleet.pinned.contains_key(number);
                    if unpinned && oldest.as_ref().is_none_or(|(oldest, ..)| moment < *oldest) {
                        oldest = Some((moment, key.clone(), *number));
                    }
                }
            }
            let Some((_, key, number)) = oldest else { return true };
            if total_bytes <= self.host.options.idle_bytes_max {
                return true;
            }
            state.remove(&key, number);
            state.note_memory(number, None);
            if number == member.number {
                return false;
            }
        }
        true
    }

    /// The sandbox ends. False if a job is on its way to it.
    pub fn leave(&self, member: &Member) -> bool {
        let mut state = self.lock();
        let Some(fleet) = state.fleet(member) else { return true };
        let was_idle = fleet.idle.contains(&member.number);
        if was_idle || !fleet.senders.contains_key(&member.number) {
            state.remove(&member.key, member.number);
            return true;
        }
        false
    }

    /// The sandbox has ended; nothing is sent to it any more.
    pub fn forget(&self, member: &Member) {
        let mut state = self.lock();
        state.note_memory(member.number, None);
        state.advance.remove(&member.number);
        if state.fleet(member).is_some() {
            state.remove(&member.key, member.number);
        }
    }

    /// A member that gets no work from here: it makes a snapshot.
    pub fn stranger(&self, ctx: &Ctx, function: &FunctionRecord) -> Member {
        let key = (FunctionRecord::key(ctx, &function.name), function.version.clone());
        Member { key, revision: function.revision.clone(), number: 0, purpose: Purpose::Advance }
    }

    /// What all sandboxes share.
    pub fn host(&self) -> &Arc<Host> {
        &self.host
    }

    /// Lets go of the sandboxes of `$LATEST`: idle ones end now, busy ones after their work.
    pub fn retire(&self, name: &Name) {
        self.retire_version(name, LATEST);
    }

    /// Lets go of a version's sandboxes.
    pub fn retire_version(&self, name: &Name, version: &str) {
        self.lock().fleets.remove(&(name.key(), version.to_owned()));
        self.host.held.forget(|(function, of)| *function == name.key() && of == version);
        if version != LATEST {
            let function = snapshots::Name::function(&name.key());
            self.host.snapshots.forget(&function, Some(version));
        }
    }

    /// Lets go of the sandboxes of all versions.
    pub fn retire_function(&self, name: &Name) {
        let key = name.key();
        self.lock().fleets.retain(|(function, _), _| *function != key);
        self.host.held.forget(|(function, _)| *function == key);
        self.host.snapshots.forget(&snapshots::Name::function(&key), None);
    }

    /// Lets go of all.
    pub fn retire_all(&self) {
        self.lock().fleets.clear();
        self.host.held.forget(|_| true);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl State {
    fn fleet(&mut self, member: &Member) -> Option<&mut Fleet> {
        self.fleets.get_mut(&member.key).filter(|fleet| fleet.revision == member.revision)
    }

    fn note_memory(&mut self, number: u64, now: Option<(u64, u64)>) {
        let before = match now {
            Some(now) => self.memory.insert(number, now),
            None => self.memory.remove(&number),
        };
        self.memory_bytes += now.map_or(0, |(bytes, _)| bytes);
        self.memory_bytes -= before.map_or(0, |(bytes, _)| bytes);
    }

    /// The fleet of that revision; one of another is let go.
    fn fleet_of(&mut self, key: &Key, revision: &str) -> &mut Fleet {
        let fleet = self.fleets.entry(key.clone()).or_insert_with(|| Fleet::new(revision));
        if fleet.revision != revision {
            *fleet = Fleet::new(revision);
        }
        fleet
    }

    /// A place for a new sandbox.
    fn enlist(
        &mut self,
        key: &Key,
        revision: &str,
        purpose: Purpose,
    ) -> (Member, mpsc::Receiver<Job>) {
        let (sender, jobs) = mpsc::channel(1);
        self.count += 1;
        let number = self.count;
        self.fleet_of(key, revision).senders.insert(number, sender);
        (Member { key: key.clone(), revision: revision.to_owned(), number, purpose }, jobs)
    }

    /// Nothing is sent to that sandbox any more. A fleet without any is forgotten.
    fn remove(&mut self, key: &Key, number: u64) {
        let Some(fleet) = self.fleets.get_mut(key) else { return };
        fleet.idle.retain(|idle| *idle != number);
        fleet.senders.remove(&number);
        fleet.pinned.remove(&number);
        if fleet.senders.is_empty() && fleet.pinned_wanted == 0 {
            self.fleets.remove(key);
        }
    }
}

impl Fleet {
    fn new(revision: &str) -> Fleet {
        Fleet {
            revision: revision.to_owned(),
            idle: Vec::new(),
            senders: HashMap::new(),
            pinned_wanted: 0,
            pinned: HashMap::new(),
            pinned_failure: None,
        }
    }

    /// The pinned first, then the latest used.
    fn take_idle(&mut self) -> Option<u64> {
        let pinned = self.idle.iter().rposition(|number| self.pinned.contains_key(number));
        match pinned {
            Some(at) => Some(self.idle.remove(at)),
            None => self.idle.pop(),
        }
    }

    /// Lets go of pinned sandboxes that are too many, idle ones first.
    fn unpin(&mut self) {
        while self.pinned.len() > self.pinned_wanted {
            let idle = self.idle.iter().find(|number| self.pinned.contains_key(number));
            let Some(number) = idle.or_else(|| self.pinned.keys().next()).copied() else { return };
            self.idle.retain(|other| *other != number);
            self.pinned.remove(&number);
            self.senders.remove(&number);
        }
    }
}
