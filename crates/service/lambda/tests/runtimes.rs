//! Real runtimes in real sandboxes. A runtime that is not installed is skipped, loudly.

use std::time::Duration;

use api_lambda::UpdateFunctionConfigurationRequest;
use serde_json::{Value, json};

use crate::support::{Cloud, function, installed, package, tail, text};

const NODE: &str = r#"
export const handler = async (event, context) => {
    console.log("서울", event.do ?? "nothing");
    switch (event.do) {
        case "throw": { const e = new TypeError("broken"); throw e; }
        case "reject": return Promise.reject("text");
        case "unhandled": Promise.reject(new Error("lost")); await new Promise((r) => setTimeout(r, 1000)); return 1;
        case "exit0": process.exit(0);
        case "exit7": process.exit(7);
        case "hang": for (;;) {}
        case "never": return new Promise(() => {});
        case "large": return "x".repeat(7 * 1024 * 1024);
        case "memory": { const a = []; for (;;) a.push(Buffer.alloc(1 << 20, 1)); }
        case "env": return process.env;
        case "pid": return process.pid;
        case "sleep": await new Promise((r) => setTimeout(r, event.ms)); return process.pid;
        case "fetch": return await (await fetch(process.env.AWS_ENDPOINT_URL)).text();
        case "sdk": { const { DynamoDBClient } = await import("@aws-sdk/client-dynamodb");
            const { DynamoDBDocumentClient } = await import("@aws-sdk/lib-dynamodb");
            return typeof DynamoDBDocumentClient.from(new DynamoDBClient({})); }
        case "context": return { ...context, left: context.getRemainingTimeInMillis() > 4000 };
        default: return { got: event, greeting: process.env.GREETING };
    }
};
"#;

fn node(name: &str) -> api_lambda::CreateFunctionRequest {
    function(name, "nodejs20.x", "index.handler", &[("index.mjs", NODE)])
}

fn error(response: &api_lambda::InvocationResponse) -> Value {
    assert_eq!(response.function_error.as_deref(), Some("Unhandled"), "{}", text(response));
    assert_eq!(response.status_code, Some(200));
    serde_json::from_str(&text(response)).expect("a JSON error")
}

