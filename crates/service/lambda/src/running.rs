//! One sandbox with its runtime: started, asked, listened to.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use api_lambda::Error;
use kernel::{Ctx, Fault};
use sandbox::{Activity, Control, Event, Exit, Limits, Mount, Plan, Program, Sandbox};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use crate::environment::{self, ENDPOINT_PORT, MESSAGE_OUTPUT, RUNTIME_API_PORT};
use crate::errors;
use crate::host::Host;
use crate::local::{Dial, Dialer};
use crate::logs::LogStream;
use crate::output::Output;
use crate::record::FunctionRecord;
use crate::runtime_api::{self, Answer, Call, Kind};
use crate::runtimes::{Family, Runtime, family};

/// AWS's limits inside a sandbox.
const FILES_MAX: u64 = 1024;
const PROCESSES_MAX: u64 = 1024;
/// Connections of one sandbox that are served at a time.
const CONNECTIONS_MAX: usize = 256;
/// After the runtime's end, what it sent last may still be on its way to us.
const LAST_WORDS: Duration = Duration::from_millis(30);
/// Twice what a pipe holds: whatever comes after was written after.
const DRAIN_READS_MAX: usize = 8;
/// The agent answers at once; a machine under load may need longer.
const MEASURE_MAX: Duration = Duration::from_millis(500);

/// A started sandbox. Dropping it kills everything inside and closes its connections.
pub(crate) struct Running {
    control: Control,
    calls: mpsc::Receiver<Call>,
    output: Output,
    messages: Output,
    /// The runtime's `next` that waits for an event.
    parked: Option<oneshot::Sender<Answer>>,
    asks: mpsc::Sender<Dial>,
    /// Ports that a debugger wants to be connected to.
    dials: mpsc::Receiver<Dial>,
    _open: watch::Sender<()>,
}

/// What the runtime did.
pub(crate) enum Happened {
    /// A request that needs an answer.
    Called(Call),
    /// It ended.
    Exited(Exit),
}

impl Running {
    /// Starts a sandbox for `function`.
    pub async fn start(
        host: &Arc<Host>,
        ctx: &Ctx,
        function: &FunctionRecord,
        runtime: &Runtime,
        log_stream: &str,
    ) -> Result<Running, Error> {
        let engine = host.engine().await.map_err(|error| errors::service(error.to_string()))?;
        let task = host.code.unpacked(&function.code).await?;
        let mut plan = plan(function, runtime, &task);
        if let Some(layers) = host.code.known(&function.code).and_then(|folder| folder.layers) {
            plan.mounts.push(Mount { source: layers, target: "/opt".into() });
        }
        let place = engine.place(plan).map_err(|error| errors::service(error.to_string()))?;
        let program = Program {
            program: runtime.program.clone(),
            args: runtime.args(function, &place.path(Path::new("/var/runtime"))),
            env: environment::variables(host, ctx, function, &place, log_stream).await?,
            cwd: place.path(Path::new("/var/task")),
            merge_output: true,
            message_output: Some(MESSAGE_OUTPUT),
            held: false,
            limits: Limits {
                memory_bytes: (function.memory_mb as u64) << 20,
                tmp_size_bytes: (function.tmp_mb as u64) << 20,
                files: FILES_MAX,
                processes: PROCESSES_MAX,
            },
        };
        let launched = engine.launch(place, program).await;
        let sandbox = launched.map_err(|error| errors::service(error.to_string()))?;
        let running = Running::new(host, ctx, sandbox).map_err(Fault::internal)?;
        if let Some(hear) = host.options.local.as_ref().and_then(|local| local.dialers.as_ref()) {
            hear(&function.name, Dialer { asks: running.asks.clone() });
        }
        Ok(running)
    }

    fn new(host: &Arc<Host>, ctx: &Ctx, sandbox: Sandbox) -> std::io::Result<Running> {
        let Sandbox { control, listeners, stdout, stderr } = sandbox;
        let (sender, calls) = mpsc::channel(16);
        let (open, closed) = watch::channel(());
        for (port, listener) in listeners {
            let serving = serve_port(host.clone(), ctx.clone(), port, listener, sender.clone());
            let mut closed = closed.clone();
            ctx.kernel().spawn(async move {
                tokio::select! {
                    () = serving => {}
                    // Nothing is ever sent: an error means that the sender was dropped.
                    _ = closed.changed() => {}
                }
            });
        }
        let output = Output::lines(stdout.into_owned_fd()?)?;
        let messages = Output::frames(stderr.into_owned_fd()?)?;
        let (asks, dials) = mpsc::channel(1);
        Ok(Running { control, calls, output, messages, parked: None, asks, dials, _open: open })
    }

