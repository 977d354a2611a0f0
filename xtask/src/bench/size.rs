//! Size of the binary that is handed out, which is stripped (profile `dist`).

use super::Setup;
use super::report::Row;
use crate::Result;

/// 40 MB, decimal.
const BYTES_MAX: f64 = 40e6;

pub fn run(setup: &Setup) -> Result<Vec<Row>> {
    let bytes = std::fs::metadata(&setup.binary)?.len() as f64;
    Ok(vec![Row::new("binary", "MB", vec![bytes / 1e6]).promised(BYTES_MAX / 1e6)])
}
