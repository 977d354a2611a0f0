//! DynamoDB with few and with many items: what an operation takes beside what it takes in a table of
//! 100,000, how much memory many items take, and how long a start with them.

use std::path::Path;
use std::time::Duration;

use super::requests::{OPS, Table};
use super::{Bench, Figures, ROUNDS_MAX};
use crate::Result;
use crate::bench::report::{Row, median};
use crate::bench::server::{self, Started};
use crate::bench::start::up;
use crate::bench::{Setup, clock, scratch_dir};

const FEW: usize = 100_000;
/// Many, unless more were asked for.
const MANY: usize = 1_000_000;
/// Different requests of each operation, so that they do not all find what the last ones left in
/// memory.
const SIGNED: usize = 20_000;
/// An operation on many items may take so many times what it takes on few.
const RATIO_MAX: f64 = 2.0;
const RSS_MIB_MAX: f64 = 200.0;
const START_MS_MAX: f64 = 500.0;

pub fn run(setup: &Setup) -> Result<Vec<Row>> {
    let items = if setup.items > FEW { setup.items } else { MANY };
    let (few, many) = (
        Table { items: FEW, item_bytes: setup.item_bytes },
        Table { items, item_bytes: setup.item_bytes },
    );
    let data = scratch_dir("dynamodb-scale")?;
    let rows = measure(setup, &data, &few, &many);
    std::fs::remove_dir_all(&data)?;
    rows
}

fn measure(setup: &Setup, data: &Path, few: &Table, many: &Table) -> Result<Vec<Row>> {
    let few_dir = data.join("few");
    let many_dir = data.join("many");
    let duration = Duration::from_secs_f64(setup.seconds);
    let open = |name, table, dir: &Path| -> Result<(Bench<'_>, f64)> {
        let port = server::free_port()?;
        let dir = dir.display().to_string();
        let Started { server, wall_ms, .. } =
            server::start(&mut up(setup, port, &["--data", &dir]), port)?;
        Ok((Bench { name, port, server, table, duration, signed: SIGNED }, wall_ms))
    };
    let (small, _) = open("few", few, &few_dir)?;
    small.fill()?;
    let (large, _) = open("many", many, &many_dir)?;
    let watch = clock::start();
    large.fill()?;
    let fill_s = clock::ms_since(watch) / 1000.0;
    large.server.settle()?;
    let filled_mib = large.server.rss_mib()?;
    let mut rows = vec![
        Row::new(format!("filling with {} items", many.items), "s", vec![fill_s]),
        Row::new("memory after that", "MiB", vec![filled_mib]).promised(RSS_MIB_MAX),
    ];
    rows.extend(operations(setup, &small, &large)?);
    let ran_mib = large.server.rss_mib()?;
    rows.push(Row::new("memory after the run", "MiB", vec![ran_mib]).promised(RSS_MIB_MAX));
    drop(large);
    let (large, wall_ms) = open("many", many, &many_dir)?;
    rows.push(Row::new("start with them: wall", "ms", vec![wall_ms]).promised(START_MS_MAX));
    rows.push(Row::new("memory after a start", "MiB", vec![large.server.rss_mib()?]));
    large.server.kill();
    let (_large, wall_ms) = open("many", many, &many_dir)?;
    rows.push(Row::new("start after SIGKILL: wall", "ms", vec![wall_ms]).promised(START_MS_MAX));
    Ok(rows)
}

/// Every operation on both, in turns.
fn operations(setup: &Setup, small: &Bench<'_>, large: &Bench<'_>) -> Result<Vec<Row>> {
    let mut figures: Vec<[Figures; 2]> = OPS.iter().map(|_| Default::default()).collect();
    for _ in 0..setup.rounds.min(ROUNDS_MAX) {
        for (op, [few, many]) in OPS.iter().zip(&mut figures) {
            small.measure(op, None, few)?;
            large.measure(op, None, many)?;
        }
    }
    let mut rows = Vec::new();
    for (op, [few, many]) in OPS.iter().zip(figures) {
        let few_us = median(&few.cpu_us).unwrap_or(0.0);
        let mut row = Row::new(format!("{}: CPU", op.name), "µs", many.cpu_us);
        row.ratio =
            row.median().map_or(String::new(), |us| format!("{:.2} × {few_us:.0} µs", us / few_us));
        rows.push(row.promised(few_us * RATIO_MAX));
        rows.push(Row::new("  a second", "", many.per_s));
        rows.push(Row::new("  p99", "ms", many.p99_ms));
    }
    Ok(rows)
}
