//! Files that are watched while functions are served: sources are built again, and a changed
//! template is read again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kernel::Kernel;

use crate::Failure;
use crate::build::watch::{Change, PAUSE, Watch, rebuild};
use crate::build::{From, Plan};
use crate::config::Configuration;
use crate::local::args::Common;
use crate::local::project::{self, BUILT, Project};

/// What is watched.
pub struct Watching {
    watch: Watch,
    /// How sources are built; `None` where they are run as they are.
    from: Option<(From, Plan)>,
}

impl Watching {
    /// Watches the project's templates, and the sources of what `gureum build` has made.
    pub fn of(common: &Common, project: &Project) -> Watching {
        let from = sources(common, project);
        let plan = from.and_then(|from| Some((Plan::read(&from).ok()?, from)));
        match plan {
            Some((plan, from)) => Watching { watch: Watch::new(&plan), from: Some((from, plan)) },
            None => Watching::templates(project.files.clone()),
        }
    }

    /// Watches templates alone.
    pub fn templates(files: Vec<PathBuf>) -> Watching {
        Watching { watch: Watch::of(BTreeMap::new(), files), from: None }
    }

    /// Builds what changes, until a template does.
    pub async fn until_the_template_changes(mut self, kernel: &Kernel) {
        loop {
            kernel.clock().sleep(PAUSE).await;
            let looked = tokio::task::spawn_blocking(move || {
                let changed = self.look();
                (self, changed)
            });
            match looked.await {
                Ok((_, true)) => return,
                Ok((same, false)) => self = same,
                // It panicked: nothing is watched any more.
                Err(_) => return std::future::pending().await,
            }
        }
    }

    /// True for a changed template that can be read.
    fn look(&mut self) -> bool {
        let done = match (self.watch.look(), &mut self.from) {
            (None, _) => return false,
            (Some(Change::Sources(changed)), Some((_, plan))) => rebuild(plan, &changed),
            (Some(Change::Sources(_)), None) => return false,
            (Some(Change::Template), None) => return true,
            (Some(Change::Template), Some((from, _))) => match again(from) {
                Ok(()) => return true,
                Err(failure) => Err(failure),
            },
        };
        if let Err(Failure(why)) = done {
            eprintln!("{why}\nWhat was built before stays.");
        }
        false
    }
}

/// Builds everything.
fn again(from: &From) -> Result<(), Failure> {
    let mut plan = Plan::read(from)?;
    let all: Vec<String> = plan.units().map(|unit| unit.path.clone()).collect();
    rebuild(&mut plan, &all)
}

/// The template that the project was built from.
fn sources(common: &Common, project: &Project) -> Option<From> {
    let build_dir = project.file.parent().filter(|_| project.built)?.to_owned();
    let root = match build_dir == Path::new(BUILT) {
        true => PathBuf::new(),
        false => build_dir.parent()?.parent()?.to_owned(),
    };
    let template = project::NAMES.iter().map(|name| root.join(name)).find(|file| file.is_file())?;
    Some(From {
        template: Some(template),
        build_dir,
        base_dir: None,
        parameter_overrides: common.parameter_overrides.clone(),
        region: common.region.clone(),
        configuration: Configuration { config_file: None, config_env: None },
    })
}
