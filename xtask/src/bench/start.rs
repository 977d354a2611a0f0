//! Starting: wall and CPU time from exec until DynamoDB answers a signed request.

use std::process::Command;

use super::peer::Peer;
use super::report::{Row, median};
use super::{Setup, peer, scratch_dir, server};
use crate::Result;

const WALL_MS_MAX: f64 = 60.0;
/// Our CPU time is at most this part of the fastest peer's.
const CPU_PART_MAX: f64 = 1.0 / 6.0;

#[derive(Default)]
struct Times {
    wall_ms: Vec<f64>,
    cpu_ms: Vec<f64>,
}

impl Times {
    fn measure(&mut self, command: &mut Command, port: u16) -> Result<()> {
        let started = server::start(command, port)?;
        self.wall_ms.push(started.wall_ms);
        self.cpu_ms.push(started.cpu_ms);
        Ok(())
    }
}

pub fn run(setup: &Setup) -> Result<Vec<Row>> {
    let peers = peer::installed();
    let (mut memory, mut disk) = (Times::default(), Times::default());
    let mut others: Vec<Times> = peers.iter().map(|_| Times::default()).collect();
    for peer in &peers {
        // The first start compiles Python's modules.
        Times::default().measure_peer(peer)?;
    }
    let data = scratch_dir("start")?;
    // In turns, so that all meet the same disturbances.
    for _ in 0..setup.rounds {
        let port = server::free_port()?;
        memory.measure(&mut up(setup, port, &["--memory"]), port)?;
        let port = server::free_port()?;
        let dir = data.display().to_string();
        disk.measure(&mut up(setup, port, &["--data", &dir]), port)?;
        for (peer, times) in peers.iter().zip(&mut others) {
            times.measure_peer(peer)?;
        }
    }
    std::fs::remove_dir_all(&data)?;
    Ok(rows(memory, disk, &peers, others))
}

impl Times {
    fn measure_peer(&mut self, peer: &Peer) -> Result<()> {
        let port = server::free_port()?;
        self.measure(&mut peer.command(port), port)
            .map_err(|e| format!("{}: {e}", peer.name).into())
    }
}

/// The command that starts our server.
pub fn up(setup: &Setup, port: u16, args: &[&str]) -> Command {
    let mut command = Command::new(&setup.binary);
    command.args(["up", "--listen", &format!("127.0.0.1:{port}")]).args(args);
    command
}

fn rows(memory: Times, disk: Times, peers: &[Peer], others: Vec<Times>) -> Vec<Row> {
    let fastest = |of: fn(&Times) -> &Vec<f64>| {
        let medians = peers.iter().zip(&others).filter_map(|(p, t)| Some((p.name, median(of(t))?)));
        medians.min_by(|a, b| a.1.total_cmp(&b.1))
    };
    let beside = |row: Row, other: Option<(&str, f64)>| match other {
        Some((name, value)) => row.beside(name, value),
        None => row,
    };
    let (wall, cpu) = (fastest(|t| &t.wall_ms), fastest(|t| &t.cpu_ms));
    let mut rows =
        vec![beside(Row::new("start: wall", "ms", memory.wall_ms).promised(WALL_MS_MAX), wall)];
    let row = beside(Row::new("start: CPU", "ms", memory.cpu_ms), cpu);
    rows.push(match cpu {
        Some((_, value)) => row.promised(value * CPU_PART_MAX),
        None => row,
    });
    if cpu.is_none() {
        rows.push(Row::skipped("start: CPU beside peers", "no peer is installed"));
    }
    rows.push(beside(Row::new("start with a data directory: wall", "ms", disk.wall_ms), wall));
    rows.push(beside(Row::new("start with a data directory: CPU", "ms", disk.cpu_ms), cpu));
    for (peer, times) in peers.iter().zip(others) {
        rows.push(Row::new(format!("  {}: wall", peer.name), "ms", times.wall_ms));
        rows.push(Row::new(format!("  {}: CPU", peer.name), "ms", times.cpu_ms));
    }
    rows
}
