//! MD5 (RFC 1321), which ETags are: of one stream at a time, or of several
//! [at once](Md5::update_together).
//!
//! A crate of its own, so that it is optimised in every build.

mod lanes;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Bytes that go in at once.
const BLOCK_BYTES: usize = 64;
const INITIAL: Words = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];

/// What is kept of what went in.
type Words = [u32; 4];

/// The 64 steps of a block, for numbers of any kind: macros say what a step of each round does with
/// four words, the message, the index of its word, how far is rotated, and a constant.
macro_rules! block {
    ($f:ident, $g:ident, $h:ident, $i:ident, $a:ident, $b:ident, $c:ident, $d:ident, $m:ident) => {
        $f!($a, $b, $c, $d, $m, 0, 7, 0xd76a_a478);
        $f!($d, $a, $b, $c, $m, 1, 12, 0xe8c7_b756);
        $f!($c, $d, $a, $b, $m, 2, 17, 0x2420_70db);
        $f!($b, $c, $d, $a, $m, 3, 22, 0xc1bd_ceee);
        $f!($a, $b, $c, $d, $m, 4, 7, 0xf57c_0faf);
        $f!($d, $a, $b, $c, $m, 5, 12, 0x4787_c62a);
        $f!($c, $d, $a, $b, $m, 6, 17, 0xa830_4613);
        $f!($b, $c, $d, $a, $m, 7, 22, 0xfd46_9501);
        $f!($a, $b, $c, $d, $m, 8, 7, 0x6980_98d8);
        $f!($d, $a, $b, $c, $m, 9, 12, 0x8b44_f7af);
        $f!($c, $d, $a, $b, $m, 10, 17, 0xffff_5bb1);
        $f!($b, $c, $d, $a, $m, 11, 22, 0x895c_d7be);
        $f!($a, $b, $c, $d, $m, 12, 7, 0x6b90_1122);
        $f!($d, $a, $b, $c, $m, 13, 12, 0xfd98_7193);
        $f!($c, $d, $a, $b, $m, 14, 17, 0xa679_438e);
        $f!($b, $c, $d, $a, $m, 15, 22, 0x49b4_0821);
        $g!($a, $b, $c, $d, $m, 1, 5, 0xf61e_2562);
        $g!($d, $a, $b, $c, $m, 6, 9, 0xc040_b340);
        $g!($c, $d, $a, $b, $m, 11, 14, 0x265e_5a51);
        $g!($b, $c, $d, $a, $m, 0, 20, 0xe9b6_c7aa);
        $g!($a, $b, $c, $d, $m, 5, 5, 0xd62f_105d);
        $g!($d, $a, $b, $c, $m, 10, 9, 0x0244_1453);
        $g!($c, $d, $a, $b, $m, 15, 14, 0xd8a1_e681);
        $g!($b, $c, $d, $a, $m, 4, 20, 0xe7d3_fbc8);
        $g!($a, $b, $c, $d, $m, 9, 5, 0x21e1_cde6);
        $g!($d, $a, $b, $c, $m, 14, 9, 0xc337_07d6);
        $g!($c, $d, $a, $b, $m, 3, 14, 0xf4d5_0d87);
        $g!($b, $c, $d, $a, $m, 8, 20, 0x455a_14ed);
        $g!($a, $b, $c, $d, $m, 13, 5, 0xa9e3_e905);
        $g!($d, $a, $b, $c, $m, 2, 9, 0xfcef_a3f8);
        $g!($c, $d, $a, $b, $m, 7, 14, 0x676f_02d9);
        $g!($b, $c, $d, $a, $m, 12, 20, 0x8d2a_4c8a);
        $h!($a, $b, $c, $d, $m, 5, 4, 0xfffa_3942);
        $h!($d, $a, $b, $c, $m, 8, 11, 0x8771_f681);
        $h!($c, $d, $a, $b, $m, 11, 16, 0x6d9d_6122);
        $h!($b, $c, $d, $a, $m, 14, 23, 0xfde5_380c);
        $h!($a, $b, $c, $d, $m, 1, 4, 0xa4be_ea44);
        $h!($d, $a, $b, $c, $m, 4, 11, 0x4bde_cfa9);
        $h!($c, $d, $a, $b, $m, 7, 16, 0xf6bb_4b60);
        $h!($b, $c, $d, $a, $m, 10, 23, 0xbebf_bc70);
        $h!($a, $b, $c, $d, $m, 13, 4, 0x289b_7ec6);
        $h!($d, $a, $b, $c, $m, 0, 11, 0xeaa1_27fa);
        $h!($c, $d, $a, $b, $m, 3, 16, 0xd4ef_3085);
        $h!($b, $c, $d, $a, $m, 6, 23, 0x0488_1d05);
        $h!($a, $b, $c, $d, $m, 9, 4, 0xd9d4_d039);
        $h!($d, $a, $b, $c, $m, 12, 11, 0xe6db_99e5);
        $h!($c, $d, $a, $b, $m, 15, 16, 0x1fa2_7cf8);
        $h!($b, $c, $d, $a, $m, 2, 23, 0xc4ac_5665);
        $i!($a, $b, $c, $d, $m, 0, 6, 0xf429_2244);
        $i!($d, $a, $b, $c, $m, 7, 10, 0x432a_ff97);
        $i!($c, $d, $a, $b, $m, 14, 15, 0xab94_23a7);
        $i!($b, $c, $d, $a, $m, 5, 21, 0xfc93_a039);
        $i!($a, $b, $c, $d, $m, 12, 6, 0x655b_59c3);
        $i!($d, $a, $b, $c, $m, 3, 10, 0x8f0c_cc92);
        $i!($c, $d, $a, $b, $m, 10, 15, 0xffef_f47d);
        $i!($b, $c, $d, $a, $m, 1, 21, 0x8584_5dd1);
        $i!($a, $b, $c, $d, $m, 8, 6, 0x6fa8_7e4f);
        $i!($d, $a, $b, $c, $m, 15, 10, 0xfe2c_e6e0);
        $i!($c, $d, $a, $b, $m, 6, 15, 0xa301_4314);
        $i!($b, $c, $d, $a, $m, 13, 21, 0x4e08_11a1);
        $i!($a, $b, $c, $d, $m, 4, 6, 0xf753_7e82);
        $i!($d, $a, $b, $c, $m, 11, 10, 0xbd3a_f235);
        $i!($c, $d, $a, $b, $m, 2, 15, 0x2ad7_d2bb);
        $i!($b, $c, $d, $a, $m, 9, 21, 0xeb86_d391);
    };
}
use block;

