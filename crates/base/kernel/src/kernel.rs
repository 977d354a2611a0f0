//! One running cloud.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use shape::{Fault, Problem, Struct};
use store::Store;
use tokio::sync::watch;
use tracker::Tracker;

use crate::authorize::{Authorization, Gate};
use crate::{
    Blobs, Clock, Credentials, Ctx, Dispatch, Door, Level, Log, OsRandom, Principal, Random,
    Sealer, Service, SystemClock, api, tasks,
};

/// What a kernel is made of. [`Config::memory`] is a complete one for tests.
pub struct Config {
    /// The default account, twelve digits.
    pub account: String,
    /// The region of requests that name none.
    pub region: String,
    /// Where files live; `None` when everything is in memory.
    pub data_dir: Option<PathBuf>,
    /// The store.
    pub store: Store,
    /// Immutable bytes.
    pub blobs: Blobs,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// The installation key.
    pub sealer: Sealer,
    /// Access keys.
    pub credentials: Credentials,
    /// The log.
    pub log: Log,
    /// What happens to callers whose policies do not allow.
    pub authorization: Authorization,
}

impl Config {
    /// Everything in memory, real time, `test`/`test` allowed, warnings to standard error.
    pub fn memory() -> Self {
        let random: Arc<dyn Random> = Arc::new(OsRandom);
        let sealer = Sealer::ephemeral(random.clone());
        let account = "000000000000".to_owned();
        Config {
            region: "us-east-1".into(),
            data_dir: None,
            store: Store::memory(),
            blobs: Blobs::memory(),
            clock: Arc::new(SystemClock::default()),
            credentials: Credentials::new(sealer.clone(), Some(account.clone()), None),
            random,
            sealer,
            log: Log::stderr(Level::Warn),
            authorization: Authorization::Enforce,
            account,
        }
    }
}

/// Shared by everything that runs. Cheap to clone.
#[derive(Clone)]
pub struct Kernel {
    inner: Arc<Inner>,
}

struct Inner {
    config: Config,
    services: OnceLock<BTreeMap<&'static str, Service>>,
    resealing: crate::ResealProgress,
    stopping: watch::Sender<bool>,
    running: Tracker,
    gate: Gate,
}

impl Kernel {
    /// A kernel without services yet.
    pub fn new(config: Config) -> Self {
        let (stopping, _) = watch::channel(false);
        let running = Tracker::default();
        let (services, resealing) = (OnceLock::new(), crate::ResealProgress::default());
        let gate = Gate::default();
        Kernel { inner: Arc::new(Inner { config, services, resealing, stopping, running, gate }) }
    }

    /// Adds all services, once, and starts delivering their tasks and events. Must be called
    /// within a tokio runtime.
    pub fn start(&self, services: Vec<Service>) {
        let services =
            services.into_iter().map(|s| (s.dispatch.model().service.name.as_str(), s)).collect();
        assert!(self.inner.services.set(services).is_ok(), "a kernel starts once");
        tasks::start(self);
        crate::reseal::start(self);
        let janitor = crate::blobs::run_janitor(self.clone());
        self.spawn(janitor);
    }

    /// Names of the services, sorted.
    pub fn services(&self) -> impl Iterator<Item = (&'static str, &Arc<dyn Dispatch>)> {
        self.registered().iter().map(|(name, service)| (*name, &service.dispatch))
    }

    /// A service by name.
    pub fn service(&self, name: &str) -> Option<&Arc<dyn Dispatch>> {
        self.registered().get(name).map(|service| &service.dispatch)
    }

    /// The door of a service, if it has one.
    pub fn door(&self, name: &str) -> Option<&Arc<dyn Door>> {
        self.registered().get(name)?.door.as_ref()
    }

