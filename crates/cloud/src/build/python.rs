//! Python: the source, and what requirements.txt asks for, by pip.

use super::{Job, tools};
use crate::Failure;

/// Copies and installs.
pub fn pip(job: &Job<'_>) -> Result<(), Failure> {
    let requirements = job.source.join("requirements.txt");
    if requirements.is_file() {
        let install = "install Python with pip (Debian: apt install python3-pip)";
        // The very version, so that compiled packages fit.
        let python = match tools::find(&job.runtime) {
            Some(python) => python,
            None => tools::need("python3", job.id, install)?,
        };
        let (file, target) = (requirements.display().to_string(), job.target.display().to_string());
        let version = job.runtime.trim_start_matches("python");
        let own = tools::find(&job.runtime).is_some();
        let mut args = vec![
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-r",
            &file,
            "--target",
            &target,
        ];
        if !own {
            args.extend(["--python-version", version, "--only-binary=:all:"]);
        }
        tools::run(&python, &args, &job.source, &[])?;
    }
    tools::copy_source(&job.source, &job.target)
}
