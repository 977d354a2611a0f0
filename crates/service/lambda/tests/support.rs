//! A cloud of Lambda and Logs in memory, and packages to put into it.

use std::io::{Cursor, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use api_lambda::{
    CreateFunctionRequest, Environment, FunctionCode, GetFunctionConfigurationRequest,
    InvocationRequest, InvocationResponse, LastUpdateStatus, LogType, Runtime, State,
};
use kernel::{BoxFuture, Clock, Config, Ctx, Fault, Kernel, Principal, SystemClock, Timestamp};
use service_lambda::{Downloads, Options};
use shape::Blob;
use tokio::sync::watch;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

pub const ROLE: &str = "arn:aws:iam::000000000000:role/team/desk-role";

pub struct Cloud {
    pub kernel: Kernel,
    pub ctx: Ctx,
    pub downloads: Downloads,
    cache: PathBuf,
}

impl Cloud {
    pub fn start() -> Cloud {
        Cloud::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut Options)) -> Cloud {
        Cloud::at(Arc::new(SystemClock::default()), change)
    }

    /// One whose time is its own.
    pub fn at(clock: Arc<dyn Clock>, change: impl FnOnce(&mut Options)) -> Cloud {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let cache = std::env::temp_dir().join(format!("lambda-{}-{number}", std::process::id()));
        let kernel = Kernel::new(Config { clock, ..Config::memory() });
        // What functions call: answers every connection with one fixed HTTP response.
        let endpoint: service_lambda::Endpoint = Arc::new(|stream| {
            Box::pin(async move {
                use tokio::io::{AsyncReadExt, AsyncWriteExt};
                let mut stream = stream;
                let mut head = vec![0; 4096];
                let _ = stream.read(&mut head).await;
                let answer =
                    "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\ngateway";
                let _ = stream.write_all(answer.as_bytes()).await;
            })
        });
        let mut options = Options::new(cache.clone(), endpoint);
        options.agent = Some(env!("CARGO_BIN_EXE_lambda-test-agent").into());
        // Nothing here depends on how fast a function is.
        options.full_processor = true;
        change(&mut options);
        let (lambda, doors) = service_lambda::service(&kernel, options);
        let downloads = doors.downloads;
        kernel.start(vec![
            lambda,
            service_logs::service(),
            service_iam::service_for(&kernel),
            service_sts::service(),
            service_dynamodb::service(),
            service_dynamodb::streams_service(),
        ]);
        let principal = Principal::Root { account: "000000000000".into() };
        let ctx = Ctx::new(&kernel, "ap-northeast-2", principal, "request".into());
        Cloud { kernel, ctx, downloads, cache }
    }

    pub fn lambda(&self) -> api_lambda::Client {
        self.ctx.client()
    }

    /// Makes [`ROLE`], which Lambda may assume.
    pub async fn trusted_role(&self) {
        let trust = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"lambda.amazonaws.com"}}}"#;
        let request = api_iam::CreateRoleRequest {
            path: Some("/team/".into()),
            role_name: "desk-role".into(),
            assume_role_policy_document: trust.into(),
            ..Default::default()
        };
        let made = self.ctx.client::<api_iam::Client>().create_role(request).await;
        assert!(made.is_ok() || self.has_role().await, "the role is there");
    }

    async fn has_role(&self) -> bool {
        let request = api_iam::GetRoleRequest { role_name: "desk-role".into() };
        self.ctx.client::<api_iam::Client>().get_role(request).await.is_ok()
    }

    /// Creates a function and waits until it is active.
    pub async fn create(&self, request: CreateFunctionRequest) {
        let name = request.function_name.clone();
        self.trusted_role().await;
        self.lambda().create_function(request).await.expect("it is created");
        self.settled(&name).await;
    }

    pub async fn settled(&self, name: &str) {
        for _ in 0..6000 {
            let request = GetFunctionConfigurationRequest {
                function_name: name.into(),
                ..Default::default()
            };
            let found = self.lambda().get_function_configuration(request).await.expect("it exists");
            if found.state == Some(State::Active)
                && found.last_update_status == Some(LastUpdateStatus::Successful)
            {
                return;
            }
            self.ctx.sleep(Duration::from_millis(10)).await;
        }
        panic!("{name} does not become active");
    }

    pub async fn invoke(&self, name: &str, payload: &str) -> InvocationResponse {
        self.try_invoke(name, payload).await.expect("it is invoked")
    }

    pub async fn try_invoke(&self, name: &str, payload: &str) -> Result<InvocationResponse, Fault> {
        let request = InvocationRequest {
            function_name: name.into(),
            payload: Some(Blob(payload.to_owned().into())),
            log_type: Some(LogType::Tail),
            ..Default::default()
        };
        self.lambda().invoke(request).await
    }

    pub async fn stop(self) {
        assert!(self.kernel.stop(Duration::from_secs(60)).await, "everything ends");
        let _ = std::fs::remove_dir_all(&self.cache);
    }
}

