//! One sandbox with its runtime: started, asked, listened to.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::path::Path;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use api_lambda::Error;
use kernel::{Ctx, Fault};
use sandbox::{Activity, Control, Engine, Event, Exit, Memory, Plan, Program, Sandbox};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use crate::archives::{Archive, WithMount, broke};
use crate::environment;
use crate::errors;
use crate::extensions::{self, EXTENSIONS_MAX, Extension, Extensions};
use crate::host::Host;
use crate::images;
use crate::journal::Journal;
use crate::layout::{
    self, EXTENSIONS, arguments, bootstrap, companions, external_extensions, not_started, plan,
    ports,
};
use crate::local::{Dial, Dialer, Local};
use crate::outcome::{Ended, NotReady};
use crate::output::Output;
use crate::platform::Platform;
use crate::ports::Ports;
use crate::record::FunctionRecord;
use crate::runtime_api::{self, Answer, Call, ExtensionCall, Kind};
use crate::runtimes::{Family, Runtime, family};
use crate::suspended::Suspended;
use crate::telemetry::{Subscriber, Subscription};
use crate::variables;

/// After the runtime's end, what it sent last may still be on its way to us.
const LAST_WORDS: Duration = Duration::from_millis(30);
/// Twice what a pipe holds: whatever comes after was written after.
const DRAIN_READS_MAX: usize = 8;
/// The agent answers at once; a machine under load may need longer.
const MEASURE_MAX: Duration = Duration::from_millis(500);
/// How long a measurement holds: as long as the agent itself lets pass between two.
pub(crate) const MEASURED_FOR: Duration = Duration::from_millis(20);
/// How long extensions may take to end, as on AWS: external ones, and internal ones alone.
const SHUTDOWN_EXTERNAL: Duration = Duration::from_secs(2);
const SHUTDOWN_INTERNAL: Duration = Duration::from_millis(500);
/// The runtime's share of that.
const RUNTIME_SHARE: f64 = 0.3;
const SIGTERM: i32 = 15;
const SIGKILL: i32 = 9;

/// A started sandbox. Dropping it kills everything inside and closes its connections.
pub(crate) struct Running {
    pub control: Control,
    calls: mpsc::Receiver<Call>,
    output: Output,
    messages: Output,
    companions: Vec<Output>,
    pub extensions: Extensions,
    /// The runtime waits until the external extensions have registered.
    held: bool,
    /// The runtime's `restore/next`: it is ready for a snapshot.
    pub restoring: Option<Suspended>,
    /// What asks for credentials, where they are no variables.
    pub token: Option<String>,
    /// The runtime's `next` that waits for an event.
    parked: Option<oneshot::Sender<Answer>>,
    /// What an extension's end means, until it is told.
    lost: Option<Ended>,
    /// The event that tells of the end, once it has begun.
    ending: Option<Value>,
    /// A Java function's class archive, and what the sandbox shows without it.
    pub archive: Option<Archive>,
    /// The agent watches memory closely, which it begins with.
    pub observed: bool,
    /// When memory was measured last.
    measured: Option<(Duration, Memory)>,
    pub plan: Plan,
    pub host: Arc<Host>,
    asks: mpsc::Sender<Dial>,
    /// Ports that a debugger, or a subscriber's delivery, wants to be connected to.
    dials: mpsc::Receiver<Dial>,
    pub function: Arc<FunctionRecord>,
    local: Option<Arc<Local>>,
    pub ports: Ports,
}

/// What a sandbox is started as.
#[derive(Clone, Copy)]
pub(crate) struct Start<'a> {
    /// `AWS_LAMBDA_INITIALIZATION_TYPE`.
    pub initialization: &'a str,
    /// The log stream.
    pub stream: &'a str,
    /// Its memory is to be kept.
    pub keeps: bool,
}

/// The same, and the function's own variables.
type Given<'a> = (Start<'a>, &'a BTreeMap<String, String>);

/// What the runtime did, or an extension.
pub(crate) enum Happened {
    /// A request of the runtime that needs an answer.
    Called(Call),
    /// The runtime ended.
    Exited(Exit),
    /// An extension asked for something and got it.
    Extension,
    /// An extension failed; the environment is lost.
    Failed(Ended),
}

