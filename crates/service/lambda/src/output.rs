//! What a sandbox prints: lines on standard output, and frames of the runtime clients.
//!
//! A frame is one message that may hold line ends. Its head is a type (4 bytes, the upper two are
//! `a5 5a`, bit 1 says that a time follows), a length (4 bytes) and the time in microseconds
//! (8 bytes), all big-endian: what AWS's clients write to the descriptor that the variable
//! `_LAMBDA_TELEMETRY_LOG_FD` names.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::os::fd::OwnedFd;

use tokio::net::unix::pipe;

/// A longer message becomes several events.
pub(crate) const MESSAGE_BYTES_MAX: usize = 250_000;
const READ_BYTES: usize = 16 * 1024;
const MAGIC: [u8; 2] = [0xa5, 0x5a];
const HAS_TIME: u8 = 2;

/// A pipe of messages: waited for, or taken at once.
pub(crate) struct Output {
    pipe: pipe::Receiver,
    /// The same pipe. The runtime's own readiness lags behind; this reads what is really there.
    raw: File,
    decoder: Decoder,
    ended: bool,
}

impl Output {
    /// Reads lines.
    pub fn lines(descriptor: OwnedFd) -> std::io::Result<Output> {
        Output::new(descriptor, Decoder::Lines(Vec::new()))
    }

    /// Reads frames.
    pub fn frames(descriptor: OwnedFd) -> std::io::Result<Output> {
        Output::new(descriptor, Decoder::Frames(Frames::default()))
    }

    fn new(descriptor: OwnedFd, decoder: Decoder) -> std::io::Result<Output> {
        let raw = File::from(descriptor.try_clone()?);
        let pipe = pipe::Receiver::from_owned_fd(descriptor)?;
        Ok(Output { pipe, raw, decoder, ended: false })
    }

    /// Waits for messages; none if what came completes none. At the end of the pipe it waits for
    /// ever: the exit tells. Safe to cancel.
    pub async fn next(&mut self) -> Vec<String> {
        loop {
            if self.ended || self.pipe.readable().await.is_err() {
                std::future::pending::<()>().await;
            }
            let mut buffer = [0; READ_BYTES];
            match self.pipe.try_read(&mut buffer) {
                Ok(0) => self.ended = true,
                Ok(count) => return self.decoder.feed(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => self.ended = true,
            }
        }
    }

    /// What is there now; `None` when there is nothing.
    pub fn now(&mut self) -> Option<Vec<String>> {
        let mut buffer = [0; READ_BYTES];
        // The end, and "nothing yet", both mean: nothing now.
        let count = self.raw.read(&mut buffer).unwrap_or(0);
        (count > 0).then(|| self.decoder.feed(&buffer[..count]))
    }

    /// What is left unfinished.
    pub fn rest(&mut self) -> Option<String> {
        let rest = match &mut self.decoder {
            Decoder::Lines(rest) => rest,
            Decoder::Frames(frames) => &mut frames.body,
        };
        (!rest.is_empty()).then(|| take(rest))
    }
}

enum Decoder {
    Lines(Vec<u8>),
    Frames(Frames),
}

#[derive(Default)]
struct Frames {
    head: Vec<u8>,
    body: Vec<u8>,
    left: usize,
}

impl Decoder {
    fn feed(&mut self, bytes: &[u8]) -> Vec<String> {
        match self {
            Decoder::Lines(rest) => feed_lines(rest, bytes),
            Decoder::Frames(frames) => frames.feed(bytes),
        }
    }
}

fn feed_lines(rest: &mut Vec<u8>, bytes: &[u8]) -> Vec<String> {
    let mut lines = Vec::new();
    for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
        let complete = piece.ends_with(b"\n");
        rest.extend(piece.strip_suffix(b"\n").unwrap_or(piece));
        if complete || rest.len() >= MESSAGE_BYTES_MAX {
            lines.push(take(rest));
        }
    }
    lines
}

/// The bytes as text, and nothing more in their place.
fn take(bytes: &mut Vec<u8>) -> String {
    String::from_utf8_lossy(&std::mem::take(bytes)).into_owned()
}

impl Frames {
    fn feed(&mut self, mut bytes: &[u8]) -> Vec<String> {
        let mut messages = Vec::new();
        while !bytes.is_empty() {
            if self.left == 0 {
                let taken = self.feed_head(bytes);
                bytes = &bytes[taken..];
                continue;
            }
            let room = MESSAGE_BYTES_MAX - self.body.len();
            let count = self.left.min(bytes.len()).min(room);
            self.body.extend_from_slice(&bytes[..count]);
            self.left -= count;
            bytes = &bytes[count..];
            if self.left == 0 || self.body.len() == MESSAGE_BYTES_MAX {
                let message = take(&mut self.body);
                messages.push(message.trim_end_matches(['\n', '\r']).to_owned());
            }
        }
        messages
    }

    /// Takes bytes until the head is complete. Bytes that begin no frame are left out: only the
    /// program itself could have written them here, against its runtime client.
    fn feed_head(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        for byte in bytes {
            taken += 1;
            self.head.push(*byte);
            if self.head.len() <= 2 && !MAGIC.starts_with(&self.head) {
                self.head.clear();
            }
            let timed = self.head.get(3).is_some_and(|flags| flags & HAS_TIME != 0);
            if self.head.len() >= 8 && self.head.len() == if timed { 16 } else { 8 } {
                let length =
                    self.head[4..8].iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
                self.left = length;
                self.head.clear();
                break;
            }
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(text: &str) -> Vec<u8> {
        let mut bytes = vec![0xa5, 0x5a, 0, 3];
        bytes.extend((text.len() as u32).to_be_bytes());
        bytes.extend(7u64.to_be_bytes());
        bytes.extend(text.as_bytes());
        bytes
    }

    #[test]
    fn lines_across_reads() {
        let mut rest = Vec::new();
        assert_eq!(feed_lines(&mut rest, b"on"), Vec::<String>::new());
        assert_eq!(feed_lines(&mut rest, b"e\n\ntwo\nthr"), ["one", "", "two"]);
        assert_eq!(rest, b"thr");
        let long = feed_lines(&mut rest, &[b'x'; 600_000]);
        assert!(!long.is_empty() && long.iter().all(|line| line.len() <= 600_003));
    }

    #[test]
    fn frames_in_any_pieces() {
        let bytes = [frame("one\ntwo"), frame(""), b"garbage".to_vec(), frame("셋\n")].concat();
        for size in [1, 2, 5, 17, bytes.len()] {
            let mut frames = Frames::default();
            let found: Vec<String> =
                bytes.chunks(size).flat_map(|part| frames.feed(part)).collect();
            assert_eq!(found, ["one\ntwo", "셋"], "{size}");
        }
        let mut frames = Frames::default();
        let found = frames.feed(&frame(&"x".repeat(600_000)));
        assert_eq!(found.iter().map(String::len).collect::<Vec<_>>(), [250_000, 250_000, 100_000]);
    }
}