macro_rules! step {
    ($mix:expr, $a:ident, $b:ident, $m:ident, $k:literal, $s:literal, $t:literal) => {
        $a = $a.wrapping_add($m[$k]).wrapping_add($t).wrapping_add($mix);
        $a = $a.rotate_left($s).wrapping_add($b);
    };
}
macro_rules! f {
    ($a:ident, $b:ident, $c:ident, $d:ident, $($rest:tt)*) => {
        step!($d ^ ($b & ($c ^ $d)), $a, $b, $($rest)*)
    };
}
// The sum of two numbers that have no bit in common: the part that is known earlier goes in first.
macro_rules! g {
    ($a:ident, $b:ident, $c:ident, $d:ident, $($rest:tt)*) => {
        step!(($c & !$d).wrapping_add($b & $d), $a, $b, $($rest)*)
    };
}
macro_rules! h {
    ($a:ident, $b:ident, $c:ident, $d:ident, $($rest:tt)*) => {
        step!($b ^ ($c ^ $d), $a, $b, $($rest)*)
    };
}
macro_rules! i {
    ($a:ident, $b:ident, $c:ident, $d:ident, $($rest:tt)*) => {
        step!($c ^ ($b | !$d), $a, $b, $($rest)*)
    };
}

/// Takes whole blocks in.
fn compress(words: &mut Words, blocks: &[u8]) {
    let [mut a, mut b, mut c, mut d] = *words;
    for bytes in blocks.chunks_exact(BLOCK_BYTES) {
        let mut m = [0_u32; 16];
        for (word, bytes) in m.iter_mut().zip(bytes.as_chunks::<4>().0) {
            *word = u32::from_le_bytes(*bytes);
        }
        let before = [a, b, c, d];
        block!(f, g, h, i, a, b, c, d, m);
        a = a.wrapping_add(before[0]);
        b = b.wrapping_add(before[1]);
        c = c.wrapping_add(before[2]);
        d = d.wrapping_add(before[3]);
    }
    *words = [a, b, c, d];
}

