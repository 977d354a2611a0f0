//! Load: connections that send one request after the other.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::Result;
use crate::bench::clock;

const TIMEOUT: Duration = Duration::from_secs(300);
/// Bytes read at once.
const CHUNK_BYTES: usize = 256 * 1024;
/// Most of an answer that is kept: no head is longer, and what fails has a short body.
const KEPT_BYTES_MAX: usize = 16 * 1024;

/// A server's port, and how many connections to it.
pub struct Load {
    pub port: u16,
    pub connections: usize,
}

/// What a load met.
#[derive(Default)]
pub struct Outcome {
    pub requests: usize,
    pub per_s: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    /// The first answer that was no success.
    pub failure: Option<String>,
}

/// What one connection met.
#[derive(Default)]
struct Part {
    times_ms: Vec<f64>,
    failure: Option<String>,
}

impl Load {
    /// Sends so many requests, each made when it is its turn.
    pub fn each(&self, count: usize, make: impl Fn(usize) -> Vec<u8> + Sync) -> Result<Outcome> {
        let next = AtomicUsize::new(0);
        self.run(|_| {
            let mut part = Part::default();
            let mut connection = Connection::open(self.port)?;
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= count || part.failure.is_some() {
                    return Ok(part);
                }
                part.send(&mut connection, &make(number))?;
            }
        })
    }

    /// Sends requests again and again for so long; `per_s` of them, or as many as it can.
    pub fn closed_loop(
        &self,
        requests: &[Vec<u8>],
        duration: Duration,
        per_s: Option<f64>,
    ) -> Result<Outcome> {
        let end_ms = duration.as_secs_f64() * 1000.0;
        let pause_ms = per_s.map_or(0.0, |per_s| 1000.0 * self.connections as f64 / per_s);
        self.run(|number| {
            let mut part = Part::default();
            let mut connection = Connection::open(self.port)?;
            let start = clock::start();
            // Not all connections at once.
            let mut due_ms = pause_ms * number as f64 / self.connections as f64;
            let own = requests.iter().cycle().skip(number * requests.len() / self.connections);
            for request in own {
                let now_ms = clock::ms_since(start);
                if now_ms >= end_ms {
                    break;
                }
                if now_ms < due_ms {
                    clock::pause(Duration::from_secs_f64((due_ms - now_ms) / 1000.0));
                }
                due_ms += pause_ms;
                part.send(&mut connection, request)?;
            }
            Ok(part)
        })
    }

    fn run(&self, connection: impl Fn(usize) -> io::Result<Part> + Sync) -> Result<Outcome> {
        let start = clock::start();
        let parts = std::thread::scope(|scope| {
            let connection = &connection;
            let threads: Vec<_> = (0..self.connections)
                .map(|number| scope.spawn(move || connection(number)))
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|_| Err(io::Error::other("a panic"))))
                .collect::<io::Result<Vec<Part>>>()
        })?;
        let seconds = clock::ms_since(start) / 1000.0;
        let failure = parts.iter().find_map(|part| part.failure.clone());
        let times_ms: Vec<f64> = parts.into_iter().flat_map(|part| part.times_ms).collect();
        Ok(Outcome::new(times_ms, seconds, failure))
    }
}

impl Outcome {
    /// What requests that took so long each, in so many seconds, come to.
    pub fn new(mut times_ms: Vec<f64>, seconds: f64, failure: Option<String>) -> Outcome {
        times_ms.sort_by(f64::total_cmp);
        let at = |part: f64| {
            let index = (times_ms.len() as f64 * part) as usize;
            times_ms.get(index).or(times_ms.last()).copied().unwrap_or(0.0)
        };
        let (p50_ms, p99_ms) = (at(0.50), at(0.99));
        let requests = times_ms.len();
        Outcome { requests, per_s: requests as f64 / seconds, p50_ms, p99_ms, failure }
    }
}

impl Part {
    fn send(&mut self, connection: &mut Connection, request: &[u8]) -> io::Result<()> {
        let start = clock::start();
        let answer = connection.send(request)?;
        self.times_ms.push(clock::ms_since(start));
        if self.failure.is_none() && !answer.starts_with(b"HTTP/1.1 2") {
            self.failure = Some(String::from_utf8_lossy(answer).into_owned());
        }
        Ok(())
    }
}

/// A connection that is kept alive.
pub struct Connection {
    port: u16,
    stream: TcpStream,
    /// The server will not take another request: some peers close after each answer, and what
    /// opening again takes is theirs.
    is_over: bool,
    chunk: Vec<u8>,
    answer: Vec<u8>,
}

impl Connection {
    pub fn open(port: u16) -> io::Result<Connection> {
        let stream = connect(port)?;
        Ok(Connection {
            port,
            stream,
            is_over: false,
            chunk: vec![0; CHUNK_BYTES],
            answer: Vec::new(),
        })
    }

    /// Sends a request and reads its answer to the end; what it begins with is kept.
    pub fn send(&mut self, request: &[u8]) -> io::Result<&[u8]> {
        self.write(request)?;
        self.read()
    }

    /// Sends a part of a request.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if std::mem::take(&mut self.is_over) {
            self.stream = connect(self.port)?;
        }
        self.stream.write_all(bytes)
    }

    /// Reads an answer to its end; what it begins with is kept.
    pub fn read(&mut self) -> io::Result<&[u8]> {
        self.answer.clear();
        let (mut received, mut length) = (0, None);
        while length.is_none_or(|length| received < length) {
            let read = self.stream.read(&mut self.chunk)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            received += read as u64;
            let room = KEPT_BYTES_MAX.saturating_sub(self.answer.len());
            self.answer.extend_from_slice(&self.chunk[..read.min(room)]);
            if length.is_none() {
                length = whole_length(&self.answer);
            }
        }
        self.is_over = header(&self.answer, "connection").is_some_and(|value| value == "close");
        Ok(&self.answer)
    }
}

/// Length of an answer, head and body, once its head is there.
pub fn whole_length(answer: &[u8]) -> Option<u64> {
    let head = head_length(answer)?;
    let length = header(answer, "content-length").and_then(|value| value.parse().ok());
    Some(head as u64 + 4 + length.unwrap_or(0))
}

fn head_length(answer: &[u8]) -> Option<usize> {
    answer.windows(4).position(|window| window == b"\r\n\r\n")
}

/// The value of an answer's header.
pub fn header<'a>(answer: &'a [u8], wanted: &str) -> Option<&'a str> {
    let text = std::str::from_utf8(&answer[..head_length(answer)?]).ok()?;
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case(wanted).then(|| value.trim())
    })
}

fn connect(port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::whole_length;

    #[test]
    fn answers_have_an_end() {
        assert_eq!(whole_length(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{"), Some(40));
        assert_eq!(whole_length(b"HTTP/1.1 204 No\r\n\r\n"), Some(19));
        assert_eq!(whole_length(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"), None);
    }
}
