//! `gureum demo`: a customer who cancelled a flight calls, and is asked about exactly that flight.

mod server;
mod setup;
mod timings;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use kernel::{Clock, SystemClock};
use serde_json::{Value, json};

use crate::Failure;
use crate::args::Demo;
use crate::call::read_script;
use crate::client::Cloud;
use crate::phone::junit::{self, Case};
use crate::phone::remote::RemoteLine;
use crate::phone::{self, Printed, Recorded, Script};
use server::Server;
use setup::{DESKS, LANGUAGES, Numbers};
use timings::Timings;

/// The region of the example.
const REGION: &str = "ap-northeast-2";

/// One call that was placed.
struct Placed {
    language: &'static str,
    script: String,
    title: String,
    failure: Option<String>,
    elapsed_ms: u64,
    transcript: String,
    recorded: Vec<Value>,
}

/// Runs the demonstration.
pub fn demo(demo: Demo, json: bool) -> Result<ExitCode, Failure> {
    let scripts = scripts(&demo.example)?;
    let (mut server, cloud) = Server::start(REGION)?;
    if !json {
        println!("Gureum is up at {} after {} ms.", server.endpoint, server.started.as_millis());
        println!("Deploying {} through the AWS API:", demo.example.display());
    }
    let clock = SystemClock::default();
    let numbers = setup::deploy(&cloud, &demo.example, &mut |step| {
        if !json {
            println!("  {step}");
        }
    })?;
    let deployed_ms = clock.elapsed().as_millis() as u64;
    let mut timings = Timings::default();
    let mut placed = Vec::new();
    for language in &LANGUAGES {
        for (file, script) in &scripts {
            let call = place(&cloud, &numbers, language.name, file, script, demo.steps, json)?;
            timings.add(language.name, &call.recorded);
            placed.push(call);
        }
    }
    if let Some(file) = &demo.junit {
        let report = junit::report("gureum demo", &placed.iter().map(case).collect::<Vec<_>>());
        fs::write(file, report).map_err(|e| Failure::of(file.display(), e))?;
    }
    let failed: Vec<&Placed> = placed.iter().filter(|call| call.failure.is_some()).collect();
    match json {
        true => println!("{}", summary(&server, deployed_ms, &placed, &timings)),
        false => verdict(&server, deployed_ms, &placed, &failed, &timings),
    }
    let code = if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    if demo.keep {
        keep(&mut server, &numbers)?;
    }
    Ok(code)
}

/// All call scripts of the example, in order of their names.
fn scripts(example: &Path) -> Result<Vec<(String, Script)>, Failure> {
    let folder = example.join("calls");
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .map_err(|e| Failure::of(folder.display(), e))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "call"))
        .collect();
    files.sort();
    if files.is_empty() {
        return Err(Failure::of(folder.display(), "holds no call"));
    }
    files
        .iter()
        .map(|file| {
            let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            Ok((name, read_script(file)?))
        })
        .collect()
}

/// Places one call and prints it as it goes.
fn place(
    cloud: &Cloud,
    numbers: &Numbers,
    language: &'static str,
    file: &str,
    script: &Script,
    steps: bool,
    json: bool,
) -> Result<Placed, Failure> {
    let title = script.title.clone().unwrap_or_else(|| file.to_owned());
    let desk = script.desk.as_deref().unwrap_or(DESKS[0]);
    let desk = DESKS.iter().find(|known| **known == desk).ok_or_else(|| {
        Failure(format!("{file}.call: no desk is named {desk}; there are {}", DESKS.join(", ")))
    })?;
    let number = &numbers[&(language, *desk)];
    let from = script.from.as_deref();
    let from =
        from.ok_or_else(|| Failure(format!("{file}.call: it says not who calls: from NUMBER")))?;
    if !json {
        println!("\n{language} · {title} ({from} calls {number})");
    }
    let clock = SystemClock::default();
    let mut line = RemoteLine::dial(cloud.clone(), from, number)?;
    let (mut text, mut recorded) = (Vec::new(), Recorded::default());
    let failure = {
        let mut kept = Printed { out: &mut text, steps: true, indent: "" };
        let out: Box<dyn std::io::Write> =
            if json { Box::new(std::io::sink()) } else { Box::new(std::io::stdout()) };
        let mut live = Printed { out, steps, indent: "    " };
        phone::run(script, &mut line, &mut (&mut (&mut kept, &mut live), &mut recorded))?.failure
    };
    let failure = failure.map(|failure| format!("{file}.call, {failure}"));
    if !json {
        match &failure {
            None => println!("  ✓"),
            Some(why) => println!("  ✗ {why}"),
        }
    }
    Ok(Placed {
        language,
        script: file.to_owned(),
        title,
        failure,
        elapsed_ms: clock.elapsed().as_millis() as u64,
        transcript: String::from_utf8_lossy(&text).into_owned(),
        recorded: recorded.0,
    })
}

fn case(call: &Placed) -> Case {
    Case {
        name: format!("{}: {}", call.language, call.title),
        elapsed_ms: call.elapsed_ms,
        failure: call.failure.clone(),
        transcript: call.transcript.clone(),
    }
}

fn summary(server: &Server, deployed_ms: u64, placed: &[Placed], timings: &Timings) -> Value {
    let calls: Vec<Value> = placed
        .iter()
        .map(|call| {
            json!({
                "language": call.language, "script": call.script, "title": call.title,
                "milliseconds": call.elapsed_ms, "failure": call.failure, "call": call.recorded,
            })
        })
        .collect();
    json!({
        "startMilliseconds": server.started.as_millis() as u64,
        "deployMilliseconds": deployed_ms,
        "timings": timings.to_json(),
        "passed": placed.iter().filter(|call| call.failure.is_none()).count(),
        "failed": placed.iter().filter(|call| call.failure.is_some()).count(),
        "calls": calls,
    })
}

fn verdict(
    server: &Server,
    deployed_ms: u64,
    placed: &[Placed],
    failed: &[&Placed],
    timings: &Timings,
) {
    println!("\nTimings");
    println!("  start to first answer   {} ms", server.started.as_millis());
    println!("  deployment              {deployed_ms} ms");
    print!("{timings}");
    println!();
    for call in failed {
        println!("✗ {} · {}", call.language, call.failure.as_deref().unwrap_or_default());
    }
    let passed = placed.len() - failed.len();
    match failed.is_empty() {
        true => println!(
            "All {passed} calls went as expected: every customer reached exactly their flight."
        ),
        false => println!("{passed} calls passed, {} failed.", failed.len()),
    }
}

fn keep(server: &mut Server, numbers: &Numbers) -> Result<(), Failure> {
    println!("\nThe cloud stays up until Ctrl-C:");
    for ((language, desk), number) in numbers {
        println!(
            "  gureum call {number} --from +821000001001 --endpoint {}   # {language}, {desk} desk",
            server.endpoint
        );
    }
    server.wait()
}
