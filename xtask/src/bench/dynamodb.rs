//! DynamoDB: server CPU time an operation takes, durable and with signatures checked, beside a
//! server that does nothing else than what cannot be left out
//! (`crates/gateway/examples/limit_server.rs`): HTTP, the signature, JSON, a map in memory, and for
//! writes a shared `fdatasync`. Both are measured in turns, so that both meet the same machine.

pub mod peers;
mod requests;
pub mod scale;

use std::process::Command;
use std::time::Duration;

use super::event_load::EventLoad;
use super::load::{Load, Outcome};
use super::report::{Row, median};
use super::server::{self, Server};
use super::start::up;
use super::{PROFILE, Setup, cargo, http, scratch_dir, succeed, target_dir};
use crate::Result;
use requests::{OPS, Op, Table};

const ROUNDS_MAX: usize = 5;
const CONNECTIONS: usize = 32;
/// While it is filled: each waits for its batch to be on disk.
const FILLING: usize = 16;
const SIGNED: usize = 4096;
const HALF_LOAD_P99_MS_MAX: f64 = 3.0;

/// What is measured of one operation.
#[derive(Default)]
struct Figures {
    cpu_us: Vec<f64>,
    per_s: Vec<f64>,
    p50_ms: Vec<f64>,
    p99_ms: Vec<f64>,
}

impl Figures {
    fn add(&mut self, outcome: &Outcome, cpu_ms: f64) {
        self.cpu_us.push(cpu_ms * 1000.0 / outcome.requests.max(1) as f64);
        self.per_s.push(outcome.per_s);
        self.p50_ms.push(outcome.p50_ms);
        self.p99_ms.push(outcome.p99_ms);
    }
}

/// A server under load, and the table in it.
struct Bench<'a> {
    name: &'static str,
    port: u16,
    server: Server,
    table: &'a Table,
    duration: Duration,
    /// Different requests of each operation; each is sent many times.
    signed: usize,
}

pub fn run(setup: &Setup) -> Result<Vec<Row>> {
    let profile = ["build", "--profile", PROFILE, "--package", "gateway", "--example"];
    succeed(cargo().args(profile).arg(LIMIT))?;
    let table = Table { items: setup.items, item_bytes: setup.item_bytes };
    let data = scratch_dir("dynamodb")?;
    let dir = data.display().to_string();
    let limit = |port: u16| {
        let mut command = Command::new(target_dir().join(PROFILE).join("examples").join(LIMIT));
        command.arg(port.to_string()).arg(data.join("limit.log"));
        command
    };
    let duration = Duration::from_secs_f64(setup.seconds);
    let open = |name, command: &dyn Fn(u16) -> Command| -> Result<Bench<'_>> {
        let port = server::free_port()?;
        let server = server::start(&mut command(port), port)?.server;
        Ok(Bench { name, port, server, table: &table, duration, signed: SIGNED })
    };
    let limit = open("limit", &limit)?;
    let own = open("gureum", &|port| up(setup, port, &["--data", &dir]))?;
    let idle_mib = own.server.rss_mib()?;
    limit.fill()?;
    own.fill()?;
    let rows = measure(setup, &limit, &own, idle_mib)?;
    drop((limit, own));
    std::fs::remove_dir_all(&data)?;
    Ok(rows)
}

const LIMIT: &str = "limit_server";