#[tokio::test]
async fn node_answers_cold_and_warm() {
    if !installed("nodejs20.x") {
        return;
    }
    let cloud = Cloud::start();
    cloud.create(node("desk")).await;
    let cold = cloud.invoke("desk", r#"{"a": [1, "둘"]}"#).await;
    assert_eq!(text(&cold), r#"{"got":{"a":[1,"둘"]},"greeting":"안녕"}"#);
    assert_eq!(cold.executed_version.as_deref(), Some("$LATEST"));
    let log = tail(&cold);
    let lines: Vec<&str> = log.lines().collect();
    assert!(lines[0].starts_with("INIT_START Runtime Version: nodejs20.x"), "{log}");
    assert!(
        lines[1].starts_with("START RequestId: ") && lines[1].ends_with(" Version: $LATEST"),
        "{log}"
    );
    assert!(lines[2].ends_with("\tINFO\t서울 nothing"), "{log}");
    assert!(lines[3].starts_with("END RequestId: "), "{log}");
    assert!(
        lines[4].contains("\tInit Duration: ") && lines[4].contains("Memory Size: 256 MB"),
        "{log}"
    );
    let first = cloud.invoke("desk", r#"{"do":"pid"}"#).await;
    let second = cloud.invoke("desk", r#"{"do":"pid"}"#).await;
    assert_eq!(text(&first), text(&second), "the sandbox is used again");
    assert!(!tail(&second).contains("Init Duration"), "{}", tail(&second));

    let env: Value =
        serde_json::from_str(&text(&cloud.invoke("desk", r#"{"do":"env"}"#).await)).unwrap();
    for (name, value) in [
        ("AWS_REGION", "ap-northeast-2"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:4566"),
        ("AWS_EXECUTION_ENV", "AWS_Lambda_nodejs20.x"),
        ("AWS_LAMBDA_FUNCTION_NAME", "desk"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("LAMBDA_TASK_ROOT", "/var/task"),
        ("_HANDLER", "index.handler"),
    ] {
        assert_eq!(env[name], value, "{name}");
    }
    let text_of = |name: &str| env[name].as_str().map(str::to_owned);
    let (key, token) = (text_of("AWS_ACCESS_KEY_ID").unwrap(), text_of("AWS_SESSION_TOKEN"));
    let now = cloud.ctx.now();
    let found = cloud.kernel.credentials();
    let found = found.find(&cloud.kernel, &key, token.as_deref(), now).expect("a key");
    assert_eq!(text_of("AWS_SECRET_ACCESS_KEY").as_deref(), Some(found.secret.as_str()));
    assert_eq!(found.principal.arn(), "arn:aws:sts::000000000000:assumed-role/desk-role/desk");

    let context: Value =
        serde_json::from_str(&text(&cloud.invoke("desk", r#"{"do":"context"}"#).await)).unwrap();
    assert_eq!(context["functionName"], "desk");
    assert_eq!(
        context["invokedFunctionArn"],
        "arn:aws:lambda:ap-northeast-2:000000000000:function:desk"
    );
    assert_eq!(context["left"], true);
    assert_eq!(text(&cloud.invoke("desk", r#"{"do":"fetch"}"#).await), r#""gateway""#);
    assert_eq!(text(&cloud.invoke("desk", r#"{"do":"sdk"}"#).await), r#""object""#);
    cloud.stop().await;
}

#[tokio::test]
async fn node_fails_as_on_aws() {
    if !installed("nodejs20.x") {
        return;
    }
    let cloud = Cloud::start();
    let mut request = node("desk");
    request.timeout = Some(2);
    cloud.create(request).await;
    let run = async |what: &str| cloud.invoke("desk", &json!({ "do": what }).to_string()).await;

    let thrown = error(&run("throw").await);
    assert_eq!(
        (&thrown["errorType"], &thrown["errorMessage"]),
        (&json!("TypeError"), &json!("broken"))
    );
    assert!(thrown["trace"][0].as_str().unwrap().starts_with("TypeError: broken"));
    assert_eq!(error(&run("reject").await)["errorMessage"], "text");
    let lost = error(&run("unhandled").await);
    assert_eq!(lost["errorType"], "Runtime.UnhandledPromiseRejection");
    assert_eq!(lost["errorMessage"], "Error: lost");
    assert_eq!(error(&run("never").await)["errorType"], "Runtime.NodeJsExit");

    let exit = run("exit7").await;
    let message = error(&exit)["errorMessage"].as_str().unwrap().to_owned();
    assert!(message.ends_with(" Error: Runtime exited with error: exit status 7"), "{message}");
    assert!(
        tail(&exit).contains("\tStatus: error\tError Type: Runtime.ExitError"),
        "{}",
        tail(&exit)
    );
    let message = error(&run("exit0").await)["errorMessage"].as_str().unwrap().to_owned();
    assert!(message.ends_with(" Error: Runtime exited without providing a reason"), "{message}");

    let hang = run("hang").await;
    assert_eq!(error(&hang)["errorType"], "Sandbox.Timedout");
    assert!(text(&hang).contains(" Error: Task timed out after 2.00 seconds"));
    assert!(tail(&hang).contains(" Task timed out after 2.00 seconds\n"), "{}", tail(&hang));
    assert!(tail(&hang).contains("Duration: 2000.00 ms"), "{}", tail(&hang));
    let more_time = UpdateFunctionConfigurationRequest {
        function_name: "desk".into(),
        timeout: Some(30),
        ..Default::default()
    };
    cloud.lambda().update_function_configuration(more_time).await.expect("it changes");
    cloud.settled("desk").await;
    assert_eq!(error(&run("large").await)["errorType"], "Function.ResponseSizeTooLarge");
    assert_eq!(error(&run("memory").await)["errorType"], "Runtime.OutOfMemory");
    // After all of this the function still works.
    assert_eq!(run("env").await.function_error, None);
    cloud.stop().await;
}

#[tokio::test]
async fn node_initialisation_fails_as_on_aws() {
    if !installed("nodejs20.x") {
        return;
    }
    let cloud = Cloud::start();
    let check = async |name: &str, file: &str, source: &str, expected: (&str, &str)| {
        let handler = "index.handler";
        cloud.create(function(name, "nodejs20.x", handler, &[(file, source)])).await;
        let response = cloud.invoke(name, "{}").await;
        let error = error(&response);
        assert_eq!(error["errorType"], expected.0, "{error}");
        let message = error["errorMessage"].as_str().unwrap().to_owned();
        assert!(message.starts_with(expected.1), "{message}");
        assert!(tail(&response).contains("INIT_REPORT Init Duration: "), "{}", tail(&response));
    };
    check(
        "syntax",
        "index.mjs",
        "export const = 1",
        ("Runtime.UserCodeSyntaxError", "SyntaxError: "),
    )
    .await;
    check(
        "import",
        "index.mjs",
        "import 'left-pad'",
        (
            "Runtime.ImportModuleError",
            "Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'left-pad'",
        ),
    )
    .await;
    check(
        "require",
        "index.js",
        "require('left-pad')",
        ("Runtime.ImportModuleError", "Error: Cannot find module 'left-pad'"),
    )
    .await;
    check(
        "other",
        "other.js",
        "",
        ("Runtime.ImportModuleError", "Error: Cannot find module 'index'"),
    )
    .await;
    check(
        "nothing",
        "index.js",
        "exports.x = 1",
        ("Runtime.HandlerNotFound", "index.handler is undefined or not exported"),
    )
    .await;
    check("throws", "index.js", "throw new RangeError('at start')", ("RangeError", "at start"))
        .await;
    check("exits", "index.js", "process.exit(3)", ("Runtime.ExitError", "RequestId: ")).await;
    cloud.stop().await;
}

#[tokio::test]
async fn node_callbacks_and_common_js() {
    if !installed("nodejs20.x") {
        return;
    }
    let cloud = Cloud::start();
    let source = "exports.handler = (event, context, callback) => {
        if (event.fail) return callback(new Error('by callback'));
        if (event.early) {
            context.callbackWaitsForEmptyEventLoop = false;
            setTimeout(() => {}, 3600 * 1000);
        } else {
            setTimeout(() => { global.late = true; }, 50);
        }
        callback(null, 'done' + (global.late ? ' late' : ''));
    };";
    cloud.create(function("desk", "nodejs20.x", "index.handler", &[("index.js", source)])).await;
    // The first waited for its timer.
    assert_eq!(text(&cloud.invoke("desk", "{}").await), r#""done""#);
    assert_eq!(text(&cloud.invoke("desk", "{}").await), r#""done late""#);
    assert_eq!(
        error(&cloud.invoke("desk", r#"{"fail":true}"#).await)["errorMessage"],
        "by callback"
    );
    // This one does not wait: not for an hour.
    assert_eq!(text(&cloud.invoke("desk", r#"{"early":true}"#).await), r#""done late""#);
    cloud.stop().await;
}

#[tokio::test]
async fn more_at_a_time_and_after_a_change() {
    if !installed("nodejs20.x") {
        return;
    }
    let cloud = Cloud::with(|options| {
        options.concurrency_max = 2;
        options.idle = Duration::from_millis(400);
    });
    cloud.create(node("desk")).await;
    let sleep = r#"{"do":"sleep","ms":700}"#;
    let (a, b, c) = tokio::join!(
        cloud.try_invoke("desk", sleep),
        cloud.try_invoke("desk", sleep),
        cloud.try_invoke("desk", sleep)
    );
    let results = [a, b, c];
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 2);
    let fault = results.into_iter().find_map(Result::err).expect("one too many");
    assert_eq!((fault.code.as_ref(), fault.status), ("TooManyRequestsException", 429));
    assert_eq!(fault.message, "Rate Exceeded.");

    // A change ends the old sandboxes, also one that is at work: it finishes first.
    let working = cloud.try_invoke("desk", sleep);
    let change = async {
        cloud.ctx.sleep(Duration::from_millis(200)).await;
        let update = UpdateFunctionConfigurationRequest {
            function_name: "desk".into(),
            memory_size: Some(512),
            ..Default::default()
        };
        cloud.lambda().update_function_configuration(update).await.expect("it changes");
        cloud.settled("desk").await;
    };
    let (finished, ()) = tokio::join!(working, change);
    assert_eq!(finished.expect("it finishes").function_error, None);
    let fresh = cloud.invoke("desk", r#"{"do":"env"}"#).await;
    assert!(text(&fresh).contains(r#""AWS_LAMBDA_FUNCTION_MEMORY_SIZE":"512""#));
    assert!(tail(&fresh).contains("INIT_START"));
    // An idle sandbox ends by itself, sooner or later.
    for _ in 0..20 {
        cloud.ctx.sleep(Duration::from_millis(900)).await;
        if tail(&cloud.invoke("desk", "{}").await).contains("INIT_START") {
            return cloud.stop().await;
        }
    }
    panic!("it never ends");
}

/// Whether every folder above the runtime's interpreter is open to others.
fn everyone_enters(description: &std::path::Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    let text = std::fs::read_to_string(description).expect("a description");
    let description: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let program = std::path::Path::new(description["program"].as_str().expect("a path"));
    program.ancestors().skip(1).all(|folder| {
        std::fs::metadata(folder).is_ok_and(|facts| facts.permissions().mode() & 0o001 != 0)
    })
}

#[tokio::test]
async fn without_namespaces_if_so_chosen() {
    if !installed("nodejs20.x") {
        return;
    }
    // A copy that everyone can reach: without namespaces, programs see the host's own paths.
    let open = std::env::temp_dir().join(format!("lambda-open-{}", std::process::id()));
    let from = service_lambda::default_runtimes().join("nodejs20.x");
    let to = open.join("nodejs20.x/runtime");
    std::fs::create_dir_all(&to).expect("a folder");
    std::fs::copy(from.join("runtime.json"), to.join("../runtime.json")).expect("a copy");
    for file in std::fs::read_dir(from.join("runtime")).expect("a folder").flatten() {
        if file.path().extension().is_some_and(|ending| ending == "mjs") {
            std::fs::copy(file.path(), to.join(file.file_name())).expect("a copy");
        }
    }
    let cloud = Cloud::with(|options| {
        options.isolation = service_lambda::Isolation::Process;
        options.runtimes = open.clone();
    });
    let source =
        "import { tmpdir } from 'node:os'; import { readFileSync, writeFileSync } from 'node:fs';
        export const handler = async () => {
            writeFileSync(`${tmpdir()}/x`, 'kept');
            const root = process.env.LAMBDA_TASK_ROOT;
            const own = readFileSync(`${root}/index.mjs`, 'utf8').length > 0;
            const answer = await (await fetch(process.env.AWS_ENDPOINT_URL)).text();
            return [root !== '/var/task', own, answer];
        };";
    cloud.create(function("desk", "nodejs20.x", "index.handler", &[("index.mjs", source)])).await;
    match cloud.try_invoke("desk", "{}").await {
        Ok(answer) => assert_eq!(text(&answer), r#"[true,true,"gateway"]"#),
        // Root's programs run as somebody else, who cannot enter the folder of this Node.
        Err(fault) if !everyone_enters(&from.join("runtime.json")) => {
            let why = fault.internal.unwrap_or(fault.message);
            assert!(why.contains("is closed to others"), "{why}");
        }
        Err(fault) => panic!("{fault:?}"),
    }
    cloud.stop().await;
    std::fs::remove_dir_all(open).expect("ours");
}

#[tokio::test]
async fn logs_reach_cloudwatch_in_order() {
    if !installed("nodejs20.x") {
        return;
    }
    let cloud = Cloud::start();
    let source = "export const handler = (event) => { for (let i = 0; i < 500; i++) console.log(`line ${i}`); };";
    cloud.create(function("desk", "nodejs20.x", "index.handler", &[("index.mjs", source)])).await;
    cloud.invoke("desk", "{}").await;
    let logs = cloud.ctx.client::<api_logs::Client>();
    let request = api_logs::FilterLogEventsRequest {
        log_group_name: Some("/aws/lambda/desk".into()),
        ..Default::default()
    };
    let mut messages = Vec::new();
    for _ in 0..100 {
        let Ok(page) = logs.filter_log_events(request.clone()).await else { continue };
        messages = page.events.into_iter().flatten().filter_map(|event| event.message).collect();
        if messages.len() >= 504 {
            break;
        }
        cloud.ctx.sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(messages.len(), 504);
    assert!(messages[0].starts_with("INIT_START") && messages[503].starts_with("REPORT"));
    for (number, message) in messages[2..502].iter().enumerate() {
        assert!(message.ends_with(&format!("\tINFO\tline {number}\n")), "{message}");
    }
    cloud.stop().await;
}

#[tokio::test]
async fn python_runs_with_awss_client() {
    if !installed("python3.11") {
        return;
    }
    let cloud = Cloud::start();
    let source = "
import os, sys, json, boto3
def handler(event, context):
    print('서울', event.get('do'))
    if event.get('do') == 'raise': raise ValueError('broken')
    if event.get('do') == 'exit': sys.exit(1)
    if event.get('do') == 'object': return object()
    if event.get('do') == 'boto3': return boto3.client('dynamodb').meta.endpoint_url
    return {'got': event, 'name': context.function_name, 'left': context.get_remaining_time_in_millis() > 4000}
";
    cloud.create(function("desk", "python3.11", "app.handler", &[("app.py", source)])).await;
    let cold = cloud.invoke("desk", r#"{"a": "둘"}"#).await;
    // AWS's client escapes other letters for this version of Python.
    assert_eq!(text(&cold), r#"{"got": {"a": "\ub458"}, "name": "desk", "left": true}"#);
    assert!(tail(&cold).contains("서울 None\n"), "{}", tail(&cold));
    assert_eq!(
        text(&cloud.invoke("desk", r#"{"do":"boto3"}"#).await),
        r#""http://127.0.0.1:4566""#
    );
    let raised = error(&cloud.invoke("desk", r#"{"do":"raise"}"#).await);
    assert_eq!(
        (&raised["errorType"], &raised["errorMessage"]),
        (&json!("ValueError"), &json!("broken"))
    );
    assert!(raised["requestId"].is_string() && raised["stackTrace"].is_array());
    assert_eq!(
        error(&cloud.invoke("desk", r#"{"do":"object"}"#).await)["errorType"],
        "Runtime.MarshalError"
    );
    let exited = cloud.invoke("desk", r#"{"do":"exit"}"#).await;
    assert_eq!(error(&exited)["errorType"], "Runtime.ExitError");
    let source = "import nothing_of_the_kind";
    cloud.create(function("broken", "python3.11", "app.handler", &[("app.py", source)])).await;
    let broken = error(&cloud.invoke("broken", "{}").await);
    assert_eq!(broken["errorType"], "Runtime.ImportModuleError");
    cloud.stop().await;
}

const JAVA: &str = r#"
package desk;
import com.amazonaws.services.lambda.runtime.*;
import java.util.*;
public class Handler implements RequestHandler<Map<String, Object>, Handler.Answer> {
    public static class Answer { public String name; public Object got; public String left;
        public String getName() { return name; } public Object getGot() { return got; } }
    public Answer handleRequest(Map<String, Object> event, Context context) {
        System.out.print("printed");
        context.getLogger().log("서울 " + event.get("do"));
        context.getLogger().log("two\nlines");
        if ("throw".equals(event.get("do"))) throw new IllegalStateException("broken");
        if ("exit".equals(event.get("do"))) System.exit(4);
        Answer answer = new Answer();
        answer.name = context.getFunctionName();
        answer.got = event;
        return answer;
    }
}
"#;

/// Compiles the class against AWS's interfaces, as the runtime ships them.
fn java_package() -> Option<Vec<(String, Vec<u8>)>> {
    let folder = std::env::temp_dir().join(format!("lambda-java-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("Handler.java"), JAVA).expect("a file");
    let lib = service_lambda::default_runtimes().join("java17/runtime/lib/*");
    let compiled = std::process::Command::new("javac")
        .args(["--release", "17", "-encoding", "UTF-8", "-cp"])
        .args([lib.as_os_str(), "-d".as_ref(), folder.as_os_str()])
        .arg(folder.join("Handler.java"))
        .output();
    let Ok(compiled) = compiled else {
        eprintln!("SKIPPED: javac is missing");
        return None;
    };
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    let class = |name: &str| {
        let bytes = std::fs::read(folder.join("desk").join(name)).expect("a class");
        (format!("desk/{name}"), bytes)
    };
    let classes = vec![class("Handler.class"), class("Handler$Answer.class")];
    std::fs::remove_dir_all(&folder).expect("ours");
    Some(classes)
}

#[tokio::test]
async fn java_runs_with_awss_client() {
    if !installed("java17") {
        return;
    }
    let Some(classes) = java_package() else { return };
    let files: Vec<(&str, &[u8])> =
        classes.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    let cloud = Cloud::start();
    let mut request = function("desk", "java17", "desk.Handler::handleRequest", &[]);
    request.code.zip_file = Some(package(&files));
    request.memory_size = Some(512);
    cloud.create(request).await;
    let cold = cloud.invoke("desk", r#"{"a": "둘"}"#).await;
    let answer: Value = serde_json::from_str(&text(&cold)).expect("JSON");
    assert_eq!(answer, json!({ "name": "desk", "got": { "a": "둘" } }), "{}", tail(&cold));
    assert!(tail(&cold).contains("\n서울 null\ntwo\nlines\n"), "{}", tail(&cold));
    assert!(tail(&cold).contains("printed\n"), "{}", tail(&cold));
    assert!(!tail(&cloud.invoke("desk", "{}").await).contains("Init Duration"));
    let thrown = error(&cloud.invoke("desk", r#"{"do":"throw"}"#).await);
    assert_eq!(thrown["errorType"], "java.lang.IllegalStateException");
    assert_eq!(thrown["errorMessage"], "broken");
    assert!(thrown["stackTrace"].is_array());
    assert_eq!(
        error(&cloud.invoke("desk", r#"{"do":"exit"}"#).await)["errorType"],
        "Runtime.ExitError"
    );
    let mut missing = function("missing", "java17", "desk.Nothing::handleRequest", &[]);
    missing.code.zip_file = Some(package(&files));
    missing.memory_size = Some(512);
    cloud.create(missing).await;
    let error = error(&cloud.invoke("missing", "{}").await);
    assert!(error["errorMessage"].as_str().unwrap().contains("desk.Nothing"), "{error}");
    cloud.stop().await;
}
