//! Measures what a sandbox costs: from `launch` until its program runs, and until it has ended,
//! beside the same program as a plain process, and in namespaces made by other tools.
//!
//! `cargo run --release -p sandbox --example startup [ROUNDS] [--json]`

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sandbox::{Choice, Engine, Limits, Plan, Program};
use serde_json::{Value, json};

const PROGRAM: &str = "/bin/true";
/// The same namespaces, and nothing in them, by util-linux; and what containers are often begun with.
const OTHERS: [(&str, &[&str]); 3] = [
    ("plain process", &[PROGRAM]),
    (
        "unshare",
        &["unshare", "--user", "--pid", "--mount", "--net", "--ipc", "--uts", "--fork", PROGRAM],
    ),
    (
        "bubblewrap",
        &[
            "bwrap",
            "--unshare-all",
            "--ro-bind",
            "/usr",
            "/usr",
            "--symlink",
            "usr/bin",
            "/bin",
            "--symlink",
            "usr/lib",
            "/lib",
            "--symlink",
            "usr/lib64",
            "/lib64",
            "--proc",
            "/proc",
            "--dev",
            "/dev",
            "--tmpfs",
            "/tmp",
            PROGRAM,
        ],
    ),
];

/// Measurements of one kind, in milliseconds.
struct Row {
    name: String,
    ms: Vec<f64>,
}

fn main() {
    sandbox::agent_main();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let rounds = arguments.iter().find_map(|n| n.parse().ok()).unwrap_or(100);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let rows = runtime.block_on(measure(rounds));
    if arguments.iter().any(|argument| argument == "--json") {
        let rows: Vec<Value> =
            rows.iter().map(|row| json!({ "name": row.name, "ms": row.ms })).collect();
        println!("{}", Value::from(rows));
        return;
    }
    for Row { name, mut ms } in rows {
        ms.sort_by(f64::total_cmp);
        println!("{name:<40} {:>8.3} ms, {:.3} at least", ms[ms.len() / 2], ms[0]);
    }
}

/// One of each kind in turn, so that a noise hits all alike.
async fn measure(rounds: usize) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    let mut add = |name: String, took: Duration| {
        let ms = took.as_secs_f64() * 1e3;
        match rows.iter_mut().find(|row| row.name == name) {
            Some(row) => row.ms.push(ms),
            None => rows.push(Row { name, ms: vec![ms] }),
        }
    };
    let engine = Engine::detect(Choice::Best, None, &std::env::temp_dir()).await;
    let engine = engine.expect("an engine");
    let present = |command: &[&str]| run(command).is_some();
    let others: Vec<_> = OTHERS.into_iter().filter(|(_, command)| present(command)).collect();
    for _ in 0..rounds {
        let (running, ended, steps) = sandboxed(&engine).await;
        add("sandbox: until its program runs".into(), running);
        add("sandbox: until its program has ended".into(), ended);
        for (step, us) in steps {
            add(format!("sandbox: {step}"), Duration::from_micros(us));
        }
        for (name, command) in &others {
            add(format!("{name}: until it has ended"), run(command).unwrap_or_default());
        }
    }
    rows
}

/// Until the program runs, until it has ended, and the steps in between.
#[expect(clippy::disallowed_methods, reason = "a measurement needs the real clock")]
async fn sandboxed(engine: &Engine) -> (Duration, Duration, Vec<(String, u64)>) {
    let limits =
        Limits { memory_bytes: 1 << 27, tmp_size_bytes: 1 << 29, files: 1024, processes: 1024 };
    let begin = Instant::now();
    let place = engine.place(Plan { ports: vec![9001, 4566], ..Plan::default() }).expect("a place");
    let program = Program {
        program: PROGRAM.into(),
        args: Vec::new(),
        env: Vec::new(),
        cwd: place.path("/tmp".as_ref()),
        merge_output: false,
        message_output: None,
        held: false,
        limits,
    };
    let mut sandbox = engine.launch(place, program).await.expect("a sandbox");
    let running = begin.elapsed();
    sandbox.control.wait().await;
    (running, begin.elapsed(), sandbox.steps)
}

/// How long a command takes; nothing where it cannot run.
#[expect(clippy::disallowed_methods, reason = "a measurement needs the real clock")]
fn run(command: &[&str]) -> Option<Duration> {
    let begin = Instant::now();
    let mut process = Command::new(command[0]);
    let status = process.args(&command[1..]).stderr(Stdio::null()).status();
    status.ok()?.success().then(|| begin.elapsed())
}
