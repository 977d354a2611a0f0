//! Compile times: the whole workspace from nothing, and again after a change to one service.

use std::fs::File;

use super::report::Row;
use super::{Setup, cargo, clock, scratch_dir, server, succeed};
use crate::{Result, root};

const CLEAN_S_MAX: f64 = 6.0 * 60.0;
const ONE_SERVICE_S_MAX: f64 = 20.0;
const ROUNDS: usize = 3;

pub fn run(_: &Setup) -> Result<Vec<Row>> {
    // Downloading is not compiling.
    succeed(cargo().args(["fetch", "--quiet", "--locked"]))?;
    let target = scratch_dir("build")?;
    let build = || -> Result<(f64, f64)> {
        let (watch, cpu_s) = (clock::start(), server::children_cpu_s());
        let args = ["build", "--workspace", "--locked", "--offline", "--quiet"];
        succeed(cargo().args(args).env("CARGO_TARGET_DIR", &target))?;
        Ok((clock::ms_since(watch) / 1000.0, server::children_cpu_s() - cpu_s))
    };
    let (clean_s, clean_cpu_s) = build()?;
    let (mut one_service_s, mut one_service_cpu_s) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let source = root().join("crates/service/logs/src/lib.rs");
        File::options().append(true).open(source)?.set_modified(clock::now())?;
        let (wall_s, cpu_s) = build()?;
        one_service_s.push(wall_s);
        one_service_cpu_s.push(cpu_s);
    }
    std::fs::remove_dir_all(&target)?;
    Ok(vec![
        Row::new("clean dev build", "s", vec![clean_s]).promised(CLEAN_S_MAX),
        Row::new("build after a change to one service", "s", one_service_s)
            .promised(ONE_SERVICE_S_MAX),
        // What others do on the machine changes these less.
        Row::new("clean dev build: CPU", "s", vec![clean_cpu_s]),
        Row::new("build after a change to one service: CPU", "s", one_service_cpu_s),
    ])
}
