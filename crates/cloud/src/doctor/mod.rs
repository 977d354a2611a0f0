//! `gureum doctor`: what this machine gives, and what would improve it.

mod host;
mod machine;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use crate::{Failure, data};

/// Where a cloud would run.
#[derive(Debug, Args)]
pub struct Doctor {
    /// Address and port of `gureum up`.
    #[arg(long, env = "GUREUM_LISTEN", value_name = "ADDR:PORT", default_value = "127.0.0.1:4566")]
    pub listen: SocketAddr,
    /// The data directory [default: ~/.local/share/gureum].
    #[arg(long, env = "GUREUM_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// As with `gureum up`.
    #[arg(long, env = "GUREUM_HELD_SNAPSTART", value_parser = clap::builder::FalseyValueParser::new())]
    pub held_snapstart: bool,
}

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// As good as it gets.
    Good,
    /// It works; more is possible.
    Fair,
    /// Not there, and nothing but itself is lost.
    Missing,
    /// A cloud, or its functions, cannot run.
    Broken,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            State::Good => "good",
            State::Fair => "fair",
            State::Missing => "missing",
            State::Broken => "broken",
        }
    }
}

/// One thing that was looked at.
pub struct Finding {
    /// What it belongs to.
    pub area: &'static str,
    /// What it is.
    pub name: String,
    /// How it stands.
    pub state: State,
    /// What was found.
    pub found: String,
    /// What would improve it: a command where there is one.
    pub advice: Option<String>,
}

impl Finding {
    /// Something that stands so.
    pub fn new(
        area: &'static str,
        name: impl Into<String>,
        state: State,
        found: impl Into<String>,
    ) -> Finding {
        Finding { area, name: name.into(), state, found: found.into(), advice: None }
    }

    /// What would improve it.
    pub fn advise(self, advice: impl Into<String>) -> Finding {
        Finding { advice: Some(advice.into()), ..self }
    }

    fn to_json(&self) -> Value {
        json!({
            "area": self.area, "name": self.name, "state": self.state.name(),
            "found": self.found, "advice": self.advice,
        })
    }
}

/// Looks at everything; the exit code is 1 if a cloud or its functions cannot run.
pub fn doctor(asked: Doctor, json: bool) -> Result<ExitCode, Failure> {
    let folder = data::folder(asked.data)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let runtimes = service_lambda::default_runtimes();
    let mut findings = runtime.block_on(host::sandboxes(&runtimes, asked.held_snapstart));
    findings.extend(host::runtimes(&runtimes));
    findings.push(host::virtualisation());
    findings.extend(machine::all(&folder, asked.listen));
    let broken = findings.iter().filter(|finding| finding.state == State::Broken).count();
    if json {
        let findings: Vec<Value> = findings.iter().map(Finding::to_json).collect();
        println!("{}", json!({ "usable": broken == 0, "findings": findings }));
    } else {
        print!("{}", table(&findings));
        match broken {
            0 => println!("Clouds and functions can run here."),
            1 => println!("One thing must be mended first."),
            _ => println!("{broken} things must be mended first."),
        }
    }
    Ok(if broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn table(findings: &[Finding]) -> String {
    let width = findings.iter().map(|finding| finding.name.len()).max().unwrap_or(0);
    let mut text = String::new();
    let mut area = "";
    for finding in findings {
        if finding.area != area {
            area = finding.area;
            text += &format!("{area}\n");
        }
        let Finding { name, state, found, .. } = finding;
        text += &format!("  {:<7}  {name:<width$}  {found}\n", state.name());
        if let Some(advice) = &finding.advice {
            text += &format!("  {:<7}  {:<width$}  → {advice}\n", "", "");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn findings_stand_below_their_area() {
        let findings = [
            Finding::new("functions", "isolation", State::Good, "namespaces"),
            Finding::new("functions", "java21", State::Missing, "not installed")
                .advise("gureum runtime install java21"),
            Finding::new("machine", "disk", State::Broken, "full"),
        ];
        let expected = expect![[r#"
            functions
              good     isolation  namespaces
              missing  java21     not installed
                                  → gureum runtime install java21
            machine
              broken   disk       full
        "#]];
        expected.assert_eq(&table(&findings));
    }
}