/// A running MD5.
#[derive(Clone)]
pub struct Md5 {
    words: Words,
    /// Bytes that went in, those of `tail` included.
    length: u64,
    /// What does not fill a block yet.
    tail: Vec<u8>,
}

impl Default for Md5 {
    fn default() -> Self {
        Md5 { words: INITIAL, length: 0, tail: Vec::new() }
    }
}

impl Md5 {
    /// Takes bytes in.
    pub fn update(&mut self, mut bytes: &[u8]) {
        self.length = self.length.wrapping_add(bytes.len() as u64);
        if !self.tail.is_empty() {
            let (head, rest) = bytes.split_at(bytes.len().min(BLOCK_BYTES - self.tail.len()));
            self.tail.extend_from_slice(head);
            bytes = rest;
            if self.tail.len() == BLOCK_BYTES {
                compress(&mut self.words, &self.tail);
                self.tail.clear();
            }
        }
        if bytes.is_empty() {
            return;
        }
        let (whole, rest) = bytes.split_at(bytes.len() / BLOCK_BYTES * BLOCK_BYTES);
        compress(&mut self.words, whole);
        self.tail.extend_from_slice(rest);
    }

    /// Takes pieces of a buffer in, at once with what other threads bring for their streams: eight
    /// take hardly longer than one. All pieces but the last should be multiples of 64 bytes.
    /// Blocking, a moment longer than the work takes; the buffer comes back. After an error the MD5
    /// is worth nothing.
    pub fn update_together(
        &mut self,
        stream: &Stream,
        buffer: Vec<u8>,
        pieces: &[Range<usize>],
    ) -> Result<Vec<u8>, Broken> {
        let whole = |piece: &Range<usize>| piece.len().is_multiple_of(BLOCK_BYTES);
        let (last, before) = pieces.split_last().unwrap_or((&(0..0), &[]));
        if !self.tail.is_empty() || !before.iter().all(whole) {
            pieces.iter().for_each(|piece| self.update(&buffer[piece.clone()]));
            return Ok(buffer);
        }
        let end = last.end - last.len() % BLOCK_BYTES;
        let mut whole = before.to_vec();
        whole.push(last.start..end);
        self.length = self.length.wrapping_add(whole.iter().map(|w| w.len() as u64).sum());
        let job = TOGETHER.run(stream, Job { words: self.words, buffer, pieces: whole.into() })?;
        self.words = job.words;
        self.update(&job.buffer[end..last.end]);
        Ok(job.buffer)
    }

    /// The digest.
    pub fn finish(mut self) -> [u8; 16] {
        let bits = self.length.wrapping_mul(8);
        let zeros = (BLOCK_BYTES + 56 - (self.tail.len() + 1) % BLOCK_BYTES) % BLOCK_BYTES;
        let mut end = std::mem::take(&mut self.tail);
        end.push(0x80);
        end.resize(end.len() + zeros, 0);
        end.extend_from_slice(&bits.to_le_bytes());
        compress(&mut self.words, &end);
        let mut digest = [0; 16];
        for (bytes, word) in digest.as_chunks_mut::<4>().0.iter_mut().zip(self.words) {
            *bytes = word.to_le_bytes();
        }
        digest
    }
}

/// Blocks of one stream.
struct Job {
    words: Words,
    buffer: Vec<u8>,
    /// Whole blocks, in order.
    pieces: VecDeque<Range<usize>>,
}

/// How long whoever has blocks waits for others to join. Meanwhile their threads do what else there
/// is to do.
const PATIENCE: Duration = Duration::from_millis(2);

/// One MD5 is a chain in which every step waits for the one before it, and leaves most of a
/// processor idle; eight of them side by side take little longer than one. So threads that have
/// blocks of different streams meet here, and one of them does the work of all.
struct Together {
    meeting: Mutex<Option<Meeting>>,
    changed: Condvar,
}

