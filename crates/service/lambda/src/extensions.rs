//! The Extensions API (2020-01-01): who registered, for which events, and who is ready.
//!
//! External extensions are programs of their own in `/opt/extensions`, started before the runtime;
//! internal ones are threads of the runtime's process. Error types are those of AWS's emulator.

use http::{HeaderName, HeaderValue, StatusCode};
use kernel::Ctx;
use sandbox::Exit;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::outcome::Ended;
use crate::record::FunctionRecord;
use crate::runtime_api::{Answer, accepted, json_answer, refuse};

/// AWS's limit.
pub(crate) const EXTENSIONS_MAX: usize = 10;
/// No file has a longer name.
const NAME_BYTES_MAX: usize = 255;
const IDENTIFIER: HeaderName = HeaderName::from_static("lambda-extension-identifier");
const EVENT_IDENTIFIER: HeaderName = HeaderName::from_static("lambda-extension-event-identifier");

/// The extensions of one environment.
#[derive(Default)]
pub(crate) struct Extensions {
    all: Vec<Extension>,
    /// Initialisation is over: nobody registers any more.
    closed: bool,
}

/// One extension.
pub(crate) struct Extension {
    pub name: String,
    pub id: String,
    /// Of the sandbox's companion; internal ones have none.
    pub number: Option<u32>,
    /// `INVOKE` and `SHUTDOWN`, as far as it wants them.
    pub events: Vec<String>,
    pub state: State,
    next: Option<oneshot::Sender<Answer>>,
}

/// Where an extension stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum State {
    Started,
    Registered,
    /// It waits for an event.
    Ready,
    /// It works on one.
    Running,
    /// With the type of its error, and what AWS calls the state.
    Failed(String, &'static str),
    Exited,
}

impl State {
    /// For `EXTENSION` lines.
    pub fn name(&self) -> &'static str {
        match self {
            State::Started => "Started",
            State::Registered => "Registered",
            State::Ready => "Ready",
            State::Running => "Running",
            State::Failed(_, name) => name,
            State::Exited => "Exited",
        }
    }
}

#[derive(Deserialize)]
struct Registration {
    #[serde(default)]
    events: Vec<String>,
}

impl Extensions {
    /// A program of `/opt/extensions` was started, or could not be.
    pub fn add_external(&mut self, ctx: &Ctx, name: &str, number: Option<u32>) {
        let state = match number {
            Some(_) => State::Started,
            None => State::Failed("Extension.LaunchError".into(), "LaunchError"),
        };
        let (id, name) = (ctx.random().uuid(), name.to_owned());
        self.all.push(Extension { name, id, number, events: Vec::new(), state, next: None });
    }

    /// One program more than may be started.
    pub fn refuse_external(&mut self, ctx: &Ctx, name: &str) {
        let state = State::Failed("Extension.TooManyExtensions".into(), "LaunchError");
        let (id, name) = (ctx.random().uuid(), name.to_owned());
        self.all.push(Extension { name, id, number: None, events: Vec::new(), state, next: None });
    }

