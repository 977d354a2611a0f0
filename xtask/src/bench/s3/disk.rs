//! What the disk can do: files written and synced by as many threads as there are connections. It
//! does not sync the folder, as who has to find the file again must: more cannot be asked of it.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use crate::Result;
use crate::bench::clock;

/// Files a second.
pub fn files_per_s(
    dir: &Path,
    bytes: &[u8],
    threads: usize,
    distinct: usize,
    duration: Duration,
) -> Result<f64> {
    fs::create_dir_all(dir)?;
    let end_ms = duration.as_secs_f64() * 1000.0;
    let start = clock::start();
    let write = |thread: usize| -> io::Result<usize> {
        let mut written = 0;
        while clock::ms_since(start) < end_ms {
            let path = dir.join(format!("{thread}-{}", written % distinct));
            // A new file each time, as a new object is.
            if written >= distinct {
                fs::remove_file(&path)?;
            }
            let mut file = File::create_new(&path)?;
            file.write_all(bytes)?;
            file.sync_data()?;
            written += 1;
        }
        Ok(written)
    };
    let counts = std::thread::scope(|scope| {
        let write = &write;
        let threads: Vec<_> = (0..threads).map(|n| scope.spawn(move || write(n))).collect();
        let joined = threads.into_iter().map(|thread| thread.join());
        joined
            .map(|count| count.unwrap_or_else(|_| Err(io::Error::other("a panic"))))
            .collect::<io::Result<Vec<usize>>>()
    })?;
    let per_s = counts.iter().sum::<usize>() as f64 * 1000.0 / clock::ms_since(start);
    fs::remove_dir_all(dir)?;
    Ok(per_s)
}