#[derive(Default)]
struct Meeting {
    /// Streams that will bring blocks: in which round each last did.
    streams: HashMap<u64, u64>,
    /// Rounds begun.
    rounds: u64,
    waiting: VecDeque<(u64, Job)>,
    /// Nothing for those of a round that panicked.
    done: HashMap<u64, Option<Job>>,
    /// The next ticket.
    next: u64,
    /// Threads that do others' work now.
    busy: usize,
}

static TOGETHER: Together = Together::new();

/// The thread that did the work of several panicked: what became of their streams is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a digest that was computed together with others broke off")
    }
}

impl std::error::Error for Broken {}

/// A stream that will bring blocks; others wait a moment for it, unless it is slower than they are.
pub struct Stream(u64);

/// Rounds after which nobody waits any more for a stream that took part in none of them.
const ROUNDS_ABSENT_MAX: u64 = 4;

impl Default for Stream {
    fn default() -> Self {
        let mut guard = TOGETHER.meeting();
        let meeting = guard.get_or_insert_default();
        let id = meeting.next;
        meeting.next += 1;
        meeting.streams.insert(id, meeting.rounds);
        Stream(id)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        TOGETHER.meeting().get_or_insert_default().streams.remove(&self.0);
        // It may be whom the others wait for.
        TOGETHER.changed.notify_all();
    }
}

impl Together {
    const fn new() -> Self {
        Together { meeting: Mutex::new(None), changed: Condvar::new() }
    }

    fn meeting(&self) -> MutexGuard<'_, Option<Meeting>> {
        self.meeting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does a job of a stream, at the latest a moment after it came. Blocking.
    fn run(&self, stream: &Stream, job: Job) -> Result<Job, Broken> {
        let mut guard = self.meeting();
        let meeting = guard.get_or_insert_default();
        meeting.streams.insert(stream.0, meeting.rounds);
        let ticket = meeting.next;
        meeting.next += 1;
        meeting.waiting.push_back((ticket, job));
        let mut patient = true;
        loop {
            let meeting = guard.get_or_insert_default();
            if let Some(job) = meeting.done.remove(&ticket) {
                return job.ok_or(Broken);
            }
            if !meeting.is_time(patient) {
                let waited = self.changed.wait_timeout(guard, PATIENCE);
                let timeout;
                (guard, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
                patient &= !timeout.timed_out();
                continue;
            }
            let count = meeting.waiting.len().min(lanes::LANES);
            let mut jobs: Vec<(u64, Job)> = meeting.waiting.drain(..count).collect();
            meeting.busy += 1;
            meeting.rounds += 1;
            drop(guard);
            // The others hear of a panic; else they would wait for ever.
            let worked = catch_unwind(AssertUnwindSafe(|| work(&mut jobs)));
            guard = self.meeting();
            let meeting = guard.get_or_insert_default();
            meeting.busy -= 1;
            let whole = worked.is_ok();
            meeting.done.extend(jobs.into_iter().map(|(n, job)| (n, whole.then_some(job))));
            self.changed.notify_all();
        }
    }
}

impl Meeting {
    /// Whether a round should begin.
    fn is_time(&self, patient: bool) -> bool {
        let waiting = self.waiting.len();
        if waiting == 0 || waiting >= lanes::LANES || !patient {
            return waiting > 0;
        }
        let keeps_up = |last: &&u64| self.rounds - **last <= ROUNDS_ABSENT_MAX;
        self.busy == 0 && waiting >= self.streams.values().filter(keeps_up).count()
    }
}

/// Does jobs to their end.
fn work(jobs: &mut [(u64, Job)]) {
    if jobs.len() > 1 && lanes::are_there() {
        let mut jobs: Vec<&mut Job> = jobs.iter_mut().map(|(_, job)| job).collect();
        loop {
            jobs.retain_mut(|job| job.blocks() > 0);
            // One stream is faster by itself.
            if jobs.len() < 2 {
                break;
            }
            lanes::compress(&mut jobs);
        }
    }
    for (_, job) in jobs {
        for piece in std::mem::take(&mut job.pieces) {
            compress(&mut job.words, &job.buffer[piece]);
        }
    }
}

impl Job {
    /// Blocks that are left of the first piece; pieces without any are dropped.
    fn blocks(&mut self) -> usize {
        while self.pieces.front().is_some_and(Range::is_empty) {
            self.pieces.pop_front();
        }
        self.pieces.front().map_or(0, |piece| piece.len() / BLOCK_BYTES)
    }