fn measure(setup: &Setup, limit: &Bench<'_>, own: &Bench<'_>, idle_mib: f64) -> Result<Vec<Row>> {
    let (mut reads, mut writes) = (Figures::default(), Figures::default());
    let mut figures: Vec<Figures> = OPS.iter().map(|_| Figures::default()).collect();
    for _ in 0..setup.rounds.min(ROUNDS_MAX) {
        limit.measure(&requests::GET, None, &mut reads)?;
        limit.measure(&requests::PUT, None, &mut writes)?;
        for (op, figures) in OPS.iter().zip(&mut figures) {
            own.measure(op, None, figures)?;
        }
    }
    let mut rows = Vec::new();
    let floor = |writes_: bool| median(if writes_ { &writes.cpu_us } else { &reads.cpu_us });
    let (read_us, write_us) = (floor(false).unwrap_or(0.0), floor(true).unwrap_or(0.0));
    rows.push(Row::new("limit: read, CPU", "µs", reads.cpu_us.clone()));
    rows.push(Row::new("limit: write, CPU", "µs", writes.cpu_us.clone()));
    for (op, figures) in OPS.iter().zip(&figures) {
        let limit_us = if op.is_write { write_us } else { read_us };
        let mut row = Row::new(format!("{}: CPU", op.name), "µs", figures.cpu_us.clone());
        row.ratio = median(&figures.cpu_us)
            .map_or(String::new(), |own_us| format!("{:.2} × limit", own_us / limit_us));
        rows.push(match op.ratio_max {
            Some(ratio) => row.promised(limit_us * ratio),
            None => row,
        });
        rows.push(Row::new("  a second", "", figures.per_s.clone()));
        rows.push(Row::new("  p50", "ms", figures.p50_ms.clone()));
        rows.push(Row::new("  p99", "ms", figures.p99_ms.clone()));
    }
    for (op, figures) in OPS.iter().zip(&figures).filter(|(op, _)| op.is_paced) {
        let half = median(&figures.per_s).map(|per_s| per_s / 2.0);
        let (mut paced, mut floor) = (Figures::default(), Figures::default());
        own.server.settle()?;
        // What the machine itself takes for so many requests a second is no part of the promise,
        // but tells whether it can be kept there.
        limit.measure(op, half, &mut floor)?;
        own.measure(op, half, &mut paced)?;
        let row = Row::new(format!("{} at half load: p99", op.name), "ms", paced.p99_ms);
        let row = row.promised(HALF_LOAD_P99_MS_MAX);
        rows.push(row.beside("limit", median(&floor.p99_ms).unwrap_or(0.0)));
    }
    rows.push(Row::new("memory before", "MiB", vec![idle_mib]));
    rows.push(Row::new("memory after", "MiB", vec![own.server.rss_mib()?]));
    Ok(rows)
}

impl Bench<'_> {
    /// Makes the table and all its items.
    fn fill(&self) -> Result<()> {
        let answer = http::send(
            self.port,
            ("POST", "/"),
            "dynamodb",
            &requests::headers("CreateTable"),
            requests::CREATE_TABLE.as_bytes(),
        )?;
        if answer.status != 200 {
            return Err(format!("CreateTable: {}", answer.text()).into());
        }
        let load = Load { port: self.port, connections: FILLING };
        let batch = |number| {
            requests::sign(self.port, "BatchWriteItem", &[self.table.batch(number)]).concat()
        };
        self.check("filling", &load.each(self.table.batches(), batch)?)
    }

    /// Runs one operation and adds what it took; `per_s` requests a second, or as many as it can.
    fn measure(&self, op: &Op, per_s: Option<f64>, figures: &mut Figures) -> Result<()> {
        let bodies: Vec<(&str, String)> =
            (0..self.signed).map(|n| op.request(self.table, n)).collect();
        let signed: Vec<Vec<u8>> = bodies
            .into_iter()
            .flat_map(|(target, body)| requests::sign(self.port, target, &[body]))
            .collect();
        let before_ms = self.server.cpu_ms()?;
        let load = EventLoad { port: self.port, connections: CONNECTIONS };
        let outcome = load.closed_loop(&signed, self.duration, per_s)?;
        let cpu_ms = self.server.cpu_ms()? - before_ms;
        self.check(op.name, &outcome)?;
        figures.add(&outcome, cpu_ms);
        Ok(())
    }

    /// What fails is fast, and no result.
    fn check(&self, what: &str, outcome: &Outcome) -> Result<()> {
        match &outcome.failure {
            Some(failure) => Err(format!("{} {what}: {failure}", self.name).into()),
            None => Ok(()),
        }
    }
}
