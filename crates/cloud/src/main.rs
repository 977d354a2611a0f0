//! The `gureum` binary: the command line, and the wiring of the cloud.

mod args;
mod backup;
mod build;
mod call;
mod calls;
mod client;
mod config;
mod data;
mod demo;
mod doctor;
mod dynamodb;
mod elsewhere;
mod fsck;
mod iam;
mod image;
mod keys;
mod lambda;
mod local;
mod logs;
mod mail;
mod phone;
mod reply;
mod runtime;
mod standin;
mod status;
mod sync;
mod up;
mod wiring;

use std::fmt;
use std::process::ExitCode;

use args::{Arguments, Command};
use clap::{CommandFactory as _, Parser as _};

/// A request makes dozens of small allocations; with the system's allocator they were a fifth of
/// its cost.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Why a command did not do what it should, for people.
#[derive(Debug)]
pub struct Failure(pub String);

impl Failure {
    /// With what it was about.
    pub fn of(what: impl fmt::Display, why: impl fmt::Display) -> Failure {
        Failure(format!("{what}: {why}"))
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure(error.to_string())
    }
}

fn main() -> ExitCode {
    // A function's sandbox starts this very program as its first process.
    sandbox::agent_main();
    let words = match config::complete(std::env::args_os().collect()) {
        Ok(words) => words,
        Err(Failure(why)) => {
            eprintln!("gureum: {why}");
            return ExitCode::FAILURE;
        }
    };
    let arguments = Arguments::parse_from(words);
    let json = arguments.json;
    let done = match arguments.command {
        Command::Up(up) => up::up(up, json),
        Command::Doctor(asked) => doctor::doctor(asked, json),
        Command::Status(target) => status::status(&target, json),
        Command::Demo(demo) => demo::demo(demo, json),
        Command::Call(call) => call::call(call, json),
        Command::Ca(ca) => status::ca(ca, json),
        Command::Backup(backup) => backup::backup(&backup, json),
        Command::Restore(restore) => backup::restore(&restore, json),
        Command::Fsck(fsck) => fsck::fsck(fsck, json),
        Command::Mailbox(command) => mail::mailbox(command, json),
        Command::DynamoDb(command) => dynamodb::run(command, json),
        Command::Iam(command) => iam::run(&command, json),
        Command::Image(command) => image::run(&command, json),
        Command::Build(command) => build::build(command),
        Command::Logs(command) => logs::logs(&command, json),
        Command::Sync(command) => sync::sync(command),
        Command::Local(command) => local::run(command),
        Command::Keys(command) => keys::run(&command, json),
        Command::Lambda(command) => lambda::run(&command, json),
        Command::Runtime(command) => runtime::run(&command, json),
        Command::Completions { shell } => {
            clap_complete::generate(
                shell,
                &mut Arguments::command(),
                "gureum",
                &mut std::io::stdout(),
            );
            Ok(ExitCode::SUCCESS)
        }
    };
    done.unwrap_or_else(|Failure(why)| {
        match json {
            true => println!("{}", serde_json::json!({ "error": why })),
            false => eprintln!("gureum: {why}"),
        }
        ExitCode::FAILURE
    })
}