impl Running {
    /// Starts a sandbox for `function`, and its external extensions. With such, the runtime itself
    /// is started by [`Running::begin`].
    pub async fn start(
        host: &Arc<Host>,
        ctx: &Ctx,
        function: &Arc<FunctionRecord>,
        runtime: &Runtime,
        what: Start<'_>,
    ) -> Result<Running, NotReady> {
        if function.image.is_some() {
            return Running::start_image(host, ctx, function, what).await;
        }
        let own = variables::of(ctx, function).await?;
        let archive = Archive::find(host, ctx, function, runtime, &own).await?;
        let used = match &archive {
            Some((Archive::Used(key), _)) => Some(key.clone()),
            _ => None,
        };
        let given = (what, &own);
        let started = Running::start_with(host, ctx, function, runtime, (given, archive)).await;
        match (started, used) {
            // It may have gone in this very moment.
            (Err(_), Some(_)) => {
                Running::start_with(host, ctx, function, runtime, (given, None)).await
            }
            (started, _) => started,
        }
    }

    async fn start_with(
        host: &Arc<Host>,
        ctx: &Ctx,
        function: &Arc<FunctionRecord>,
        runtime: &Runtime,
        ((what, own), archive): (Given<'_>, Option<WithMount>),
    ) -> Result<Running, NotReady> {
        let failed = |error: sandbox::Error| errors::service(error.to_string());
        let engine = host.engine().await.map_err(failed)?;
        let mut plan = package_plan(host, function, runtime).await?;
        let shown = plan.clone();
        let (archive, mount) = archive.unzip();
        plan.mounts.extend(mount.flatten());
        let external = external_extensions(&plan);
        let program = match family(&function.runtime) {
            Family::Provided => bootstrap(&plan).unwrap_or_else(|| runtime.program.clone()),
            _ => runtime.program.clone(),
        };
        // An extension is no descendant of the runtime's program: it would be missing in copies.
        let keeps = what.keeps && external.is_empty();
        let place = engine.place(plan).map_err(failed)?;
        let place = if keeps { place.kept() } else { place };
        let env = environment::variables(host, ctx, function, &place, what, own).await?;
        let mut args = arguments(host, function, runtime, &place);
        args.splice(..0, archive.iter().flat_map(|archive| archive.args(function, &place)));
        let program = Program {
            program: place.path(&program),
            args,
            env,
            cwd: place.path(Path::new("/var/task")),
            ..layout::program(function, &external)
        };
        let mut running =
            Running::launch(host, ctx, function, (engine, place, keeps), (program, external))
                .await?;
        (running.archive, running.plan) = (archive, shown);
        Ok(running)
    }

    /// The same for a container image.
    async fn start_image(
        host: &Arc<Host>,
        ctx: &Ctx,
        function: &Arc<FunctionRecord>,
        what: Start<'_>,
    ) -> Result<Running, NotReady> {
        let failed = |error: sandbox::Error| errors::service(error.to_string());
        let engine = host.engine().await.map_err(failed)?;
        let image = images::ready(host, function).await?;
        let (mounts, trust) = image.trust(host);
        let names = host.options.stand_in.is_some();
        let root = Some(image.root.clone());
        let plan = Plan { root, mounts, ports: ports(host), names, ..Plan::default() };
        let place = engine.place(plan).map_err(failed)?;
        if place.path(Path::new("/tmp")) != Path::new("/tmp") {
            let why = "Container images need namespaces, which this machine does not allow.";
            return Err(errors::service(why).into());
        }
        let own = variables::of(ctx, function).await?;
        let mut env = environment::variables(host, ctx, function, &place, what, &own).await?;
        // First, so that the function's own come after them.
        env.splice(..0, trust);
        let ((program, args, cwd), env) = image.program(function, env)?;
        let external = image.extensions();
        let program = Program { program, args, env, cwd, ..layout::program(function, &external) };
        Running::launch(host, ctx, function, (engine, place, false), (program, external)).await
    }

    async fn launch(
        host: &Arc<Host>,
        ctx: &Ctx,
        function: &Arc<FunctionRecord>,
        (engine, place, keeps): (&Engine, sandbox::Place, bool),
        (program, external): (Program, Vec<String>),
    ) -> Result<Running, NotReady> {
        let token = program.env.iter().find(|(name, _)| name == environment::TOKEN);
        let token = token.map(|(_, value)| value.clone());
        let companions = companions(&external, &program, &place.path(Path::new(EXTENSIONS)));
        let sandbox = engine.launch(place, program).await.map_err(not_started)?;
        let mut running =
            Running::new(host, ctx, sandbox, function.clone(), keeps).map_err(Fault::internal)?;
        running.token = token;
        if let Some(hear) = host.options.local.as_ref().and_then(|local| local.dialers.as_ref()) {
            hear(&function.name, Dialer { asks: running.asks.clone() });
        }
        for (name, program) in companions {
            if running.extensions.iter().count() >= EXTENSIONS_MAX {
                running.extensions.refuse_external(ctx, &name);
                break;
            }
            running.start_extension(ctx, &name, program).await?;
        }
        Ok(running)
    }

    /// What is known of a sandbox that has just been started; with `keeps`, for its memory.
    pub fn new(
        host: &Arc<Host>,
        ctx: &Ctx,
        sandbox: Sandbox,
        function: Arc<FunctionRecord>,
        keeps: bool,
    ) -> std::io::Result<Running> {
        let Sandbox { control, listeners, names, stdout, stderr, .. } = sandbox;
        let (sender, calls) = mpsc::channel(16);
        let (asks, dials) = mpsc::channel(4);
        let ports = Ports::open(host, ctx, (listeners, names), sender, keeps);
        Ok(Running {
            control,
            calls,
            output: Output::lines(stdout.into_owned_fd()?)?,
            messages: Output::frames(stderr.into_owned_fd()?)?,
            companions: Vec::new(),
            extensions: Extensions::default(),
            held: false,
            restoring: None,
            token: None,
            local: host.options.local.clone(),
            parked: None,
            lost: None,
            ending: None,
            archive: None,
            observed: true,
            measured: None,
            plan: Plan::default(),
            host: host.clone(),
            asks,
            dials,
            function,
            ports,
        })
    }

    async fn start_extension(
        &mut self,
        ctx: &Ctx,
        name: &str,
        program: Program,
    ) -> Result<(), Error> {
        self.held = true;
        match self.control.start(program).await {
            Ok((number, output)) => {
                self.extensions.add_external(ctx, name, Some(number));
                let output = output.into_nonblocking_fd().and_then(Output::lines);
                self.companions.push(output.map_err(Fault::internal)?);
                Ok(())
            }
            // Not executable, or no program at all: its author's fault.
            Err(sandbox::Error::Program { .. }) => {
                self.extensions.add_external(ctx, name, None);
                Ok(())
            }
            Err(error) => Err(errors::service(error.to_string())),
        }
    }

    /// Starts the runtime, if it waits and nobody is left to wait for.
    pub async fn begin(&mut self) -> Result<(), NotReady> {
        if self.held && self.extensions.are_registered() {
            self.held = false;
            return self.control.begin().await.map_err(not_started);
        }
        Ok(())
    }

    /// Waits for what the runtime does next; meanwhile extensions are served and output is logged.
    /// Safe to cancel.
    pub async fn next(&mut self, ctx: &Ctx, journal: &mut Journal) -> Happened {
        loop {
            if let Some(ended) = self.lost.take() {
                return Happened::Failed(ended);
            }
            tokio::select! {
                biased;
                Some(call) = self.calls.recv() => {
                    if let Some(happened) = self.called(ctx, journal, call).await {
                        return happened;
                    }
                }
                lines = self.output.next() => journal.function(&lines).await,
                messages = self.messages.next() => journal.function(&messages).await,
                lines = next_of(&mut self.companions) => journal.extension(&lines).await,
                Some((port, reply)) = self.dials.recv() => {
                    let stream = self.control.connect(port).await;
                    // Who does not wait any more needs no connection.
                    let _ = reply.send(stream.map_err(std::io::Error::other));
                }
                event = self.control.next() => match event {
                    Event::Memory(_) => {}
                    Event::CompanionExited(number, exit) => self.companion_exited(number, exit),
                    Event::Exited(exit) | Event::ProgramExited(exit) => {
                        return self.last_words(ctx, journal, exit).await;
                    }
                },
            }
        }
    }

    /// The runtime has ended: what it sent last counts first.
    async fn last_words(&mut self, ctx: &Ctx, journal: &mut Journal, exit: Exit) -> Happened {
        if broke(exit) {
            self.distrust_archive();
        }
        loop {
            let call = tokio::select! {
                biased;
                call = self.calls.recv() => call,
                () = ctx.sleep(LAST_WORDS) => None,
            };
            let Some(call) = call else { return Happened::Exited(exit) };
            if let Some(happened) = self.called(ctx, journal, call).await {
                return happened;
            }
        }
    }

    fn companion_exited(&mut self, number: u32, exit: Exit) {
        let failure = self.extensions.exited(number, exit);
        if self.ending.is_none() && self.lost.is_none() {
            self.lost = failure;
        }
    }

    /// Serves a call of an extension; one of the runtime is passed on.
    async fn called(&mut self, ctx: &Ctx, journal: &mut Journal, call: Call) -> Option<Happened> {
        let request = match call.kind {
            Kind::Extension(request) => request,
            Kind::Credentials { ref token } => {
                if self.token.is_none() || self.token != *token {
                    let status = http::StatusCode::FORBIDDEN;
                    let refused = runtime_api::refuse(status, "Forbidden", "Unknown token");
                    let _ = call.answer.send(refused);
                } else {
                    self.hand_out_credentials(ctx, call.answer);
                }
                return None;
            }
            _ => return Some(Happened::Called(call)),
        };
        let mut happened = Happened::Extension;
        let answer = match request {
            ExtensionCall::Register { name, body, account } => {
                self.extensions.register(ctx, &self.function, &name, &body, account)
            }
            ExtensionCall::Next { id } => {
                self.extensions.next(ctx, &id, call.answer, self.ending.as_ref());
                return Some(happened);
            }
            ExtensionCall::Error { id, init, error_type } => {
                let (answer, failed) = self.extensions.report(&id, init, error_type.as_deref());
                if let Some(failed) = failed.filter(|_| self.ending.is_none()) {
                    happened = Happened::Failed(failed);
                }
                answer
            }
            ExtensionCall::Subscribe { id, body, logs } => {
                self.subscribe(ctx, journal, &id, (&body, logs)).await
            }
        };
        // A client that has gone needs no answer.
        let _ = call.answer.send(answer);
        Some(happened)
    }

    async fn subscribe(
        &mut self,
        ctx: &Ctx,
        journal: &mut Journal,
        id: &str,
        (body, logs): (&[u8], bool),
    ) -> Answer {
        let Some(extension) = self.extensions.find(id) else { return Extensions::unknown(id) };
        if self.extensions.is_closed() {
            let api = if logs { "Logs" } else { "Telemetry" };
            let (error, message) =
                (format!("{api}.SubscriptionClosed"), format!("{api} API subscription is closed"));
            return runtime_api::refuse(http::StatusCode::FORBIDDEN, &error, &message);
        }
        let subscription = match Subscription::parse(body, logs) {
            Ok(subscription) => subscription,
            Err(why) => {
                let status = http::StatusCode::BAD_REQUEST;
                return runtime_api::refuse(status, "ValidationError", &why);
            }
        };
        let (name, types) = (extension.name.clone(), subscription.types.clone());
        let dialer = Dialer { asks: self.asks.clone() };
        journal.subscribe(Subscriber::start(ctx, id, subscription, dialer));
        journal.platform(&Platform::Subscription { name: &name, logs, types: &types }).await;
        let mut answer = Answer::new(http_body_util::Full::from("\"OK\""));
        let text = http::HeaderValue::from_static("application/json");
        answer.headers_mut().insert(http::header::CONTENT_TYPE, text);
        answer
    }

    /// `GET /2021-04-23/credentials`. Nobody waits for it here.
    fn hand_out_credentials(&self, ctx: &Ctx, answer: oneshot::Sender<Answer>) {
        let (local, function) = (self.local.clone(), self.function.clone());
        let ctx = ctx.kernel().service_ctx("lambda.amazonaws.com", ctx.account(), ctx.region());
        let kernel = ctx.kernel().clone();
        kernel.spawn(async move {
            let expires_ms = ctx.now().epoch_ms + environment::CREDENTIALS_MS;
            let expires = kernel::Timestamp::from_ms(expires_ms).civil("%Y-%m-%dT%H:%M:%SZ");
            let found = match environment::credentials(local.as_deref(), &ctx, &function).await {
                Ok(key) => runtime_api::json_answer(
                    http::StatusCode::OK,
                    serde_json::json!({
                        "AccessKeyId": key.id,
                        "SecretAccessKey": key.secret,
                        "Token": key.session_token.unwrap_or_default(),
                        "Expiration": expires,
                    }),
                ),
                Err(fault) => {
                    ctx.log(kernel::Level::Warn, format_args!("credentials: {fault:?}"));
                    let status = http::StatusCode::INTERNAL_SERVER_ERROR;
                    runtime_api::refuse(status, "InternalServerError", "There are no credentials.")
                }
            };
            // A client that has gone needs no answer.
            let _ = answer.send(found);
        });
    }

    /// Has memory watched closely. An agent that has gone is noticed by the next event.
    pub fn observe(&mut self) {
        if !self.observed {
            self.observed = self.control.set(Activity::Active).is_ok();
        }
    }

    /// Keeps the runtime's `next` for the coming event.
    pub fn park(&mut self, next: oneshot::Sender<Answer>) {
        self.parked = Some(next);
    }

    /// Whether an event can be delivered at once.
    pub fn is_parked(&self) -> bool {
        self.parked.as_ref().is_some_and(|next| !next.is_closed())
    }

    /// The same of the extensions, too.
    pub fn is_ready(&self) -> bool {
        self.is_parked() && self.extensions.are_ready()
    }

    /// Answers the parked `next`; false when the runtime has gone.
    pub fn deliver(&mut self, event: Answer) -> bool {
        self.observe();
        self.parked.take().is_some_and(|next| next.send(event).is_ok())
    }

    /// Logs all output that was written before this moment, also an unfinished line.
    pub async fn drain(&mut self, journal: &mut Journal) {
        for output in [&mut self.output, &mut self.messages] {
            for _ in 0..DRAIN_READS_MAX {
                let Some(messages) = output.now() else { break };
                journal.function(&messages).await;
            }
        }
        if let Some(rest) = self.output.rest() {
            journal.function(&[rest]).await;
        }
        for output in &mut self.companions {
            for _ in 0..DRAIN_READS_MAX {
                let Some(lines) = output.now() else { break };
                journal.extension(&lines).await;
            }
        }
    }

    /// The same, or what it was just now: to ask takes longer than a short event.
    pub async fn recent_memory(&mut self, ctx: &Ctx) -> Memory {
        match self.measured {
            Some((at, memory)) if ctx.elapsed() - at < MEASURED_FOR => memory,
            _ => self.memory(ctx).await,
        }
    }

    /// Asks how much memory is used now and was used at most, and lets the watch rest.
    pub async fn memory(&mut self, ctx: &Ctx) -> Memory {
        let memory = self.ask_memory(ctx).await;
        self.measured = Some((ctx.elapsed(), memory));
        memory
    }

    async fn ask_memory(&mut self, ctx: &Ctx) -> Memory {
        self.observed = false;
        if self.control.set(Activity::Idle).is_err() {
            return Memory::default();
        }
        let sleep = ctx.sleep(MEASURE_MAX);
        tokio::pin!(sleep);
        loop {
            let event = tokio::select! {
                biased;
                event = self.control.next() => event,
                () = &mut sleep => return Memory::default(),
            };
            match event {
                Event::Memory(memory) => return memory,
                Event::CompanionExited(number, exit) => self.companion_exited(number, exit),
                Event::ProgramExited(_) => {}
                Event::Exited(_) => return Memory::default(),
            }
        }
    }

    /// Ends the environment as AWS does: at once without extensions, else after they had their
    /// time to hear why. Then everything inside is gone.
    pub async fn shut_down(&mut self, ctx: &Ctx, journal: &mut Journal, reason: &'static str) {
        let external = self.extensions.iter().any(|one| one.number.is_some());
        let any = self.extensions.iter().next().is_some();
        if any {
            let grace = if external { SHUTDOWN_EXTERNAL } else { SHUTDOWN_INTERNAL };
            let deadline = ctx.sleep(grace);
            tokio::pin!(deadline);
            tokio::select! {
                () = self.say_goodbye(ctx, journal, reason, grace) => {}
                () = &mut deadline => {}
            }
        }
        self.kill().await;
    }

    async fn say_goodbye(
        &mut self,
        ctx: &Ctx,
        journal: &mut Journal,
        reason: &'static str,
        grace: Duration,
    ) {
        // A runtime that has failed is not asked.
        let gently = reason == "spindown";
        let _ = self.control.signal(None, if gently { SIGTERM } else { SIGKILL });
        let deadline_ms = ctx.now().epoch_ms + grace.as_millis() as i64;
        let event = extensions::shutdown_event(reason, deadline_ms);
        self.ending = Some(event.clone());
        journal.flush();
        self.extensions.deliver(ctx, "SHUTDOWN", &event);
        let deaf: Vec<u32> = self
            .extensions
            .iter()
            .filter(|one| one.lives() && !one.hears_shutdown())
            .filter_map(|one| one.number)
            .collect();
        for number in deaf {
            let _ = self.control.signal(Some(number), SIGKILL);
        }
        let share = ctx.sleep(grace.mul_f64(RUNTIME_SHARE));
        tokio::pin!(share);
        let mut runtime = true;
        while runtime || self.extensions.iter().any(Extension::lives) {
            tokio::select! {
                happened = self.next(ctx, journal) => match happened {
                    Happened::Exited(_) if runtime => runtime = false,
                    // The whole sandbox has ended.
                    Happened::Exited(_) => return,
                    Happened::Called(call) => out_of_turn(call),
                    Happened::Extension | Happened::Failed(_) => {}
                },
                () = &mut share, if runtime => {
                    runtime = false;
                    let _ = self.control.signal(None, SIGKILL);
                }
            }
        }
    }

    /// Ends the runtime at once; extensions may still hear why.
    pub async fn halt(&mut self) {
        if self.extensions.iter().next().is_none() {
            return self.kill().await;
        }
        // Already gone is as good.
        let _ = self.control.signal(None, SIGKILL);
    }

    /// Kills everything inside and waits until it is gone.
    pub async fn kill(&mut self) {
        // Already gone is as good.
        let _ = self.control.kill().await;
    }
}

/// What a package's sandbox shows.
pub(crate) async fn package_plan(
    host: &Host,
    function: &FunctionRecord,
    runtime: &Runtime,
) -> Result<Plan, Error> {
    let task = host.code.unpacked(&function.code).await?;
    let opt = match function.layers.as_slice() {
        [] => host.code.known(&function.code).and_then(|folder| folder.layers),
        layers => Some(host.code.opt(layers).await?),
    };
    Ok(plan(host, function, runtime, (&task, opt.as_deref())))
}

/// Lines of any of them. Safe to cancel.
async fn next_of(outputs: &mut [Output]) -> Vec<String> {
    if outputs.is_empty() {
        return std::future::pending().await;
    }
    let mut waiting: Vec<_> = outputs.iter_mut().map(|output| Box::pin(output.next())).collect();
    poll_fn(|cx| {
        for output in &mut waiting {
            if let Poll::Ready(lines) = output.as_mut().poll(cx) {
                return Poll::Ready(lines);
            }
        }
        Poll::Pending
    })
    .await
}

/// The kinds of calls that do not fit the moment get an answer here.
pub(crate) fn out_of_turn(call: Call) {
    let (id, why) = match &call.kind {
        Kind::Response { .. } | Kind::Error { .. } => ("InvalidRequestID", "Invalid request ID"),
        Kind::Stream { .. } | Kind::Streamed { .. } => ("InvalidRequestID", "Invalid request ID"),
        Kind::InitError { .. }
        | Kind::Next
        | Kind::Restore { .. }
        | Kind::RestoreError { .. }
        | Kind::Credentials { .. }
        | Kind::Extension(_) => ("InvalidStateTransition", "Not at this moment"),
    };
    let answer = runtime_api::refuse(http::StatusCode::BAD_REQUEST, id, why);
    // A client that has gone needs no answer.
    let _ = call.answer.send(answer);
}
