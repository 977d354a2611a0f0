//! `xtask bench`: measures what SPECIFICATION.md promises, and fails when a promise is broken.

mod build;
mod clock;
mod dynamodb;
mod event_load;
mod flow;
mod http;
mod lambda;
mod lambda_plain;
mod lambda_restored;
mod load;
mod peer;
mod policy;
mod report;
mod rss;
mod s3;
mod sandbox;
mod server;
mod sign;
mod sigv4;
mod size;
mod start;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Result, root};
use report::Row;

const USAGE: &str = "usage: cargo xtask bench [NAME…] [--rounds N] [--binary FILE] [--json FILE]

  --rounds N     measurements of what is quick (default 10)
  --binary FILE  the gureum to measure, instead of building it (profile dist)
  --json FILE    write the results there, too
  --items N      DynamoDB: items in the table (default 20000)
  --item-bytes N DynamoDB: length of their long attribute (default 160)
  --seconds S    DynamoDB, S3: for each operation and round (default 1)

NAME is one of:";

/// What a benchmark may need.
struct Setup {
    rounds: usize,
    binary: PathBuf,
    items: usize,
    item_bytes: usize,
    seconds: f64,
}

/// Measures; each row of the answer is one promise, or a number worth knowing.
type Run = fn(&Setup) -> Result<Vec<Row>>;

/// Every benchmark: its name, what it measures, how.
const BENCHES: &[(&str, &str, Run)] = &[
    ("size", "the release binary on disk", size::run),
    ("start", "from exec to the first answer of DynamoDB, beside moto and ministack", start::run),
    ("rss", "memory of an idle server, beside moto and ministack", rss::run),
    (
        "dynamodb",
        "CPU time of operations, beside a server that does only what it must",
        dynamodb::run,
    ),
    (
        "dynamodb-scale",
        "the same with 100,000 and with 1,000,000 items (--items N for more); takes minutes",
        dynamodb::scale::run,
    ),
    (
        "dynamodb-peers",
        "the same beside Dynoxide, dynalite, moto and ministack; builds Dynoxide, so takes minutes",
        dynamodb::peers::run,
    ),
    ("flow", "a step of a contact flow without I/O", flow::run),
    ("policy", "a decision of the policy engine over 50 statements", policy::run),
    ("sigv4", "reading and checking a request's signature", sigv4::run),
    ("s3", "objects, beside moto and ministack, nginx, and what the disk can do", s3::run),
    ("s3-large", "memory while 5 GiB go up and down; takes minutes", s3::large::run),
    ("lambda", "cold and warm invocations, beside the bare runtimes", lambda::run),
    ("sandbox", "making a sandbox, beside plain processes and other tools", sandbox::run),
    ("build", "a clean build of the workspace, and one after a change to one service", build::run),
];

/// Those that take so long that they only run when they are named.
const LONG: &[&str] = &["dynamodb-scale", "dynamodb-peers", "s3-large"];

/// Runs the benchmarks that the arguments name, or all but the long ones.
pub fn run(args: &[&str]) -> Result<()> {
    let Some(Options { names, setup, is_given, json }) = options(args) else {
        let names: Vec<String> =
            BENCHES.iter().map(|(name, about, _)| format!("  {name:8} {about}")).collect();
        return Err(format!("{USAGE}\n{}", names.join("\n")).into());
    };
    if cfg!(debug_assertions) {
        return run_optimised(args);
    }
    let wanted = |name: &str| match names.is_empty() {
        true => !LONG.contains(&name),
        false => names.contains(&name),
    };
    let need_binary = [
        "size",
        "start",
        "rss",
        "dynamodb",
        "dynamodb-scale",
        "dynamodb-peers",
        "s3",
        "s3-large",
        "lambda",
    ];
    if !is_given && need_binary.into_iter().any(wanted) {
        build_dist()?;
    }
    println!("{}", report::machine());
    let mut rows = Vec::new();
    for (name, _, run) in BENCHES.iter().filter(|(name, ..)| wanted(name)) {
        eprintln!("bench {name} …");
        // One that cannot run must not hide what the others found.
        rows.extend(run(&setup).unwrap_or_else(|why| vec![Row::failed(name, &why.to_string())]));
    }
    print!("{}", report::table(&rows));
    if let Some(path) = json {
        std::fs::write(&path, report::json(&rows))?;
    }
    let broken = rows.iter().filter(|row| row.is_broken()).count();
    if broken == 0 { Ok(()) } else { Err(format!("{broken} promises are not kept").into()) }
}

/// Does the same in a program that is optimised: clients share the processors with what they
/// measure.
fn run_optimised(args: &[&str]) -> Result<()> {
    eprintln!("building the bench …");
    succeed(cargo().args(["build", "--quiet", "--release", "--package", "xtask"]))?;
    let status =
        Command::new(target_dir().join("release/xtask")).arg("bench").args(args).status()?;
    // It has said why.
    std::process::exit(status.code().unwrap_or(1))
}

struct Options<'a> {
    names: Vec<&'a str>,
    setup: Setup,
    /// Whether the binary to measure was named.
    is_given: bool,
    json: Option<PathBuf>,
}

/// `None`: the arguments make no sense.
fn options<'a>(args: &[&'a str]) -> Option<Options<'a>> {
    let setup =
        Setup { rounds: 10, binary: dist_binary(), items: 20_000, item_bytes: 160, seconds: 1.0 };
    let mut options = Options { names: Vec::new(), setup, is_given: false, json: None };
    let setup = &mut options.setup;
    let mut args = args.iter();
    while let Some(&arg) = args.next() {
        match arg {
            "--rounds" => setup.rounds = args.next()?.parse().ok().filter(|n| *n > 0)?,
            "--binary" => {
                setup.binary = std::path::absolute(args.next()?).ok()?;
                options.is_given = true;
            }
            "--json" => options.json = Some(PathBuf::from(args.next()?)),
            "--items" => setup.items = args.next()?.parse().ok().filter(|n| *n >= 1000)?,
            "--item-bytes" => setup.item_bytes = args.next()?.parse().ok()?,
            "--seconds" => setup.seconds = args.next()?.parse().ok().filter(|s| *s > 0.0)?,
            name if BENCHES.iter().any(|(known, ..)| *known == name) => options.names.push(name),
            _ => return None,
        }
    }
    Some(options)
}

/// Where cargo puts what it builds.
fn target_dir() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// The profile of what is handed out, and so of what is measured.
const PROFILE: &str = "dist";

fn dist_binary() -> PathBuf {
    target_dir().join(PROFILE).join("gureum")
}

fn build_dist() -> Result<()> {
    eprintln!("building what is handed out; this takes minutes …");
    succeed(cargo().args(["build", "--profile", PROFILE, "--package", "cloud"]))
}

fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root());
    cargo
}

/// Runs a command to its end; anything but success is an error that names it.
fn succeed(command: &mut Command) -> Result<()> {
    let status = command.status().map_err(|e| format!("{}: {e}", name_of(command)))?;
    if status.success() { Ok(()) } else { Err(format!("{}: {status}", name_of(command)).into()) }
}

fn name_of(command: &Command) -> String {
    Path::new(command.get_program()).display().to_string()
}

/// An empty directory below the target directory, for one run.
fn scratch_dir(name: &str) -> Result<PathBuf> {
    let dir = target_dir().join("bench").join(format!("{name}-{}", std::process::id()));
    if dir.exists() {
        std::fs::remove_dir_all(&dir)?;
    }
    std::fs::create_dir_all(&dir)?;
    Ok(dir)
}