    /// Waits for what the runtime does next; meanwhile its output is logged. Safe to cancel.
    pub async fn next(&mut self, ctx: &Ctx, log: &mut LogStream) -> Happened {
        loop {
            tokio::select! {
                biased;
                Some(call) = self.calls.recv() => return Happened::Called(call),
                lines = self.output.next() => log.lines(&lines).await,
                messages = self.messages.next() => log.lines(&messages).await,
                Some((port, answer)) = self.dials.recv() => {
                    let connected = self.control.connect(port).await;
                    // Who does not wait any more has closed its own connection.
                    let _ = answer.send(connected.map_err(std::io::Error::other));
                }
                event = self.control.next() => {
                    let Event::Exited(exit) = event else { continue };
                    let last_words = tokio::select! {
                        biased;
                        call = self.calls.recv() => call,
                        () = ctx.sleep(LAST_WORDS) => None,
                    };
                    match last_words {
                        Some(call) => return Happened::Called(call),
                        None => return Happened::Exited(exit),
                    }
                }
            }
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

    /// Answers the parked `next`; false when the runtime has gone.
    pub fn deliver(&mut self, event: Answer) -> bool {
        // An agent that has gone is noticed by the next event.
        let _ = self.control.set(Activity::Active);
        self.parked.take().is_some_and(|next| next.send(event).is_ok())
    }

    /// Logs all output that was written before this moment, also an unfinished line.
    pub async fn drain(&mut self, log: &mut LogStream) {
        for output in [&mut self.output, &mut self.messages] {
            for _ in 0..DRAIN_READS_MAX {
                let Some(messages) = output.now() else { break };
                log.lines(&messages).await;
            }
        }
        if let Some(rest) = self.output.rest() {
            log.line(&rest).await;
        }
    }

    /// Asks how much memory was used at most, in bytes, and lets the watch rest.
    pub async fn peak_memory_bytes(&mut self, ctx: &Ctx) -> u64 {
        if self.control.set(Activity::Idle).is_err() {
            return 0;
        }
        let sleep = ctx.sleep(MEASURE_MAX);
        tokio::select! {
            biased;
            event = self.control.next() => match event {
                Event::Memory(memory) => memory.peak_bytes,
                Event::Exited(_) | Event::ProgramExited(_) | Event::CompanionExited(..) => 0,
            },
            () = sleep => 0,
        }
    }

    /// Kills everything inside and waits until it is gone.
    pub async fn kill(&mut self) {
        // Already gone is as good.
        let _ = self.control.kill().await;
    }
}

fn plan(function: &FunctionRecord, runtime: &Runtime, task: &Path) -> Plan {
    let mount =
        |source: &Path, target: &Path| Mount { source: source.into(), target: target.into() };
    let mut mounts = vec![
        mount(task, Path::new("/var/task")),
        mount(&runtime.folder, Path::new("/var/runtime")),
    ];
    mounts.extend(runtime.mounts.iter().map(|folder| mount(folder, folder)));
    let mut links = Vec::new();
    if family(&function.runtime) == Family::Node {
        // NODE_PATH does not count for ES modules: this is the last place they are looked for.
        links.push(("/node_modules".into(), "/var/runtime/node_modules".into()));
    }
    Plan { mounts, links, ports: vec![RUNTIME_API_PORT, ENDPOINT_PORT] }
}

/// Serves a port of the sandbox until the future is dropped.
async fn serve_port(
    host: Arc<Host>,
    ctx: Ctx,
    port: u16,
    listener: TcpListener,
    calls: mpsc::Sender<Call>,
) {
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = tokio::task::JoinSet::new();
    loop {
        // The semaphore is never closed.
        let Ok(permit) = room.clone().acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            ctx.sleep(LAST_WORDS).await;
            continue;
        };
        while connections.try_join_next().is_some() {}
        let (host, calls) = (host.clone(), calls.clone());
        // The set ends its connections when it is dropped, with the sandbox.
        connections.spawn(async move {
            let _permit = permit;
            if port == ENDPOINT_PORT {
                (host.options.endpoint)(stream).await;
            } else {
                runtime_api::serve(stream, calls).await;
            }
        });
    }
}

/// The kinds of calls that do not fit the moment get an answer here.
pub(crate) fn out_of_turn(call: Call) {
    let (id, why) = match &call.kind {
        Kind::Response { .. } | Kind::Error { .. } => ("InvalidRequestID", "Invalid request ID"),
        Kind::InitError { .. } | Kind::Next => ("InvalidStateTransition", "Not at this moment"),
    };
    let answer = runtime_api::refuse(http::StatusCode::BAD_REQUEST, id, why);
    // A client that has gone needs no answer.
    let _ = call.answer.send(answer);
}
