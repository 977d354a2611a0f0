//! Memory of a server that has answered once and then rests.

use std::process::Command;
use std::time::Duration;

use super::report::Row;
use super::start::up;
use super::{Setup, clock, peer, scratch_dir, server};
use crate::Result;

const RSS_MIB_MAX: f64 = 25.0;
const REST: Duration = Duration::from_secs(2);
const ROUNDS: usize = 3;

pub fn run(setup: &Setup) -> Result<Vec<Row>> {
    let data = scratch_dir("rss")?;
    let dir = data.display().to_string();
    let mut rows = vec![
        measure("idle memory", |port| up(setup, port, &["--memory"]))?.promised(RSS_MIB_MAX),
        measure("idle memory with a data directory", |port| up(setup, port, &["--data", &dir]))?
            .promised(RSS_MIB_MAX),
    ];
    std::fs::remove_dir_all(&data)?;
    let mut peers = Vec::new();
    for peer in peer::installed() {
        let row = measure(&format!("  {}: idle memory", peer.name), |port| peer.command(port))?;
        peers.push((peer.name, row));
    }
    let least = peers.iter().filter_map(|(name, row)| Some((*name, row.median()?)));
    if let Some((name, value)) = least.min_by(|a, b| a.1.total_cmp(&b.1)) {
        rows = rows.into_iter().map(|row| row.beside(name, value)).collect();
    }
    rows.extend(peers.into_iter().map(|(_, row)| row));
    Ok(rows)
}

fn measure(name: &str, command: impl Fn(u16) -> Command) -> Result<Row> {
    let mut samples = Vec::new();
    for _ in 0..ROUNDS {
        let port = server::free_port()?;
        let started =
            server::start(&mut command(port), port).map_err(|e| format!("{name}: {e}"))?;
        clock::pause(REST);
        samples.push(started.server.rss_mib()?);
    }
    Ok(Row::new(name, "MiB", samples))
}
