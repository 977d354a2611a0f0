//! DynamoDB beside other emulators of it, in the same minute, with the same requests.
//!
//! Ours checks signatures and answers a write when it is on disk. No peer checks a signature. Of the
//! peers, Dynoxide (SQLite) syncs each write when it has a file, dynalite (LevelDB) writes to one
//! without a sync, the others only remember.

use std::process::Command;
use std::time::Duration;

use super::requests::{OPS, Op, Table};
use super::{Bench, Figures, ROUNDS_MAX, SIGNED};
use crate::Result;
use crate::bench::report::{Row, median};
use crate::bench::start::up;
use crate::bench::{Setup, peer, scratch_dir, server};

/// The operations, and how many times ours the durable peer's CPU time is at least.
const RATIOS: [(&str, Option<f64>); 4] = [
    ("GetItem", Some(2.0)),
    ("PutItem", Some(4.0)),
    ("Query of 10", Some(2.0)),
    ("TransactWriteItems of 2", None),
];

pub fn run(setup: &Setup) -> Result<Vec<Row>> {
    let data = scratch_dir("dynamodb-peers")?;
    let table = Table { items: setup.items, item_bytes: setup.item_bytes };
    let mut servers = Vec::new();
    let mut start = |name, command: &dyn Fn(u16) -> Command| -> Result<()> {
        let port = server::free_port()?;
        let server = server::start(&mut command(port), port)
            .map_err(|why| format!("{name} does not start: {why}"))?
            .server;
        let duration = Duration::from_secs_f64(setup.seconds);
        let bench = Bench { name, port, server, table: &table, duration, signed: SIGNED };
        bench.fill()?;
        servers.push(bench);
        Ok(())
    };
    let dir = data.join("gureum").display().to_string();
    start("gureum", &|port| up(setup, port, &["--data", &dir]))?;
    for peer in peer::installed_for_dynamodb() {
        let on_disk = |port| peer.command_on_disk(port, &data);
        // A peer that cannot serve hides nothing of the others.
        let started = start(peer.name, &|port| on_disk(port).unwrap_or_else(|| peer.command(port)));
        started.unwrap_or_else(|why| eprintln!("SKIPPED: {why}"));
    }
    let rows = measure(setup, &servers);
    drop(servers);
    std::fs::remove_dir_all(&data)?;
    rows
}

fn measure(setup: &Setup, servers: &[Bench<'_>]) -> Result<Vec<Row>> {
    let op = |name| OPS.iter().find(|op| op.name == name).expect("the list has it");
    let mut rows = Vec::new();
    for (name, ratio) in RATIOS {
        let op: &Op = op(name);
        let mut figures: Vec<Figures> = servers.iter().map(|_| Figures::default()).collect();
        for _ in 0..setup.rounds.min(ROUNDS_MAX) {
            for (bench, figures) in servers.iter().zip(&mut figures) {
                if let Err(why) = bench.measure(op, None, figures) {
                    eprintln!("SKIPPED: {why}");
                }
            }
        }
        let dynoxide = servers.iter().position(|bench| bench.name == "dynoxide");
        let dynoxide_us = dynoxide.and_then(|at| median(&figures[at].cpu_us));
        for (bench, figures) in servers.iter().zip(figures) {
            let name = format!("{} {}: CPU", bench.name, op.name);
            let mut row = Row::new(name, "µs", figures.cpu_us);
            if let Some(us) = dynoxide_us.filter(|_| bench.name == "gureum") {
                row = row.beside("dynoxide", us);
                row.promised = ratio.map(|ratio| us / ratio);
            }
            rows.push(row);
            rows.push(Row::new("  a second", "", figures.per_s));
        }
    }
    for bench in servers {
        let mib = bench.server.rss_mib()?;
        rows.push(Row::new(format!("{}: memory after the run", bench.name), "MiB", vec![mib]));
    }
    Ok(rows)
}
