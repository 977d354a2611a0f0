//! The bare runtime: the interpreter and the runtime client as a plain process, asked for its events
//! by as little of the Runtime API as it needs. What Lambda takes beyond this is ours.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::clock;
use crate::Result;

const ANSWER_MAX: Duration = Duration::from_secs(60);
const EVENT: &str = r#"{"answer":42}"#;

/// Times of one process.
pub struct Measured {
    /// From its start to its first answer, milliseconds.
    pub cold_ms: f64,
    /// From an event until the runtime asks for the next, milliseconds: whoever invokes a function
    /// again at once waits for that, too.
    pub warm_ms: Vec<f64>,
}

/// What a process has done.
enum Done {
    Answered,
    /// So many milliseconds after its event.
    AskedAgain(f64),
}

/// Runs the handler in `folder` for one event and `warm` more.
pub fn measure(name: &str, handler: &str, folder: &Path, warm: usize) -> Result<Measured> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    let (done, of_process) = channel();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let done = done.clone();
            // A process that ends breaks its connection off.
            thread::spawn(move || serve(stream, &done));
        }
    });
    let begun = clock::start();
    let mut process = start(name, handler, folder, &address)?;
    let measured = watch(&of_process, begun, warm);
    process.kill()?;
    process.wait()?;
    measured
}

fn watch(done: &Receiver<Done>, begun: Instant, warm: usize) -> Result<Measured> {
    let mut cold_ms = None;
    let mut warm_ms = Vec::new();
    while warm_ms.len() <= warm {
        match done.recv_timeout(ANSWER_MAX).map_err(|_| "the bare runtime does not answer")? {
            Done::Answered => _ = cold_ms.get_or_insert(clock::ms_since(begun)),
            Done::AskedAgain(ms) => warm_ms.push(ms),
        }
    }
    // The first was the cold one's.
    warm_ms.remove(0);
    Ok(Measured { cold_ms: cold_ms.ok_or("the bare runtime asks and never answers")?, warm_ms })
}

/// The runtime as `runtimes/install.sh` has installed it.
fn start(name: &str, handler: &str, folder: &Path, address: &str) -> Result<Child> {
    let home = home()?.join(name).canonicalize()?;
    let description: Value = serde_json::from_slice(&std::fs::read(home.join("runtime.json"))?)?;
    let program = description["program"].as_str().ok_or("runtime.json names no program")?;
    let runtime = home.join("runtime").display().to_string();
    let args: Vec<String> = match name {
        name if name.starts_with("python") => {
            vec!["-m".into(), "awslambdaric".into(), handler.into()]
        }
        name if name.starts_with("node") => vec![format!("{runtime}/index.mjs")],
        _ => {
            let options = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto", "-cp"];
            let mut args: Vec<String> =
                vec!["--add-opens=java.base/java.io=ALL-UNNAMED".into(), "-Xmx1500m".into()];
            args.extend(options.map(String::from));
            args.push(format!("{runtime}/lib/*"));
            args.push("com.amazonaws.services.lambda.runtime.api.client.AWSLambda".into());
            args.push(handler.into());
            args
        }
    };
    let child = Command::new(program)
        .args(args)
        .current_dir(folder)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("LANG", "C.UTF-8")
        .env("PYTHONPATH", &runtime)
        .env("AWS_LAMBDA_RUNTIME_API", address)
        .env("LAMBDA_TASK_ROOT", folder)
        .env("LAMBDA_RUNTIME_DIR", &runtime)
        .env("_HANDLER", handler)
        .env("AWS_REGION", "us-east-1")
        .env("AWS_LAMBDA_FUNCTION_NAME", "bare")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1769")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", "bare")
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "bare")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    Ok(child)
}

/// Where runtimes are, as `gureum` itself finds them.
fn home() -> Result<PathBuf> {
    let given = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(folder) = given("GUREUM_RUNTIMES") {
        return Ok(folder.into());
    }
    let cache = given("XDG_CACHE_HOME").map(PathBuf::from);
    let cache = cache.or_else(|| Some(PathBuf::from(given("HOME")?).join(".cache")));
    Ok(cache.ok_or("there is no HOME")?.join("gureum/runtimes"))
}

/// Serves one connection of the runtime: an event for every question.
fn serve(stream: TcpStream, done: &Sender<Done>) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut writer = stream;
    let mut asked: Option<Instant> = None;
    loop {
        let (mut first, mut length) = (String::new(), 0);
        if reader.read_line(&mut first).ok()? == 0 {
            return None;
        }
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.split_once(':') else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().ok()?;
            }
        }
        std::io::copy(&mut (&mut reader).take(length), &mut std::io::sink()).ok()?;
        if first.starts_with("GET") {
            if let Some(before) = asked.replace(clock::start()) {
                done.send(Done::AskedAgain(clock::ms_since(before))).ok()?;
            }
            writer.write_all(event().as_bytes()).ok()?;
        } else {
            writer.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n").ok()?;
            done.send(Done::Answered).ok()?;
        }
    }
}

fn event() -> String {
    let deadline = clock::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    let deadline_ms = (deadline + ANSWER_MAX).as_millis();
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         lambda-runtime-aws-request-id: 00000000-0000-0000-0000-000000000000\r\n\
         lambda-runtime-deadline-ms: {deadline_ms}\r\nlambda-runtime-trace-id: Root=1-0-0\r\n\
         lambda-runtime-invoked-function-arn: arn:aws:lambda:us-east-1:000000000000:function:bare\r\n\
         \r\n{EVENT}",
        EVENT.len()
    )
}
