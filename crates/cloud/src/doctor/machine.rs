//! What a cloud needs of the machine: memory, disk, open files, a port, a data directory.

use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use nix::sys::resource::{Resource, getrlimit};
use nix::sys::statvfs::statvfs;
use nix::unistd::{AccessFlags, access};

use crate::client::Cloud;
use crate::data;
use crate::doctor::{Finding, State};

const AREA: &str = "machine";
/// Below this, a handful of Java functions is too much.
const MEMORY_BYTES_MIN: u64 = 1 << 30;
/// Below this, the store's own files and unpacked code soon fill the disk.
const DISK_BYTES_MIN: u64 = 2 << 30;
/// A sandbox takes about ten.
const FILES_MIN: u64 = 4096;

/// Everything of this kind.
pub fn all(folder: &Path, listen: SocketAddr) -> Vec<Finding> {
    vec![memory(), files(), disk(folder), directory(folder), port(listen)]
}

fn memory() -> Finding {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let bytes = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|kib| kib << 10)
    };
    let (Some(all), Some(free)) = (bytes("MemTotal"), bytes("MemAvailable")) else {
        return Finding::new(AREA, "memory", State::Fair, "/proc/meminfo does not tell");
    };
    let found =
        format!("{} of {} available; idle functions may use {}", gib(free), gib(all), gib(all / 2));
    if free >= MEMORY_BYTES_MIN {
        return Finding::new(AREA, "memory", State::Good, found);
    }
    let advice = format!("free {} for functions", gib(MEMORY_BYTES_MIN));
    Finding::new(AREA, "memory", State::Fair, found).advise(advice)
}

fn files() -> Finding {
    let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return Finding::new(AREA, "open files", State::Fair, "the limit cannot be read");
    };
    let found = format!("{hard}, so about {} sandboxes at a time", hard / 10);
    let state = if hard >= FILES_MIN { State::Good } else { State::Fair };
    let finding = Finding::new(AREA, "open files", state, found);
    if state == State::Good { finding } else { finding.advise("ulimit -Hn 65536") }
}

fn disk(folder: &Path) -> Finding {
    let there = existing(folder);
    let facts = match statvfs(there) {
        Ok(facts) => facts,
        Err(error) => {
            let found = format!("{}: {error}", there.display());
            return Finding::new(AREA, "disk", State::Broken, found);
        }
    };
    let free = facts.blocks_available() as u64 * facts.fragment_size() as u64;
    let found = format!("{} free at {}", gib(free), there.display());
    if free >= DISK_BYTES_MIN {
        return Finding::new(AREA, "disk", State::Good, found);
    }
    let advice = format!("free {}, or choose another place with --data", gib(DISK_BYTES_MIN));
    Finding::new(AREA, "disk", State::Fair, found).advise(advice)
}

fn directory(folder: &Path) -> Finding {
    let name = "data directory";
    let there = existing(folder);
    let found = folder.display().to_string();
    if !there.is_dir() {
        let finding =
            Finding::new(AREA, name, State::Broken, format!("{} is no folder", there.display()));
        return finding.advise("choose another with --data");
    }
    if let Err(error) = access(there, AccessFlags::W_OK | AccessFlags::X_OK) {
        let found = format!("{found}: {}: {error}", there.display());
        let finding = Finding::new(AREA, name, State::Broken, found);
        return finding.advise("choose a folder of your own with --data");
    }
    if there != folder {
        return Finding::new(AREA, name, State::Good, format!("{found}, to be made"));
    }
    match data::store_folder(folder).is_dir() {
        true => Finding::new(AREA, name, State::Good, found),
        false => Finding::new(AREA, name, State::Good, format!("{found}, nothing in it yet")),
    }
}

fn port(listen: SocketAddr) -> Finding {
    let name = "address";
    let error = match TcpListener::bind(listen) {
        Ok(_) => return Finding::new(AREA, name, State::Good, format!("{listen} is free")),
        Err(error) => error,
    };
    let cloud = Cloud::new(&format!("http://{listen}"), "us-east-1");
    if cloud.is_ok_and(|cloud| cloud.read("/_gureum/health").is_ok()) {
        return Finding::new(AREA, name, State::Good, format!("a cloud runs at {listen}"));
    }
    let finding = Finding::new(AREA, name, State::Broken, format!("{listen}: {error}"));
    finding.advise("gureum up --listen 127.0.0.1:0 takes any free port")
}

/// The path, or the nearest one above it that is there.
fn existing(folder: &Path) -> &Path {
    folder.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"))
}

fn gib(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / (1u64 << 30) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_found() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = listener.local_addr().unwrap();
        assert_eq!(port(taken).state, State::Broken);
        drop(listener);
        assert_eq!(port("127.0.0.1:0".parse().unwrap()).state, State::Good);
    }

    #[test]
    fn a_folder_to_come_is_judged_by_the_one_above() {
        let base = std::env::temp_dir();
        let folder = base.join("gureum-doctor-nowhere/deep");
        assert_eq!(existing(&folder), base.as_path());
        assert!(directory(&folder).found.ends_with(", to be made"));
        assert_ne!(disk(&folder).state, State::Broken);
        assert_eq!(directory(Path::new("/dev/null/nowhere")).state, State::Broken);
    }
}
