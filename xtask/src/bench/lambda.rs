//! Invocations: the first of a function (cold), and those that follow (warm), beside the bare runtime
//! as a plain process.

use std::io::{Cursor, Write};
use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use zip::write::SimpleFileOptions;

use super::load::Connection;
use super::report::{Row, median};
use super::start::up;
use super::{Setup, clock, http, lambda_plain, lambda_restored, scratch_dir, server};
use crate::Result;

const COLD: usize = 5;
/// For each of them.
const WARM: usize = 40;
/// The first few are slower, there as here.
const EARLY: usize = 10;
/// What a warm invocation may take beyond the bare runtime, milliseconds: the HTTP request of the
/// caller with its signature, authorization, the log, the sandbox.
const OVERHEAD_MS_MAX: f64 = 0.3;
/// The first answer of a Java function with a class archive, milliseconds.
const ARCHIVED_MS_MAX: f64 = 220.0;
/// How long a class archive takes to be made, at most.
const ARCHIVE_MADE: Duration = Duration::from_secs(12);
/// How long a function may take to become active.
pub(super) const ACTIVE_MS_MAX: f64 = 60_000.0;

const EVENT: &[u8] = br#"{"answer":42}"#;
const PYTHON: &str = "def handler(event, context):\n    return event\n";
const NODE: &str = "exports.handler = async (event) => event;\n";
const JAVA: &str = "import java.util.Map;\npublic class Main {\n    \
    public Map<String, Object> handle(Map<String, Object> event) { return event; }\n}\n";

