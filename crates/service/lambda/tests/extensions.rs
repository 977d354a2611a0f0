//! External extensions: programs of `/opt/extensions`, beside a real runtime.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use api_lambda::{CreateFunctionRequest, Environment};
use serde_json::{Value, json};
use service_lambda::Local;
use shape::Blob;

use crate::support::{Cloud, function, tail, text};

const HANDLER: &str = "
import json, time
print('loading')
def handler(event, context):
    print('working')
    time.sleep(event.get('sleep', 0))
    return json.load(open('/tmp/told')) if event.get('told') else context.aws_request_id
";

struct Extended {
    cloud: Cloud,
    folder: PathBuf,
    local: Arc<Local>,
}

/// A cloud whose functions have an extension; nothing where Python is missing.
fn start(name: &str, extension: &str) -> Option<Extended> {
    let runtime = service_lambda::default_runtimes().join("python3.11/runtime.json");
    if !runtime.exists() || !Path::new("/usr/bin/python3").exists() {
        eprintln!("SKIPPED: python3.11 is not installed, or there is no /usr/bin/python3");
        return None;
    }
    let folder = std::env::temp_dir().join(format!("lambda-{name}-{}", std::process::id()));
    let write = |path: &str, content: &str| {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(&path, content).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("its mode");
    };
    write("task/app.py", HANDLER);
    write("layers/extensions/insights", extension);
    let local = Arc::new(Local::default());
    let given = local.clone();
    let cloud = Cloud::with(move |options| options.local = Some(given));
    Some(Extended { cloud, folder, local })
}

impl Extended {
    fn function(&self, mode: &str, timeout: i32) -> CreateFunctionRequest {
        let (task, layers) = (self.folder.join("task"), self.folder.join("layers"));
        let mut request = function("desk", "python3.11", "app.handler", &[("x", "")]);
        request.code.zip_file = Some(Blob(self.local.folder(&task, Some(&layers), "1")));
        let variables = [("MODE".to_owned(), mode.to_owned())];
        request.environment = Some(Environment { variables: Some(variables.into()) });
        request.timeout = Some(timeout);
        request
    }

    async fn lines(&self, wanted: &str) -> Vec<String> {
        let logs = self.cloud.ctx.client::<api_logs::Client>();
        for _ in 0..400 {
            let request = api_logs::FilterLogEventsRequest {
                log_group_name: Some("/aws/lambda/desk".into()),
                ..Default::default()
            };
            let page = logs.filter_log_events(request).await;
            let events = page.ok().and_then(|page| page.events).unwrap_or_default();
            let lines: Vec<String> = events.into_iter().filter_map(|event| event.message).collect();
            if lines.iter().any(|line| line.starts_with(wanted)) {
                return lines;
            }
            self.cloud.ctx.sleep(std::time::Duration::from_millis(20)).await;
        }
        panic!("no line begins with {wanted:?}");
    }

    async fn stop(self) {
        self.cloud.stop().await;
        fs::remove_dir_all(self.folder).expect("ours");
    }
}

#[tokio::test]
async fn an_extension_hears_everything() {
    let Some(extended) = start("insights", include_str!("insights.py")) else { return };
    extended.cloud.create(extended.function("", 20)).await;
    let first = extended.cloud.invoke("desk", "{}").await;
    let log = tail(&first);
    for part in [
        "extension says hello False True\n",
        "\"accountId\":\"000000000000\"",
        "TELEMETRY\tName: insights\tState: Subscribed\tTypes: [Platform, Function, Extension]\n",
        "EXTENSION\tName: insights\tState: Ready\tEvents: [INVOKE, SHUTDOWN]\n",
        &format!("invoke {} arn:aws:lambda:", text(&first).trim_matches('"')),
    ] {
        assert!(log.contains(part), "{part}: {log}");
    }
    assert!(log.find("EXTENSION\t") < log.find("START RequestId"), "{log}");
    let second = extended.cloud.invoke("desk", r#"{"told": true}"#).await;
    let told: Vec<Value> = serde_json::from_str(&text(&second)).expect("events");
    let count = |kind: &str| told.iter().filter(|one| one["type"] == kind).count();
    for kind in [
        "initStart",
        "telemetrySubscription",
        "initRuntimeDone",
        "initReport",
        "start",
        "runtimeDone",
    ] {
        assert_eq!(count(&format!("platform.{kind}")), 1, "{kind}: {told:?}");
    }
    let own =
        |record: &str| told.iter().any(|one| one["type"] == "function" && one["record"] == record);
    assert!(own("loading") && own("working"), "{told:?}");
    let done = told.iter().find(|one| one["type"] == "platform.runtimeDone").expect("it is there");
    assert_eq!(done["record"]["status"], "success");
    assert_eq!(done["record"]["requestId"], json!(text(&first).trim_matches('"')));

    let change = api_lambda::UpdateFunctionConfigurationRequest {
        function_name: "desk".into(),
        description: Some("new".into()),
        ..Default::default()
    };
    extended.cloud.lambda().update_function_configuration(change).await.expect("it changes");
    let lines = extended.lines("shutdown ").await;
    let last = lines.iter().find(|line| line.starts_with("shutdown ")).expect("it is there");
    assert!(last.starts_with("shutdown spindown True"), "{last}");
    assert!(last.contains("\"platform.report\"") && last.contains("\"extension\""), "{last}");
    extended.stop().await;
}

#[tokio::test]
async fn a_timeout_is_told() {
    let Some(extended) = start("timeout", include_str!("insights.py")) else { return };
    extended.cloud.create(extended.function("", 2)).await;
    let answer = extended.cloud.invoke("desk", r#"{"sleep": 60}"#).await;
    assert!(text(&answer).contains("Sandbox.Timedout"), "{}", text(&answer));
    extended.lines("shutdown timeout").await;
    extended.stop().await;
}

async fn check_failure(extension: &str, mode: &str, error_type: &str, line: &str) {
    let Some(extended) = start(&format!("fails-{mode}"), extension) else { return };
    extended.cloud.create(extended.function(mode, 20)).await;
    let answer = extended.cloud.invoke("desk", "{}").await;
    assert_eq!(answer.function_error.as_deref(), Some("Unhandled"), "{mode}");
    let error: Value = serde_json::from_str(&text(&answer)).expect("JSON");
    assert_eq!(error["errorType"], error_type, "{mode}: {error}");
    let log = tail(&answer);
    assert!(log.contains(&format!("Error Type: {error_type}")) && log.contains(line), "{log}");
    extended.stop().await;
}

#[tokio::test]
async fn an_extension_that_fails_fails_the_function() {
    let insights = include_str!("insights.py");
    check_failure(insights, "crash", "Extension.Crash", "insights: exit code 7").await;
    check_failure(insights, "init-error", "Extension.NoConfiguration", "State: InitError").await;
    check_failure(insights, "exit", "Extension.Crash", "insights: exit code 9").await;
    let line = "EXTENSION\tName: insights\tState: LaunchError";
    check_failure("#!/no/such/interpreter", "launch", "Extension.LaunchError", line).await;
}