    pub(crate) fn registered(&self) -> &BTreeMap<&'static str, Service> {
        static NONE: BTreeMap<&'static str, Service> = BTreeMap::new();
        self.inner.services.get().unwrap_or(&NONE)
    }

    /// The fault that reports broken constraints of a request to an operation of `service`.
    pub fn invalid(&self, service: &str, operation: &str, problems: &[Problem]) -> Fault {
        let Some(service) = self.registered().get(service) else {
            return Fault::internal(format_args!("no service {service}"));
        };
        service
            .invalid
            .and_then(|own| own(operation, problems))
            .unwrap_or_else(|| api::invalid(service.dispatch.model(), problems))
    }

    /// Calls an operation. Everything that calls passes here: authorisation has one place.
    pub async fn call(
        &self,
        ctx: &Ctx,
        service: &str,
        op: usize,
        input: Box<dyn Struct>,
    ) -> Result<Box<dyn Struct>, Fault> {
        let Some(target) = self.registered().get(service) else {
            return Err(Fault::not_implemented(format_args!("the service {service}")));
        };
        self.authorize(ctx, target, op, &*input)?;
        let target = &target.dispatch;
        let result = target.call(ctx, op, input).await;
        if let Err(fault) = &result
            && let Some(why) = &fault.internal
        {
            let operation = &target.model().operations[op].name;
            ctx.log(Level::Error, format_args!("{service} {operation}: {why}"));
        }
        result
    }

    pub(crate) fn gate(&self) -> &Gate {
        &self.inner.gate
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.inner.config.store
    }

    /// The blobs.
    pub fn blobs(&self) -> &Blobs {
        &self.inner.config.blobs
    }

    /// The clock.
    pub fn clock(&self) -> &dyn Clock {
        &*self.inner.config.clock
    }

    /// Randomness.
    pub fn random(&self) -> &dyn Random {
        &*self.inner.config.random
    }

    /// The installation's sealer.
    pub fn sealer(&self) -> &Sealer {
        &self.inner.config.sealer
    }

    /// Makes a new installation key and begins to seal everything at rest again with it; returns
    /// the key's version. See [`Kernel::reseal_progress`].
    pub fn rotate_key(&self) -> Result<u32, crate::SealError> {
        let version = self.sealer().rotate(self.clock().now().epoch_ms)?;
        crate::reseal::start(self);
        Ok(version)
    }

    /// How far the sealing again is, after [`Kernel::rotate_key`].
    pub fn reseal_progress(&self) -> &crate::ResealProgress {
        &self.inner.resealing
    }

    /// Access keys.
    pub fn credentials(&self) -> &Credentials {
        &self.inner.config.credentials
    }

    /// A context in which a service acts for an account by itself (tasks, events, the CLI).
    pub fn service_ctx(&self, name: &'static str, account: &str, region: &str) -> Ctx {
        let principal = Principal::Service { name, account: account.to_owned() };
        Ctx::new(self, region, principal, self.random().uuid())
    }

    /// Writes a line to the server's log.
    pub fn log(&self, level: Level, text: std::fmt::Arguments<'_>) {
        self.inner.config.log.write(self.clock().now(), level, text);
    }

    /// Whether lines of this level are written.
    pub fn logs(&self, level: Level) -> bool {
        self.inner.config.log.enabled(level)
    }

    /// Runs a future in the background until it ends; [`Kernel::stop`] waits for it, so it must
    /// watch [`Kernel::stopping`] if it would run for ever.
    pub fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        let running = self.inner.running.enter();
        #[expect(clippy::disallowed_methods, reason = "this is the one place")]
        tokio::spawn(async move {
            let _running = running;
            future.await;
        });
    }

    /// Completes when the kernel begins to stop.
    pub fn stopping(&self) -> impl Future<Output = ()> + Send + 'static {
        let mut stopping = self.inner.stopping.subscribe();
        async move {
            // An error means that the kernel is gone: that is stopping, too.
            let _ = stopping.wait_for(|stopping| *stopping).await;
        }
    }

    /// Whether the kernel has begun to stop.
    pub fn is_stopping(&self) -> bool {
        *self.inner.stopping.borrow()
    }

    /// Stops gracefully: background work is told, services stop, and all is waited for, up to
    /// `deadline`. False when something was still running then.
    pub async fn stop(&self, deadline: Duration) -> bool {
        self.inner.stopping.send_replace(true);
        let work = async {
            for service in self.registered().values() {
                if let Some(stop) = &service.stop {
                    stop().await;
                }
            }
            self.inner.running.idle().await;
        };
        tokio::select! {
            () = work => true,
            () = self.clock().sleep(deadline) => false,
        }
    }

    /// Empties the store and everything that services keep in memory. For development.
    pub async fn reset(&self) -> Result<(), Fault> {
        self.store().clear().await.map_err(Fault::internal)?;
        let (blobs, store) = (self.blobs().clone(), self.store().clone());
        let swept = tokio::task::spawn_blocking(move || blobs.sweep(&store)).await;
        swept.map_err(Fault::internal)?.map_err(Fault::internal)?;
        for service in self.registered().values() {
            if let Some(reset) = &service.reset {
                reset().await;
            }
        }
        Ok(())
    }
}

/// Counts running background work.
mod tracker {
    use tokio::sync::watch;

    pub struct Tracker(watch::Sender<usize>);

    pub struct Running(watch::Sender<usize>);

    impl Default for Tracker {
        fn default() -> Self {
            Tracker(watch::channel(0).0)
        }
    }

    impl Tracker {
        pub fn enter(&self) -> Running {
            self.0.send_modify(|n| *n += 1);
            Running(self.0.clone())
        }

        pub async fn idle(&self) {
            let _ = self.0.subscribe().wait_for(|n| *n == 0).await;
        }
    }

    impl Drop for Running {
        fn drop(&mut self) {
            self.0.send_modify(|n| *n -= 1);
        }
    }
}
