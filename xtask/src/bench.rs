//! `xtask bench`: measures what SPECIFICATION.md promises.

use crate::Result;

/// Runs the named benchmarks, or all.
pub fn run(_names: &[&str]) -> Result<()> {
    Err("bench is being written".into())
}
