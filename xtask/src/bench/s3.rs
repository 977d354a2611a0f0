//! S3: objects put, durable and with signatures checked, beside the emulators we compare with and
//! beside what the disk can do; objects got, beside nginx with the same files. All in turns, so that
//! all meet the same machine; the client shares its processors.

mod disk;
pub mod large;
mod nginx;
mod requests;

use std::path::Path;
use std::time::Duration;

use super::load::Load;
use super::report::{Row, median};
use super::server::{self, Server};
use super::start::up;
use super::{Setup, peer, scratch_dir};
use crate::Result;
use requests::{Payload, Signer, create_bucket, object};

const ROUNDS_MAX: usize = 5;
const CONNECTIONS: usize = 16;
const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;
/// Puts of 1 KiB, beside the fastest peer.
const PEER_RATIO_MIN: f64 = 5.0;
/// Puts, beside the disk.
const DISK_RATIO_MIN: f64 = 0.5;
/// Gets of 1 MiB, beside nginx.
const NGINX_RATIO_MIN: f64 = 0.7;

/// Objects of one size.
struct Size {
    name: &'static str,
    bytes: usize,
    /// Different objects; each is written many times.
    distinct: usize,
}

const SIZES: [Size; 3] = [
    Size { name: "1 KiB", bytes: KIB, distinct: 4096 },
    Size { name: "64 KiB", bytes: 64 * KIB, distinct: 512 },
    Size { name: "1 MiB", bytes: MIB, distinct: 64 },
];
/// What peers are measured with, and the files of nginx.
const SMALL: usize = 0;
const LARGE: usize = SIZES.len() - 1;

/// A server under load.
struct Bench {
    name: &'static str,
    port: u16,
    server: Server,
}

/// What is measured of one kind of request.
#[derive(Default)]
struct Figures {
    per_s: Vec<f64>,
    cpu_us: Vec<f64>,
    p99_ms: Vec<f64>,
}

pub fn run(setup: &Setup) -> Result<Vec<Row>> {
    let data = scratch_dir("s3")?;
    let rows = measure(setup, &data);
    std::fs::remove_dir_all(&data)?;
    rows
}

fn measure(setup: &Setup, data: &Path) -> Result<Vec<Row>> {
    let dir = data.join("gureum").display().to_string();
    let port = server::free_port()?;
    let server = server::start(&mut up(setup, port, &["--data", &dir]), port)?.server;
    let own = Bench { name: "gureum", port, server };
    let mut peers = Vec::new();
    for peer in peer::installed() {
        let port = server::free_port()?;
        let server = server::start(&mut peer.command(port), port)?.server;
        peers.push(Bench { name: peer.name, port, server });
    }
    for bench in peers.iter().chain([&own]) {
        create_bucket(bench.port).map_err(|why| format!("{}: {why}", bench.name))?;
    }
    let mut rows = puts(setup, data, &own, &peers)?;
    // Peers keep what they got in memory, and are not needed any more.
    drop(peers);
    rows.extend(gets(setup, data, &own)?);
    rows.push(Row::new("memory after", "MiB", vec![own.server.rss_mib()?]));
    Ok(rows)
}

fn puts(setup: &Setup, data: &Path, own: &Bench, peers: &[Bench]) -> Result<Vec<Row>> {
    let duration = Duration::from_secs_f64(setup.seconds);
    let mut others: Vec<Figures> = peers.iter().map(|_| Figures::default()).collect();
    let mut rows = Vec::new();
    for (index, size) in SIZES.iter().enumerate() {
        let (mut figures, mut disk) = (Figures::default(), Vec::new());
        let body = content(size.bytes);
        // Twice in each round, as disks are of many moods.
        let distinct = size.distinct / CONNECTIONS;
        let mut limit = || {
            let dir = data.join("disk");
            disk::files_per_s(&dir, &body, CONNECTIONS, distinct, duration / 2)
                .map(|per_s| disk.push(per_s))
        };
        for _ in 0..setup.rounds.min(ROUNDS_MAX) {
            limit()?;
            own.measure(&own.puts(size), duration, &mut figures)?;
            limit()?;
            if index == SMALL {
                for (peer, figures) in peers.iter().zip(&mut others) {
                    peer.measure(&peer.puts(size), duration, figures)?;
                }
            }
        }
        let name = size.name;
        let disk = Row::new(format!("disk: files of {name} written and synced"), "/s", disk);
        let floor = disk.median().unwrap_or(0.0);
        let row = Row::new(format!("put of {name}"), "/s", figures.per_s.clone());
        rows.push(row.at_least(floor * DISK_RATIO_MIN).beside("disk", floor));
        if index == SMALL {
            rows.extend(beside_peers(&figures, peers, &others));
        }
        rows.extend(figures.details());
        rows.push(disk);
    }
    Ok(rows)
}