pub(super) struct Runtime {
    pub name: &'static str,
    pub handler: &'static str,
    /// Name and content of its only file.
    code: fn() -> Result<(&'static str, Vec<u8>)>,
}

pub(super) const RUNTIMES: [Runtime; 5] = [
    Runtime {
        name: "python3.11",
        handler: "main.handler",
        code: || Ok(("main.py", PYTHON.into())),
    },
    Runtime { name: "nodejs20.x", handler: "main.handler", code: || Ok(("main.js", NODE.into())) },
    Runtime { name: "java17", handler: "Main::handle", code: java },
    Runtime { name: "java21", handler: "Main::handle", code: java },
    Runtime { name: "java25", handler: "Main::handle", code: java },
];

pub fn run(setup: &Setup) -> Result<Vec<Row>> {
    let port = server::free_port()?;
    let _server = server::start(&mut up(setup, port, &["--memory", "--lazy-lambda"]), port)?;
    create_role(port)?;
    let mut rows = Vec::new();
    for runtime in &RUNTIMES {
        let measured = measure(port, runtime);
        rows.extend(measured.unwrap_or_else(|why| {
            vec![Row::skipped(format!("invoke {}", runtime.name), why.to_string())]
        }));
    }
    rows.extend(lambda_restored::run(setup, port)?);
    Ok(rows)
}

/// A function's package, in base64.
pub(super) fn package(runtime: &Runtime) -> Result<String> {
    let (file, content) = (runtime.code)()?;
    Ok(BASE64.encode(zipped(file, &content)?))
}

fn measure(port: u16, runtime: &Runtime) -> Result<Vec<Row>> {
    let (file, content) = (runtime.code)()?;
    let archive = BASE64.encode(zipped(file, &content)?);
    let name = |n: usize| format!("bench-{}-{n}", runtime.name.replace('.', "-"));
    let last = name(COLD - 1);
    let folder = scratch_dir("bare")?;
    std::fs::write(folder.join(file), &content)?;
    let (mut cold_ms, mut warm_ms) = (Vec::new(), Vec::new());
    let (mut bare_cold_ms, mut bare_warm_ms) = (Vec::new(), Vec::new());
    // In turn, so that a noise hits both alike.
    for n in 0..COLD {
        create(port, &name(n), runtime, &archive)?;
        cold_ms.push(invoke(port, &name(n))?);
        let bare = lambda_plain::measure(runtime.name, runtime.handler, &folder, WARM + EARLY)?;
        bare_cold_ms.push(bare.cold_ms);
        bare_warm_ms.extend(bare.warm_ms.into_iter().skip(EARLY));
        warm_ms.extend(warm(port, &name(n))?);
    }
    std::fs::remove_dir_all(&folder)?;
    let beyond = median(&warm_ms).unwrap_or_default() - median(&bare_warm_ms).unwrap_or_default();
    // What the runtime itself takes, as the function's log tells.
    let own_ms: Result<Vec<f64>> = (0..WARM / 2).map(|_| reported_ms(port, &last)).collect();
    let bare_cold = median(&bare_cold_ms).unwrap_or_default();
    let row = |what: &str, samples| Row::new(format!("{}: {what}", runtime.name), "ms", samples);
    let mut rows = vec![
        row("cold", cold_ms).beside("the bare runtime", bare_cold),
        row("cold, the bare runtime", bare_cold_ms),
        row("warm", warm_ms),
        row("warm, as its log tells", own_ms?),
        row("warm, the bare runtime", bare_warm_ms),
        row("warm, beyond the bare runtime", vec![beyond]).promised(OVERHEAD_MS_MAX),
    ];
    if runtime.name.starts_with("java") {
        clock::pause(ARCHIVE_MADE);
        let archived = row("cold, with its class archive", again(port, &last)?);
        rows.push(archived.promised(ARCHIVED_MS_MAX).beside("the bare runtime", bare_cold));
    }
    Ok(rows)
}

/// Further cold starts of a function: whatever is changed starts anew.
fn again(port: u16, name: &str) -> Result<Vec<f64>> {
    let path = format!("/2015-03-31/functions/{name}/configuration");
    (0..COLD)
        .map(|n| {
            let input = json!({ "Description": format!("again {n}") });
            call(port, ("PUT", &path), input.to_string().as_bytes())?;
            wait_until_updated(port, name)?;
            invoke(port, name)
        })
        .collect()
}

fn wait_until_updated(port: u16, name: &str) -> Result<()> {
    let path = format!("/2015-03-31/functions/{name}/configuration");
    let watch = clock::start();
    while clock::ms_since(watch) < ACTIVE_MS_MAX {
        let answer = call(port, ("GET", &path), b"")?;
        let configuration: Value = serde_json::from_slice(&answer.body)?;
        if configuration["LastUpdateStatus"] == "Successful" {
            return Ok(());
        }
        clock::pause(Duration::from_millis(10));
    }
    Err(format!("{name} does not become ready").into())
}

/// The role of the functions, which Lambda may assume.
fn create_role(port: u16) -> Result<()> {
    let trust = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%7B%22Effect%22%3A%22Allow\
        %22%2C%22Action%22%3A%22sts%3AAssumeRole%22%2C%22Principal%22%3A%7B%22Service%22%3A%22\
        lambda.amazonaws.com%22%7D%7D%7D";
    let form = format!(
        "Action=CreateRole&Version=2010-05-08&RoleName=bench&AssumeRolePolicyDocument={trust}"
    );
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let answer = http::send(port, ("POST", "/"), "iam", &headers, form.as_bytes())?;
    match answer.status {
        200 => Ok(()),
        status => Err(format!("CreateRole: {status} {}", answer.text()).into()),
    }
}

fn create(port: u16, name: &str, runtime: &Runtime, archive: &str) -> Result<()> {
    let input = json!({
        "FunctionName": name,
        "Runtime": runtime.name,
        "Handler": runtime.handler,
        "Role": "arn:aws:iam::000000000000:role/bench",
        "Timeout": 30,
        // One whole processor.
        "MemorySize": 1769,
        "Code": { "ZipFile": archive },
    });
    call(port, ("POST", "/2015-03-31/functions"), input.to_string().as_bytes())?;
    let path = format!("/2015-03-31/functions/{name}/configuration");
    let watch = clock::start();
    loop {
        let answer = call(port, ("GET", &path), b"")?;
        let configuration: Value = serde_json::from_slice(&answer.body)?;
        match configuration["State"].as_str() {
            Some("Active") => return Ok(()),
            Some("Pending") if clock::ms_since(watch) < ACTIVE_MS_MAX => {}
            _ => return Err(format!("{name} does not become active: {configuration}").into()),
        }
        clock::pause(Duration::from_millis(10));
    }
}

/// Milliseconds of one invocation, as the caller sees it.
fn invoke(port: u16, name: &str) -> Result<f64> {
    invoke_at(port, &format!("/2015-03-31/functions/{name}/invocations"))
}

/// The same of what has this path.
pub(super) fn invoke_at(port: u16, path: &str) -> Result<f64> {
    let watch = clock::start();
    let answer = call(port, ("POST", path), EVENT)?;
    let ms = clock::ms_since(watch);
    let failed = answer.head.to_ascii_lowercase().contains("x-amz-function-error");
    if failed || serde_json::from_slice::<Value>(&answer.body)? != json!({ "answer": 42 }) {
        return Err(format!("{path} answers {}", answer.text()).into());
    }
    Ok(ms)
}

/// Milliseconds of invocations one after the other by a client that is done with signing and keeps
/// its connection, as clients do.
fn warm(port: u16, name: &str) -> Result<Vec<f64>> {
    let path = format!("/2015-03-31/functions/{name}/invocations");
    let request = http::signed(port, ("POST", &path), "lambda", &[], EVENT);
    let mut connection = Connection::open(port)?;
    let mut times_ms = Vec::new();
    for _ in 0..WARM + EARLY {
        let watch = clock::start();
        let answer = connection.send(&request)?;
        times_ms.push(clock::ms_since(watch));
        if !answer.starts_with(b"HTTP/1.1 200") || !answer.ends_with(b"\r\n\r\n{\"answer\":42}") {
            // Java and Python space their JSON as they like.
            let text = String::from_utf8_lossy(answer).replace("\": ", "\":");
            if !text.ends_with("\r\n\r\n{\"answer\":42}") {
                return Err(format!("{name} answers {text}").into());
            }
        }
    }
    Ok(times_ms.split_off(EARLY))
}

/// Milliseconds from the event's delivery to the runtime's answer, as the function's log tells.
fn reported_ms(port: u16, name: &str) -> Result<f64> {
    let path = format!("/2015-03-31/functions/{name}/invocations");
    let headers = [("x-amz-log-type", "Tail")];
    let answer = http::send(port, ("POST", &path), "lambda", &headers, b"{}")?;
    let head = answer.head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("x-amz-log-result").then(|| value.trim().to_owned())
    });
    let log = BASE64.decode(head.ok_or("the answer has no log")?)?;
    let log = String::from_utf8_lossy(&log).into_owned();
    let field = log.split('\t').find_map(|field| field.strip_prefix("Duration: "));
    let ms = field.and_then(|field| field.strip_suffix(" ms"));
    Ok(ms.ok_or_else(|| format!("no REPORT in {log}"))?.parse()?)
}

