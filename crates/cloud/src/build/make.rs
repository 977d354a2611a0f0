//! Makefiles: the target `build-FUNCTION` fills `ARTIFACTS_DIR`.

use super::{Job, tools};
use crate::Failure;

/// Runs make.
pub fn make(job: &Job<'_>) -> Result<(), Failure> {
    if !job.source.join("Makefile").is_file() {
        return Err(Failure::of(
            format!("{}: {}", job.id, job.source.display()),
            "there is no Makefile",
        ));
    }
    let make = tools::need("make", job.id, "install it (Debian: apt install make)")?;
    tools::copy_source(&job.source, &job.scratch)?;
    let target = job.target.display().to_string();
    tools::run(&make, &[&format!("build-{}", job.id)], &job.scratch, &[("ARTIFACTS_DIR", &target)])
}
