//! `gureum call`.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use kernel::{Clock, SystemClock};
use serde_json::json;

use crate::Failure;
use crate::args::{Call, Hours};
use crate::phone::junit::{self, Case};
use crate::phone::local::{Canned, LocalCall, LocalLine};
use crate::phone::remote::RemoteLine;
use crate::phone::{self, Line, Printed, Recorded, Script};

/// The caller when neither the command line nor the script names one, with --flow.
const ANYBODY: &str = "+821000000000";

/// Places a call.
pub fn call(call: Call, json: bool) -> Result<ExitCode, Failure> {
    let script = call.script.as_deref().map(read_script).transpose()?;
    let from = call.from.clone().or_else(|| script.as_ref().and_then(|s| s.from.clone()));
    let mut line: Box<dyn Line> = match &call.flow {
        Some(file) => Box::new(local(&call, file, from)?),
        None => {
            let from = from.ok_or_else(|| Failure("whose call is it? --from NUMBER".into()))?;
            let number = call.number.as_deref().unwrap_or_default();
            Box::new(RemoteLine::dial(crate::status::cloud(&call.target)?, &from, number)?)
        }
    };
    match &script {
        Some(script) => scripted(&call, script, &mut *line, json),
        None if json => Err(Failure("--json needs --script: a terminal is for people".into())),
        None => phone::interactive::run(&mut *line, call.steps).map_err(Failure::from),
    }
}

/// Reads a call script.
pub fn read_script(file: &Path) -> Result<Script, Failure> {
    let text = fs::read_to_string(file).map_err(|e| Failure::of(file.display(), e))?;
    Script::parse(&text).map_err(|e| Failure::of(file.display(), e))
}

fn local(call: &Call, file: &Path, from: Option<String>) -> Result<LocalLine, Failure> {
    let text = fs::read_to_string(file).map_err(|e| Failure::of(file.display(), e))?;
    let flow = flow::load(&text)
        .map_err(|problems| Failure(format!("{} is refused:\n{problems}", file.display())))?;
    let mut canned = Canned::new();
    for (name, file) in &call.lambda {
        let text = fs::read_to_string(file).map_err(|e| Failure::of(file.display(), e))?;
        let answer = serde_json::from_str(&text).map_err(|e| Failure::of(file.display(), e))?;
        canned.insert(name.clone(), answer);
    }
    let call = LocalCall {
        from: from.unwrap_or_else(|| ANYBODY.into()),
        to: call.number.clone().unwrap_or_else(|| ANYBODY.into()),
        canned,
        open: call.hours.map(|hours| hours == Hours::Open),
        seed: call.seed,
    };
    Ok(LocalLine::new(flow, &file.display().to_string(), call))
}

fn scripted(
    call: &Call,
    script: &Script,
    line: &mut dyn Line,
    json: bool,
) -> Result<ExitCode, Failure> {
    let clock = SystemClock::default();
    let mut text = Vec::new();
    let mut recorded = Recorded::default();
    let outcome = {
        let mut kept = Printed { out: &mut text, steps: call.steps, indent: "" };
        let mut live = Printed { out: std::io::stdout(), steps: call.steps, indent: "" };
        let watching: &mut dyn phone::Transcript = if json { &mut recorded } else { &mut live };
        phone::run(script, line, &mut (&mut kept, watching))?
    };
    let failure = outcome.failure.map(|failure| failure.to_string());
    if let Some(file) = &call.junit {
        let name =
            script.title.clone().or_else(|| Some(call.script.as_ref()?.display().to_string()));
        let case = Case {
            name: name.unwrap_or_default(),
            elapsed_ms: clock.elapsed().as_millis() as u64,
            failure: failure.clone(),
            transcript: String::from_utf8_lossy(&text).into_owned(),
        };
        fs::write(file, junit::report("gureum call", &[case]))
            .map_err(|e| Failure::of(file.display(), e))?;
    }
    match (json, &failure) {
        (true, _) => println!("{}", json!({ "call": recorded.0, "failure": failure })),
        (false, None) => println!("as expected"),
        (false, Some(why)) => println!("FAILED at {why}"),
    }
    Ok(if failure.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