pub(super) fn call(port: u16, request: (&str, &str), body: &[u8]) -> Result<http::Answer> {
    let answer = http::send(port, request, "lambda", &[], body)?;
    if answer.status < 300 {
        return Ok(answer);
    }
    Err(format!("{} {}: {} {}", request.0, request.1, answer.status, answer.text()).into())
}

fn zipped(name: &str, content: impl AsRef<[u8]>) -> Result<Vec<u8>> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    archive.start_file(name, SimpleFileOptions::default().unix_permissions(0o644))?;
    archive.write_all(content.as_ref())?;
    Ok(archive.finish()?.into_inner())
}

fn java() -> Result<(&'static str, Vec<u8>)> {
    let dir = scratch_dir("java")?;
    std::fs::write(dir.join("Main.java"), JAVA)?;
    let compiled = Command::new("javac")
        .args(["--release", "17", "Main.java"])
        .current_dir(&dir)
        .output()
        .map_err(|e| format!("javac: {e}"))?;
    if !compiled.status.success() {
        return Err(format!("javac: {}", String::from_utf8_lossy(&compiled.stderr)).into());
    }
    let class = std::fs::read(dir.join("Main.class"))?;
    std::fs::remove_dir_all(&dir)?;
    Ok(("Main.class", class))
}
