//! `gureum lambda …`: what a function costs, measured.

mod bench;
mod plot;
mod report_line;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use crate::Failure;
use crate::args::Target;

/// Functions of Lambda.
#[derive(Debug, Subcommand)]
pub enum Lambda {
    /// Measure a function: cold, warm, and restored from a snapshot, as a table and a plot.
    Bench(Bench),
}

/// What to measure, and how often.
#[derive(Debug, Args)]
pub struct Bench {
    /// The functions: names, or names with a version or alias (desk, desk:live).
    #[arg(required = true, value_name = "FUNCTION")]
    pub functions: Vec<String>,
    /// Cold starts of each. For each the description of $LATEST is changed and set back at the
    /// end, since a changed function starts anew; a version or an alias is not changed, and only
    /// starts that happen by themselves are counted.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=1000))]
    pub cold: u32,
    /// Warm invocations after each cold start.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub warm: u32,
    /// The event, JSON text.
    #[arg(long, default_value = "{}", value_name = "JSON")]
    pub payload: String,
    /// Write the plot here, too.
    #[arg(long, value_name = "FILE.svg")]
    pub svg: Option<PathBuf>,
    #[command(flatten)]
    pub target: Target,
}

/// Runs the command.
pub fn run(command: &Lambda, json: bool) -> Result<ExitCode, Failure> {
    match command {
        Lambda::Bench(asked) => bench::bench(asked, json),
    }
}
