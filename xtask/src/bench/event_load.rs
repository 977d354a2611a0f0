//! Load by one thread that waits for all of its connections at once, as `wrk` does.
//!
//! A thread for each connection costs the machine a switch of threads for each request, and empties
//! the processors' caches between two turns of the server that is measured. This one leaves the server
//! alone as far as a client on the same processors can.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use super::load::{Outcome, header, whole_length};
use crate::Result;
use crate::bench::clock;

/// Bytes read at once.
const CHUNK_BYTES: usize = 64 * 1024;
/// Longest wait for the next answer.
const TIMEOUT: Duration = Duration::from_secs(300);

/// A server's port, and how many connections to it.
pub struct EventLoad {
    pub port: u16,
    pub connections: usize,
}

/// A connection: what it sends, and what came so far.
struct Slot {
    stream: TcpStream,
    /// Number of the request on its way, or of the next one.
    at: usize,
    is_busy: bool,
    sent_bytes: usize,
    sent_ms: f64,
    /// When the next one may be sent.
    due_ms: f64,
    answer: Vec<u8>,
    whole_length: Option<u64>,
}

struct Run<'a> {
    load: &'a EventLoad,
    requests: &'a [Vec<u8>],
    start: Instant,
    end_ms: f64,
    pause_ms: f64,
    poll: Poll,
    chunk: Vec<u8>,
    times_ms: Vec<f64>,
    failure: Option<String>,
}

impl EventLoad {
    /// Sends requests again and again for so long; `per_s` of them, or as many as it can.
    pub fn closed_loop(
        &self,
        requests: &[Vec<u8>],
        duration: Duration,
        per_s: Option<f64>,
    ) -> Result<Outcome> {
        let mut run = Run {
            load: self,
            requests,
            start: clock::start(),
            end_ms: duration.as_secs_f64() * 1000.0,
            pause_ms: per_s.map_or(0.0, |per_s| 1000.0 * self.connections as f64 / per_s),
            poll: Poll::new()?,
            chunk: vec![0; CHUNK_BYTES],
            times_ms: Vec::new(),
            failure: None,
        };
        let mut slots = Vec::new();
        for number in 0..self.connections {
            slots.push(run.open(number)?);
        }
        run.start = clock::start();
        run.all(&mut slots)?;
        let seconds = clock::ms_since(run.start) / 1000.0;
        Ok(Outcome::new(run.times_ms, seconds, run.failure))
    }
}

impl Run<'_> {
    fn open(&self, number: usize) -> io::Result<Slot> {
        let connections = self.load.connections;
        Ok(Slot {
            stream: self.connect(number)?,
            at: number,
            is_busy: false,
            sent_bytes: 0,
            sent_ms: 0.0,
            // Not all connections at once.
            due_ms: self.pause_ms * number as f64 / connections as f64,
            answer: Vec::new(),
            whole_length: None,
        })
    }

    fn connect(&self, number: usize) -> io::Result<TcpStream> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.load.port));
        let stream = std::net::TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut stream, Token(number), interest)?;
        Ok(stream)
    }

    fn all(&mut self, slots: &mut [Slot]) -> Result<()> {
        let mut events = Events::with_capacity(slots.len());
        loop {
            let now_ms = clock::ms_since(self.start);
            for slot in slots.iter_mut().filter(|slot| !slot.is_busy && slot.due_ms <= now_ms) {
                self.begin(slot, now_ms)?;
            }
            let next_ms = slots.iter().filter(|slot| !slot.is_busy).map(|slot| slot.due_ms);
            let next_ms = next_ms.fold(f64::INFINITY, f64::min);
            let busy = slots.iter().any(|slot| slot.is_busy);
            if !busy && now_ms.max(next_ms) >= self.end_ms {
                return Ok(());
            }
            let wait = match next_ms.is_finite() {
                true => Duration::from_secs_f64((next_ms - now_ms).max(0.0) / 1000.0),
                false => TIMEOUT,
            };
            self.poll.poll(&mut events, Some(wait))?;
            if events.is_empty() && !next_ms.is_finite() {
                return Err("no answer came".into());
            }
            for event in &events {
                let number = event.token().0;
                self.go_on(&mut slots[number], number)?;
            }
        }
    }

    /// Sends the next request, unless the time is over.
    fn begin(&mut self, slot: &mut Slot, now_ms: f64) -> io::Result<()> {
        if now_ms >= self.end_ms {
            slot.due_ms = f64::INFINITY;
            return Ok(());
        }
        slot.is_busy = true;
        slot.sent_bytes = 0;
        slot.sent_ms = now_ms;
        slot.due_ms += self.pause_ms;
        slot.answer.clear();
        slot.whole_length = None;
        self.send(slot)
    }

    fn send(&self, slot: &mut Slot) -> io::Result<()> {
        let request = &self.requests[slot.at % self.requests.len()];
        while slot.sent_bytes < request.len() {
            match slot.stream.write(&request[slot.sent_bytes..]) {
                Ok(written) => slot.sent_bytes += written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Does what a connection is ready for: sends the rest, reads, begins anew.
    fn go_on(&mut self, slot: &mut Slot, number: usize) -> Result<()> {
        while slot.is_busy {
            self.send(slot)?;
            match slot.stream.read(&mut self.chunk) {
                Ok(0) => return Err("the server closed a connection before it answered".into()),
                Ok(read) => slot.answer.extend_from_slice(&self.chunk[..read]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
            slot.whole_length = slot.whole_length.or_else(|| whole_length(&slot.answer));
            if slot.whole_length.is_some_and(|length| slot.answer.len() as u64 >= length) {
                return self.end(slot, number);
            }
        }
        Ok(())
    }

    fn end(&mut self, slot: &mut Slot, number: usize) -> Result<()> {
        let now_ms = clock::ms_since(self.start);
        self.times_ms.push(now_ms - slot.sent_ms);
        if self.failure.is_none() && !slot.answer.starts_with(b"HTTP/1.1 2") {
            self.failure = Some(String::from_utf8_lossy(&slot.answer).into_owned());
        }
        // Some peers close after each answer: what opening again takes is theirs.
        if header(&slot.answer, "connection").is_some_and(|value| value == "close") {
            slot.stream = self.connect(number)?;
        }
        slot.is_busy = false;
        // Requests of its own: two connections never write the same item at once.
        slot.at += self.load.connections;
        if slot.due_ms <= now_ms {
            self.begin(slot, now_ms)?;
        }
        Ok(())
    }
}