/// Real time that can leap ahead.
#[derive(Clone)]
pub struct Leaping {
    real: Arc<SystemClock>,
    ahead: Arc<watch::Sender<Duration>>,
}

impl Leaping {
    pub fn new() -> Leaping {
        let ahead = Arc::new(watch::channel(Duration::ZERO).0);
        Leaping { real: Arc::default(), ahead }
    }

    pub fn leap(&self, by: Duration) {
        self.ahead.send_modify(|ahead| *ahead += by);
    }
}

impl Clock for Leaping {
    fn now(&self) -> Timestamp {
        let ahead_ms = self.ahead.borrow().as_millis() as i64;
        Timestamp::from_ms(self.real.now().epoch_ms + ahead_ms)
    }

    fn elapsed(&self) -> Duration {
        self.real.elapsed() + *self.ahead.borrow()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let (clock, until) = (self.clone(), self.elapsed() + duration);
        let mut leaps = self.ahead.subscribe();
        Box::pin(async move {
            while let Some(left) = until.checked_sub(clock.elapsed()).filter(|left| !left.is_zero())
            {
                tokio::select! {
                    () = clock.real.sleep(left) => {}
                    _ = leaps.changed() => {}
                }
            }
        })
    }
}

/// A zip file.
pub fn package<C: AsRef<[u8]>>(files: &[(&str, C)]) -> Blob {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        writer.start_file(*name, SimpleFileOptions::default()).expect("a file");
        writer.write_all(content.as_ref()).expect("its content");
    }
    Blob(writer.finish().expect("a zip file").into_inner().into())
}

/// A function of one file, with generous memory and a timeout for loaded machines.
pub fn function(
    name: &str,
    runtime: &str,
    handler: &str,
    files: &[(&str, &str)],
) -> CreateFunctionRequest {
    let variables = [("GREETING".to_owned(), "안녕".to_owned())];
    CreateFunctionRequest {
        function_name: name.into(),
        runtime: Some(Runtime::from(runtime)),
        handler: Some(handler.into()),
        role: ROLE.into(),
        code: FunctionCode { zip_file: Some(package(files)), ..Default::default() },
        environment: Some(Environment { variables: Some(variables.into()) }),
        timeout: Some(60),
        memory_size: Some(256),
        ..Default::default()
    }
}

/// The payload as text.
pub fn text(response: &InvocationResponse) -> String {
    let bytes = response.payload.as_ref().map(|blob| blob.0.to_vec()).unwrap_or_default();
    String::from_utf8(bytes).expect("UTF-8")
}

/// The end of the log.
pub fn tail(response: &InvocationResponse) -> String {
    use base64::Engine as _;
    let log = response.log_result.as_deref().unwrap_or_default();
    let bytes = base64::engine::general_purpose::STANDARD.decode(log).expect("base64");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// How many lines of a function's log are this one.
pub async fn lines(cloud: &Cloud, function: &str, line: &str) -> usize {
    let request = api_logs::FilterLogEventsRequest {
        log_group_name: Some(format!("/aws/lambda/{function}")),
        ..Default::default()
    };
    let page = cloud.ctx.client::<api_logs::Client>().filter_log_events(request).await;
    let events = page.ok().and_then(|page| page.events).unwrap_or_default();
    events.iter().filter_map(|event| event.message.as_deref()).filter(|m| m.trim() == line).count()
}

/// Whether a runtime is there; tests without theirs are skipped, loudly.
pub fn installed(runtime: &str) -> bool {
    let found = service_lambda::default_runtimes().join(runtime).join("runtime.json").exists();
    if !found {
        eprintln!("SKIPPED: {runtime} is not installed; run ./gureum runtimes {runtime}");
    }
    found
}