fn beside_peers(own: &Figures, peers: &[Bench], others: &[Figures]) -> Vec<Row> {
    let fastest = peers.iter().zip(others).filter_map(|(p, f)| Some((p.name, median(&f.per_s)?)));
    let name = "  the same, beside peers";
    let mut rows = vec![match fastest.max_by(|a, b| a.1.total_cmp(&b.1)) {
        None => Row::skipped(name, "no peer is installed"),
        Some((peer, per_s)) => {
            let row = Row::new(name, "/s", own.per_s.clone());
            row.at_least(per_s * PEER_RATIO_MIN).beside(peer, per_s)
        }
    }];
    for (peer, figures) in peers.iter().zip(others) {
        rows.push(Row::new(format!("  {}", peer.name), "/s", figures.per_s.clone()));
    }
    rows
}

fn gets(setup: &Setup, data: &Path, own: &Bench) -> Result<Vec<Row>> {
    let size = &SIZES[LARGE];
    let duration = Duration::from_secs_f64(setup.seconds);
    let (files, port) = (data.join("files"), server::free_port()?);
    let folder = files.join(requests::BUCKET.trim_start_matches('/'));
    std::fs::create_dir_all(&folder)?;
    std::fs::write(files.join("ready"), "")?;
    for number in 0..size.distinct {
        std::fs::write(files.join(object(number).trim_start_matches('/')), content(size.bytes))?;
    }
    let nginx = nginx::start(&data.join("nginx"), &files, port)?;
    let nginx = nginx.map(|server| Bench { name: "nginx", port, server });
    // What was written before is gone over by the store's engine now.
    own.server.settle()?;
    let (mut figures, mut floor) = (Figures::default(), Figures::default());
    let (mut small, mut floor_small) = (Figures::default(), Figures::default());
    for _ in 0..setup.rounds.min(ROUNDS_MAX) {
        if let Some(nginx) = &nginx {
            nginx.measure(&nginx.gets("", size.distinct), duration, &mut floor)?;
        }
        own.measure(&own.gets("", size.distinct), duration, &mut figures)?;
        if let Some(nginx) = &nginx {
            nginx.measure(&nginx.gets("0-1023", size.distinct), duration, &mut floor_small)?;
        }
        own.measure(&own.gets("0-1023", size.distinct), duration, &mut small)?;
    }
    let mut rows = Vec::new();
    let name = format!("get of {}", size.name);
    let row = Row::new(&name, "/s", figures.per_s.clone());
    rows.push(match median(&floor.per_s) {
        Some(per_s) => row.at_least(per_s * NGINX_RATIO_MIN).beside("nginx", per_s),
        None => row,
    });
    rows.extend(figures.details());
    match &nginx {
        None => rows.push(Row::skipped(format!("{name} beside nginx"), "it is not installed")),
        Some(_) => {
            rows.push(Row::new("  nginx", "/s", floor.per_s.clone()));
            rows.extend(floor.details());
        }
    }
    let row = Row::new(format!("get of 1 KiB of {}", size.name), "/s", small.per_s.clone());
    rows.push(row.beside("nginx", median(&floor_small.per_s).unwrap_or(0.0)));
    rows.extend(small.details());
    Ok(rows)
}

/// Bytes that do not compress.
fn content(length: usize) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252_u64;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..length).map(next).collect()
}

impl Figures {
    fn details(&self) -> [Row; 2] {
        [
            Row::new("  CPU of the server", "µs", self.cpu_us.clone()),
            Row::new("  p99", "ms", self.p99_ms.clone()),
        ]
    }
}

impl Bench {
    fn puts(&self, size: &Size) -> Vec<Vec<u8>> {
        let (signer, body) = (Signer::new(self.port), content(size.bytes));
        let put = |n| signer.request("PUT", &object(n), &Payload::Signed(&body));
        (0..size.distinct).map(put).collect()
    }

    fn gets(&self, range: &str, distinct: usize) -> Vec<Vec<u8>> {
        let signer = Signer::new(self.port);
        let get = |n| {
            let mut request = signer.request("GET", &object(n), &Payload::Signed(b""));
            if !range.is_empty() {
                // Unsigned, as a proxy's may be.
                request.truncate(request.len() - 2);
                request.extend_from_slice(format!("range: bytes={range}\r\n\r\n").as_bytes());
            }
            request
        };
        (0..distinct).map(get).collect()
    }

    /// Runs requests for so long and adds what they took.
    fn measure(
        &self,
        requests: &[Vec<u8>],
        duration: Duration,
        figures: &mut Figures,
    ) -> Result<()> {
        let before_ms = self.server.cpu_ms()?;
        let load = Load { port: self.port, connections: CONNECTIONS };
        let outcome = load.closed_loop(requests, duration, None);
        let outcome = outcome.map_err(|why| format!("{}: {why}", self.name))?;
        let cpu_ms = self.server.cpu_ms()? - before_ms;
        if let Some(failure) = &outcome.failure {
            // What fails is fast, and no result.
            return Err(format!("{}: {failure}", self.name).into());
        }
        figures.per_s.push(outcome.per_s);
        figures.cpu_us.push(cpu_ms * 1000.0 / outcome.requests.max(1) as f64);
        figures.p99_ms.push(outcome.p99_ms);
        Ok(())
    }
}
