//! `gureum sync`: brings a template's functions and what they need into a running cloud, and with
//! `--watch` again whenever a file changes. A function whose files have not changed stays as it is, so
//! its sandboxes stay warm.

mod code;
mod deploy;
mod events;
mod functions;
mod images;
mod keys;
mod lambda;
mod ledger;
mod left;
mod policies;
mod resources;
mod rules;
mod settings;
mod wiring;

use std::process::ExitCode;

use clap::Args;

use crate::Failure;
use crate::args::Target;
use crate::build::watch::{Change, PAUSE, Watch, rebuild};
use crate::build::{self, Plan};
use crate::client::Cloud;
use crate::config::IdleBuild;
use crate::local::host;
use deploy::Wanted;

/// What is brought where.
#[derive(Debug, Args)]
pub struct Sync {
    #[command(flatten)]
    pub from: build::From,
    /// Goes before the names of what the template does not name: STACK-Function.
    #[arg(long, value_name = "STACK")]
    pub stack_name: Option<String>,
    /// Go on until Ctrl-C, and bring what changes.
    #[arg(long, overrides_with = "no_watch")]
    pub watch: bool,
    #[arg(long, hide = true)]
    pub no_watch: bool,
    /// Only code of functions and layers that are there already.
    #[arg(long)]
    pub code: bool,
    /// Only the resource with this logical id; may be given several times.
    #[arg(long, value_name = "ID")]
    pub resource_id: Vec<String>,
    /// Only resources of this type, such as AWS::Serverless::Function; may be given several times.
    #[arg(long, value_name = "TYPE")]
    pub resource: Vec<String>,
    #[command(flatten)]
    pub target: Target,
    #[command(flatten)]
    pub idle: IdleBuild,
}

/// Brings everything, and stays where it is to watch.
pub fn sync(sync: Sync) -> Result<ExitCode, Failure> {
    sync.idle.explain();
    let region = sync.from.region.clone().unwrap_or_else(host::usual_region);
    let cloud = Cloud::new(&sync.target.endpoint, &region)?;
    let cloud = match host::own_key() {
        Some((id, secret, token)) => cloud.with_key(id, secret, token),
        None => cloud,
    };
    if cloud.read("/_gureum/health").is_err() {
        let why =
            "no cloud answers there: start one with `gureum up`, or name another by --endpoint";
        return Err(Failure::of(cloud.endpoint(), why));
    }
    let mut plan = match everything(&sync, &cloud) {
        Ok(plan) => plan,
        Err(failure) if !sync.watch => return Err(failure),
        Err(Failure(why)) => {
            eprintln!("{why}");
            Plan::read(&sync.from)?
        }
    };
    if sync.watch {
        eprintln!("Watching; Ctrl-C ends.");
        let mut watch = Watch::new(&plan);
        loop {
            #[expect(clippy::disallowed_methods, reason = "a command that waits, with no kernel")]
            std::thread::sleep(PAUSE);
            let Some(change) = watch.look() else { continue };
            if let Err(Failure(why)) = changed(&sync, &cloud, (&mut plan, &mut watch), &change) {
                eprintln!("{why}\nWhat was there before stays.");
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Builds and brings all that is asked for.
fn everything(sync: &Sync, cloud: &Cloud) -> Result<Plan, Failure> {
    let mut plan = Plan::read(&sync.from)?;
    let all: Vec<String> = plan.units().map(|unit| unit.path.clone()).collect();
    let asked = &sync.resource_id;
    let named = |path: &String| {
        asked.is_empty()
            || plan
                .units()
                .any(|unit| unit.path == *path && asked.iter().any(|id| unit.is_named(id)))
    };
    let wanted: Vec<String> = all.into_iter().filter(named).collect();
    plan.build(&wanted)?;
    plan.write()?;
    deploy::deploy(sync, cloud, &Wanted { paths: None, code: sync.code })?;
    println!("Sync completed.");
    Ok(plan)
}

fn changed(
    sync: &Sync,
    cloud: &Cloud,
    (plan, watch): (&mut Plan, &mut Watch),
    change: &Change,
) -> Result<(), Failure> {
    match change {
        Change::Template => {
            eprintln!("The template has changed.");
            *plan = everything(sync, cloud)?;
            *watch = Watch::new(plan);
            Ok(())
        }
        Change::Sources(paths) => {
            rebuild(plan, paths)?;
            let wanted = Wanted { paths: Some(paths.clone()), code: true };
            deploy::deploy(sync, cloud, &wanted)?;
            println!("Sync completed.");
            Ok(())
        }
    }
}
