//! 5 GiB up and down, as one stream and in parts: what memory does meanwhile.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::requests::{BUCKET, Payload, Signer, create_bucket, expect_success, succeed};
use super::{MIB, content};
use crate::Result;
use crate::bench::load::Connection;
use crate::bench::report::Row;
use crate::bench::server::{self, Server};
use crate::bench::start::up;
use crate::bench::{Setup, clock, scratch_dir, sign};

/// What S3 takes at once at most.
const TOTAL_BYTES: u64 = 5 * 1024 * MIB as u64;
const PART_BYTES: u64 = 64 * MIB as u64;
/// Parts under way at a time.
const CONNECTIONS: usize = 4;
/// By how much memory may grow.
const GROWTH_MIB_MAX: f64 = 20.0;
const LOOK_EVERY: Duration = Duration::from_millis(20);

struct Bench {
    port: u16,
    server: Server,
    piece: Vec<u8>,
}

pub fn run(setup: &Setup) -> Result<Vec<Row>> {
    let data = scratch_dir("s3-large")?;
    let rows = measure(setup, &data);
    std::fs::remove_dir_all(&data)?;
    rows
}

fn measure(setup: &Setup, data: &Path) -> Result<Vec<Row>> {
    let dir = data.display().to_string();
    let port = server::free_port()?;
    let server = server::start(&mut up(setup, port, &["--data", &dir]), port)?.server;
    let bench = Bench { port, server, piece: content(MIB) };
    create_bucket(port)?;
    let mut rows = Vec::new();
    rows.extend(bench.watched("up as one stream", || bench.put())?);
    rows.extend(bench.watched("down", || bench.get())?);
    bench.delete()?;
    rows.extend(bench.watched("up in parts", || bench.put_parts())?);
    rows.extend(bench.watched("down, of parts", || bench.get())?);
    bench.delete()?;
    Ok(rows)
}

impl Bench {
    fn path(&self) -> String {
        format!("{BUCKET}/large")
    }

    /// Does something with 5 GiB and watches the server's memory from before it on.
    fn watched(&self, name: &str, work: impl FnOnce() -> io::Result<()>) -> Result<[Row; 3]> {
        let before_mib = self.server.rss_mib()?;
        let before_ms = self.server.cpu_ms()?;
        let (over, most_kib) = (AtomicBool::new(false), AtomicU64::new(0));
        let watch = clock::start();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    let mib = self.server.rss_mib().unwrap_or(0.0);
                    most_kib.fetch_max((mib * 1024.0) as u64, Ordering::Relaxed);
                    clock::pause(LOOK_EVERY);
                }
            });
            let done = work();
            over.store(true, Ordering::Relaxed);
            done
        })
        .map_err(|why| format!("5 GiB {name}: {why}"))?;
        let seconds = clock::ms_since(watch) / 1000.0;
        let total_mib = (TOTAL_BYTES / MIB as u64) as f64;
        let grown_mib = most_kib.into_inner() as f64 / 1024.0 - before_mib;
        let cpu_us = (self.server.cpu_ms()? - before_ms) * 1000.0 / total_mib;
        let row = Row::new(format!("5 GiB {name}: memory grows by"), "MiB", vec![grown_mib]);
        Ok([
            row.promised(GROWTH_MIB_MAX),
            Row::new("  MiB a second", "", vec![total_mib / seconds]),
            Row::new("  CPU of the server for one", "µs", vec![cpu_us]),
        ])
    }

    fn put(&self) -> io::Result<()> {
        let mut connection = Connection::open(self.port)?;
        let payload = Payload::Unsigned(TOTAL_BYTES);
        connection.write(&Signer::new(self.port).request("PUT", &self.path(), &payload))?;
        self.write(&mut connection, TOTAL_BYTES)?;
        expect_success(String::from_utf8_lossy(connection.read()?).into_owned()).map(drop)
    }

    fn write(&self, connection: &mut Connection, bytes: u64) -> io::Result<()> {
        (0..bytes / MIB as u64).try_for_each(|_| connection.write(&self.piece))
    }

    fn get(&self) -> io::Result<()> {
        let request = Signer::new(self.port).request("GET", &self.path(), &Payload::Signed(b""));
        succeed(&mut Connection::open(self.port)?, &request).map(drop)
    }

    fn delete(&self) -> io::Result<()> {
        let request = Signer::new(self.port).request("DELETE", &self.path(), &Payload::Signed(b""));
        succeed(&mut Connection::open(self.port)?, &request).map(drop)
    }

    fn put_parts(&self) -> io::Result<()> {
        let signer = Signer::new(self.port);
        let path = self.path();
        let mut connection = Connection::open(self.port)?;
        let request = signer.request("POST", &format!("{path}?uploads="), &Payload::Signed(b""));
        let answer = succeed(&mut connection, &request)?;
        let id = answer.split("<UploadId>").nth(1).and_then(|rest| rest.split('<').next());
        let id = id.ok_or_else(|| io::Error::other(answer.clone()))?;
        let whole: Vec<u8> = self.piece.repeat((PART_BYTES / MIB as u64) as usize);
        let digest = sign::sha256_hex(&whole);
        drop(whole);
        let next = AtomicU64::new(1);
        let part = |number: u64, connection: &mut Connection| -> io::Result<(u64, String)> {
            let path = format!("{path}?partNumber={number}&uploadId={id}");
            let payload = Payload::Digest(PART_BYTES, &digest);
            connection.write(&signer.request("PUT", &path, &payload))?;
            self.write(connection, PART_BYTES)?;
            let answer = expect_success(String::from_utf8_lossy(connection.read()?).into_owned())?;
            let etag = answer.to_ascii_lowercase();
            let etag = etag.split("etag: ").nth(1).and_then(|rest| rest.split('\r').next());
            Ok((number, etag.unwrap_or_default().to_owned()))
        };
        let worker = || -> io::Result<Vec<(u64, String)>> {
            let mut connection = Connection::open(self.port)?;
            let numbers = std::iter::from_fn(|| Some(next.fetch_add(1, Ordering::Relaxed)));
            let numbers = numbers.take_while(|number| *number <= TOTAL_BYTES / PART_BYTES);
            numbers.map(|number| part(number, &mut connection)).collect()
        };
        let parts = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(worker)).collect();
            let joined = workers.into_iter().map(|worker| worker.join());
            joined
                .map(|parts| parts.unwrap_or_else(|_| Err(io::Error::other("a panic"))))
                .collect::<io::Result<Vec<_>>>()
        })?;
        let mut parts: Vec<(u64, String)> = parts.into_iter().flatten().collect();
        parts.sort();
        let list: String = parts
            .iter()
            .map(|(number, etag)| {
                format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>")
            })
            .collect();
        let body = format!("<CompleteMultipartUpload>{list}</CompleteMultipartUpload>");
        let path = format!("{path}?uploadId={id}");
        let request = signer.request("POST", &path, &Payload::Signed(body.as_bytes()));
        let answer = succeed(&mut connection, &request)?;
        match answer.contains("<ETag>") {
            true => Ok(()),
            false => Err(io::Error::other(answer)),
        }
    }
}
