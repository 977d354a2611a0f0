//! `gureum local invoke`: one event, one answer.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use bytes::Bytes;

use crate::Failure;
use crate::local::args::Invoke;
use crate::local::host::Host;
use crate::local::lines;

/// Invokes. As with `sam`, an error of the function is an answer, and no failure of the command.
pub async fn invoke(invoke: Invoke) -> Result<ExitCode, Failure> {
    let payload = event(invoke.event.as_deref())?;
    let mut host =
        Host::start(&invoke.common, lines(&invoke.common)?, Some(invoke.function.as_deref()))
            .await?;
    host.runtime.clone_from(&invoke.runtime);
    let answered = answer(&host, &invoke, payload).await;
    host.stop().await;
    let answer = answered?;
    let mut out = std::io::stdout().lock();
    out.write_all(&answer)?;
    out.write_all(b"\n")?;
    Ok(ExitCode::SUCCESS)
}

async fn answer(host: &Host, invoke: &Invoke, payload: Bytes) -> Result<Bytes, Failure> {
    let placed = host.project.function(invoke.function.as_deref())?;
    let runtime = invoke.runtime.as_ref().unwrap_or(&placed.function.runtime);
    eprintln!("Invoking {} ({runtime})", placed.function.handler);
    Ok(host.invoke(placed, payload, None).await?.payload)
}

fn event(file: Option<&Path>) -> Result<Bytes, Failure> {
    let text = match file {
        None => return Ok(Bytes::from_static(b"{}")),
        Some(file) if file == Path::new("-") => {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text)?;
            text
        }
        Some(file) => fs::read_to_string(file).map_err(|e| Failure::of(file.display(), e))?,
    };
    match serde_json::from_str::<serde::de::IgnoredAny>(&text) {
        Ok(_) => Ok(text.into()),
        Err(error) => Err(Failure(format!("the event is no JSON: {error}"))),
    }
}