    /// `POST /extension/register`.
    pub fn register(
        &mut self,
        ctx: &Ctx,
        function: &FunctionRecord,
        name: &str,
        body: &[u8],
        account: bool,
    ) -> Answer {
        let forbid = |error: &str, message: &str| refuse(StatusCode::FORBIDDEN, error, message);
        if name.is_empty() || name.len() > NAME_BYTES_MAX {
            return forbid("Extension.InvalidExtensionName", "Empty extension name");
        }
        let registration: Registration = match serde_json::from_slice(body) {
            Ok(registration) => registration,
            Err(error) => return forbid("InvalidRequestFormat", &error.to_string()),
        };
        let external = self.all.iter().position(|one| one.name == name && one.number.is_some());
        for event in &registration.events {
            let known = event == "INVOKE" || (event == "SHUTDOWN" && external.is_some());
            if !known {
                let message = match event.as_str() {
                    "SHUTDOWN" => "SHUTDOWN: internal extensions cannot register for it".to_owned(),
                    _ => format!("{event}: unknown event"),
                };
                return forbid("Extension.InvalidEventType", &message);
            }
        }
        let at = match external {
            Some(at) if self.all[at].state != State::Started => {
                let message = format!(
                    "State transition from {} to Registered failed for extension {name}. Error: \
                     it has registered already",
                    self.all[at].state.name()
                );
                return forbid("Extension.InvalidExtensionState", &message);
            }
            Some(at) => at,
            None if self.closed => {
                let message = "Extension registration closed already";
                return forbid("Extension.RegistrationClosed", message);
            }
            None if self.all.iter().any(|one| one.name == name) => {
                let message = "Extension with this name already registered";
                return forbid("Extension.AlreadyRegistered", message);
            }
            None if self.all.len() >= EXTENSIONS_MAX => {
                let message = "Extension limit (10) reached";
                return forbid("Extension.TooManyExtensions", message);
            }
            None => {
                let (id, name) = (ctx.random().uuid(), name.to_owned());
                let (number, events, state) = (None, Vec::new(), State::Started);
                self.all.push(Extension { name, id, number, events, state, next: None });
                self.all.len() - 1
            }
        };
        let one = &mut self.all[at];
        one.events = registration.events;
        one.state = State::Registered;
        let mut answer = json!({
            "functionName": function.name,
            "functionVersion": function.version,
            "handler": function.handler,
        });
        if account {
            answer["accountId"] = json!(ctx.account());
        }
        with_header(json_answer(StatusCode::OK, answer), IDENTIFIER, &one.id)
    }

    /// `GET /extension/event/next`: keeps the request until there is an event.
    pub fn next(
        &mut self,
        ctx: &Ctx,
        id: &str,
        answer: oneshot::Sender<Answer>,
        ending: Option<&Value>,
    ) {
        let Some(one) = self.all.iter_mut().find(|one| one.id == id) else {
            let _ = answer.send(unknown(id));
            return;
        };
        match one.state {
            State::Registered | State::Ready | State::Running => {
                one.state = State::Ready;
                one.next = Some(answer);
                if let Some(event) = ending {
                    one.deliver(ctx, event);
                }
            }
            _ => {
                let message = format!(
                    "State transition from {} to Ready failed for extension {id}. Error: not now",
                    one.state.name()
                );
                let error = "Extension.InvalidExtensionState";
                let _ = answer.send(refuse(StatusCode::FORBIDDEN, error, &message));
            }
        }
    }

    /// `POST /extension/init/error` and `…/exit/error`: the answer, and what it means.
    pub fn report(
        &mut self,
        id: &str,
        init: bool,
        error_type: Option<&str>,
    ) -> (Answer, Option<Ended>) {
        let Some(one) = self.all.iter_mut().find(|one| one.id == id) else {
            return (unknown(id), None);
        };
        let Some(given) = error_type else {
            let message = "Lambda-Extension-Function-Error-Type not found";
            return (refuse(StatusCode::FORBIDDEN, "Extension.MissingHeader", message), None);
        };
        let is_own = given.strip_prefix("Extension.").is_some_and(|rest| {
            rest.starts_with(|c: char| c.is_ascii_uppercase())
                && rest.chars().all(|c| c.is_ascii_alphabetic())
        });
        let usual = if init { "Extension.InitError" } else { "Extension.ExitError" };
        let error_type = if is_own { given } else { usual }.to_owned();
        one.state = State::Failed(error_type.clone(), if init { "InitError" } else { "ExitError" });
        let message = format!("extension {} reported an error: {given}", one.name);
        (accepted(), Some(Ended::Extension { error_type, message }))
    }

