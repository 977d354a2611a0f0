//! How far something is, on one line of a terminal that is written over again and again.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::Duration;

use kernel::{Clock as _, SystemClock};

/// How often the line changes.
const EVERY: Duration = Duration::from_millis(100);
const BAR_CHARACTERS: u64 = 30;

/// The line; nothing at all if standard error is no terminal.
pub struct Progress {
    clock: SystemClock,
    is_shown: bool,
    last: Option<Duration>,
}

impl Progress {
    /// Nothing is shown yet.
    pub fn new() -> Progress {
        Progress { clock: SystemClock::default(), is_shown: io::stderr().is_terminal(), last: None }
    }

    /// Shows that `done` of `all` are done, and what `text` says.
    pub fn show(&mut self, done: u64, all: Option<u64>, text: impl FnOnce() -> String) {
        let now = self.clock.elapsed();
        if !self.is_shown || self.last.is_some_and(|last| now.saturating_sub(last) < EVERY) {
            return;
        }
        self.last = Some(now);
        let bar = all.filter(|all| *all > 0).map_or_else(String::new, |all| {
            let done = done.min(all);
            let full = (done * BAR_CHARACTERS / all) as usize;
            let empty = BAR_CHARACTERS as usize - full;
            format!("[{}{}] {:>3} %  ", "#".repeat(full), "-".repeat(empty), done * 100 / all)
        });
        // Whether people see how far it is changes nothing about the work.
        let _ = write!(io::stderr(), "\r\x1b[K{bar}{}", text());
    }

    /// Takes the line away.
    pub fn clear(&mut self) {
        if self.last.take().is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
