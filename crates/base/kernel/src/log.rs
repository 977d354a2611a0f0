//! The server's own log: one line an event on standard error. Never request contents.

use std::sync::Arc;

use shape::Timestamp;

/// How much is written. Each level includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Level {
    Error,
    Warn,
    Info,
    Debug,
}

/// Where log lines go.
#[derive(Clone)]
pub struct Log {
    level: Level,
    sink: Arc<dyn Fn(&str) + Send + Sync>,
}

impl Log {
    /// To standard error.
    pub fn stderr(level: Level) -> Self {
        Log { level, sink: Arc::new(|line| eprintln!("{line}")) }
    }

    /// To a function: tests, and the console later.
    pub fn to(level: Level, sink: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Log { level, sink: Arc::new(sink) }
    }

    /// Whether lines of this level are written.
    pub fn enabled(&self, level: Level) -> bool {
        level <= self.level
    }

    /// Writes a line.
    pub fn write(&self, now: Timestamp, level: Level, text: std::fmt::Arguments<'_>) {
        if self.enabled(level) {
            let level = match level {
                Level::Error => "ERROR",
                Level::Warn => "WARN ",
                Level::Info => "INFO ",
                Level::Debug => "DEBUG",
            };
            (self.sink)(&format!("{} {level} {text}", now.civil("%Y-%m-%dT%H:%M:%S%.3fZ")));
        }
    }
}