    /// Takes blocks off the front.
    fn take(&mut self, blocks: usize) -> Range<usize> {
        let Some(piece) = self.pieces.front_mut() else { return 0..0 };
        let end = piece.end.min(piece.start + blocks * BLOCK_BYTES);
        let taken = piece.start..end;
        piece.start = end;
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use md5::Digest as _;

    fn data(length: usize, seed: usize) -> Vec<u8> {
        (0..length).map(|n| ((n + seed).wrapping_mul(2_654_435_761) >> 11) as u8).collect()
    }

    #[test]
    fn any_length_in_any_steps() {
        for length in (0..200).chain([1000, 4096, 10_001]) {
            for step in [1, 63, 64, 65, 4096] {
                let bytes = data(length, step);
                let mut own = Md5::default();
                bytes.chunks(step).for_each(|piece| own.update(piece));
                let expected = md5::Md5::digest(&bytes);
                assert_eq!(own.finish()[..], expected[..], "{length} in steps of {step}");
            }
        }
    }

    #[test]
    fn streams_together_are_what_they_are_alone() {
        let stream = |seed: usize| {
            let (mut own, mut expected) = (Md5::default(), md5::Md5::new());
            let member = Stream::default();
            for round in 0..4 {
                // Two pieces with a gap, of a whole number of blocks but for the very last.
                let first = 64 * (1 + (seed * 7 + round) % 40);
                let odd = if round == 3 { seed % 64 } else { 0 };
                let second = 64 * ((seed + round * 3) % 30) + odd;
                let buffer = data(first + 24 + second, seed);
                let pieces = [0..first, first + 24..first + 24 + second];
                pieces.iter().for_each(|piece| expected.update(&buffer[piece.clone()]));
                let back = own.update_together(&member, buffer.clone(), &pieces);
                assert_eq!(back, Ok(buffer));
            }
            drop(member);
            assert_eq!(own.finish()[..], expected.finalize()[..], "{seed}");
        };
        std::thread::scope(|scope| {
            (0..40).for_each(|seed| drop(scope.spawn(move || stream(seed))));
        });
    }

    #[test]
    fn all_of_a_round_hear_of_a_panic() {
        let together = Together::new();
        let job = |pieces: Range<usize>| Job {
            words: INITIAL,
            buffer: data(640, 1),
            pieces: std::iter::once(pieces).collect(),
        };
        // As many as make a round at once, one of them with more than it brought.
        let pieces = |n: usize| if n == 3 { 0..6400 } else { 0..640 };
        let run = |n: usize, pieces| {
            let stream = std::mem::ManuallyDrop::new(Stream(u64::MAX - n as u64));
            together.run(&stream, job(pieces)).map(|job| job.words)
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..lanes::LANES).map(|n| scope.spawn(move || run(n, pieces(n)))).collect();
            for (n, thread) in threads.into_iter().enumerate() {
                let outcome = thread.join().expect("a panic is an error to its own thread as well");
                assert!(n != 3 || outcome == Err(Broken), "{outcome:?}");
            }
        });
        let mut words = INITIAL;
        compress(&mut words, &data(640, 1));
        assert_eq!(run(0, 0..640), Ok(words), "the next round is a round like every other");
    }

    #[test]
    fn lanes_of_different_lengths() {
        for count in 2..=lanes::LANES {
            let mut jobs: Vec<(u64, Job)> = (0..count)
                .map(|n| {
                    let buffer = data(64 * (1 + n * n), n);
                    let pieces = std::iter::once(0..buffer.len()).collect();
                    (n as u64, Job { words: INITIAL, buffer, pieces })
                })
                .collect();
            work(&mut jobs);
            for (n, job) in jobs {
                let mut words = INITIAL;
                compress(&mut words, &job.buffer);
                assert_eq!(job.words, words, "{n} of {count}");
            }
        }
    }
}
