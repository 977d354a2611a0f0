//! The emulators that we compare with, installed from PyPI at pinned versions.

use std::path::PathBuf;
use std::process::Command;

use super::{succeed, target_dir};
use crate::Result;

/// Name, requirement.
const PEERS: [(&str, &str); 2] =
    [("moto", "moto[server]==5.2.5"), ("ministack", "ministack==1.5.33")];

/// An installed peer.
pub struct Peer {
    pub name: &'static str,
    bin: PathBuf,
}

/// The peers that can be had here; the others are named on standard error, with the reason.
pub fn installed() -> Vec<Peer> {
    let mut peers = Vec::new();
    for (name, requirement) in PEERS {
        match install(name, requirement) {
            Ok(bin) => peers.push(Peer { name, bin }),
            Err(why) => {
                eprintln!("SKIPPED: {name} cannot be installed, so it is not compared: {why}")
            }
        }
    }
    peers
}

/// Makes a virtual environment, unless there is one that is complete.
fn install(name: &str, requirement: &str) -> Result<PathBuf> {
    let dir = target_dir().join("bench-venv").join(name);
    let (bin, complete) = (dir.join("bin"), dir.join("complete"));
    if std::fs::read_to_string(&complete).is_ok_and(|found| found == requirement) {
        return Ok(bin);
    }
    eprintln!("installing {requirement} …");
    succeed(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&dir))?;
    let options = ["install", "--quiet", "--disable-pip-version-check", requirement];
    succeed(Command::new(bin.join("pip")).args(options))?;
    std::fs::write(complete, requirement)?;
    Ok(bin)
}

impl Peer {
    /// The command that serves on a port of this machine only.
    pub fn command(&self, port: u16) -> Command {
        let port = port.to_string();
        if self.name == "moto" {
            let mut command = Command::new(self.bin.join("moto_server"));
            command.args(["-H", "127.0.0.1", "-p", &port]);
            return command;
        }
        let mut command = Command::new(self.bin.join("ministack"));
        command.envs([("GATEWAY_PORT", port.as_str()), ("MINISTACK_HOST", "127.0.0.1")]);
        command.env("BIND_HOST", "127.0.0.1");
        command
    }
}