    /// A companion's end: a failure, unless it had failed before.
    pub fn exited(&mut self, number: u32, exit: Exit) -> Option<Ended> {
        let one = self.all.iter_mut().find(|one| one.number == Some(number))?;
        one.next = None;
        if matches!(one.state, State::Failed(..)) {
            return None;
        }
        one.state = State::Exited;
        let how = match exit {
            Exit::Code(code) => format!("exit code {code}"),
            Exit::Signal(signal) => format!("signal {signal}"),
            Exit::OutOfMemory => "signal: killed".into(),
        };
        let error_type = "Extension.Crash".to_owned();
        Some(Ended::Extension { error_type, message: format!("{}: {how}", one.name) })
    }

    /// The extension that could not be launched, if there is one.
    pub fn launch_failure(&self) -> Option<Ended> {
        self.all.iter().find_map(|one| match &one.state {
            State::Failed(error_type, "LaunchError") => {
                let (error_type, message) = (error_type.clone(), one.name.clone());
                Some(Ended::Extension { error_type, message })
            }
            _ => None,
        })
    }

    /// Gives an event to all who registered for it.
    pub fn deliver(&mut self, ctx: &Ctx, kind: &str, event: &Value) {
        for one in &mut self.all {
            if one.events.iter().any(|name| name == kind) {
                one.deliver(ctx, event);
            }
        }
    }

    /// Whether every external extension has registered, so that the runtime may start.
    pub fn are_registered(&self) -> bool {
        self.all.iter().all(|one| one.state != State::Started)
    }

    /// Whether everyone waits for the next event.
    pub fn are_ready(&self) -> bool {
        self.all
            .iter()
            .all(|one| matches!(one.state, State::Ready | State::Failed(..) | State::Exited))
    }

    /// Whether invocations have to wait for anybody.
    pub fn hear_invocations(&self) -> bool {
        self.all.iter().any(|one| one.events.iter().any(|event| event == "INVOKE"))
    }

    /// No more registrations.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// Whether anybody may still subscribe to telemetry.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// The extension of that identifier.
    pub fn find(&self, id: &str) -> Option<&Extension> {
        self.all.iter().find(|one| one.id == id)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Extension> {
        self.all.iter()
    }

    /// The refusal of an unknown identifier.
    pub fn unknown(id: &str) -> Answer {
        unknown(id)
    }
}

impl Extension {
    /// Whether it wants to hear of the end.
    pub fn hears_shutdown(&self) -> bool {
        self.events.iter().any(|event| event == "SHUTDOWN")
    }

    /// Whether its process lives, as far as we know.
    pub fn lives(&self) -> bool {
        self.number.is_some()
            && !matches!(self.state, State::Exited)
            && self.state.name() != "LaunchError"
    }

    fn deliver(&mut self, ctx: &Ctx, event: &Value) {
        let Some(next) = self.next.take() else { return };
        self.state = State::Running;
        let answer = json_answer(StatusCode::OK, event.clone());
        let id = ctx.random().uuid();
        // One that has gone is noticed by its exit.
        let _ = next.send(with_header(answer, EVENT_IDENTIFIER, &id));
    }
}

fn unknown(id: &str) -> Answer {
    let message = format!("Unknown extension {}", id.chars().take(64).collect::<String>());
    refuse(StatusCode::FORBIDDEN, "Extension.UnknownExtensionIdentifier", &message)
}

fn with_header(mut answer: Answer, name: HeaderName, value: &str) -> Answer {
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
    answer
}

/// `INVOKE`, as extensions get it.
pub(crate) fn invoke_event(request_id: &str, arn: &str, deadline_ms: i64, trace: &str) -> Value {
    json!({
        "eventType": "INVOKE",
        "deadlineMs": deadline_ms,
        "requestId": request_id,
        "invokedFunctionArn": arn,
        "tracing": { "type": "X-Amzn-Trace-Id", "value": trace },
    })
}

/// `SHUTDOWN`.
pub(crate) fn shutdown_event(reason: &str, deadline_ms: i64) -> Value {
    json!({ "eventType": "SHUTDOWN", "shutdownReason": reason, "deadlineMs": deadline_ms })
}
