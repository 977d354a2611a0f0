//! The emulators that we compare with, installed at pinned versions below the target directory.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{cargo, succeed, target_dir};
use crate::Result;

/// From where a peer comes, and exactly what.
enum Package {
    /// A requirement for pip.
    Pip(&'static str),
    /// A package and version for npm.
    Npm(&'static str),
    /// A crate, its version, and its features without the default ones.
    Cargo(&'static str, &'static str, &'static str),
}

use Package::{Cargo, Npm, Pip};

/// Emulators of many services, quickly installed.
const PEERS: [(&str, Package); 2] =
    [("moto", Pip("moto[server]==5.2.5")), ("ministack", Pip("ministack==1.5.33"))];

/// Those of DynamoDB alone.
const DYNAMODB: [(&str, Package); 2] = [
    ("dynoxide", Cargo("dynoxide-rs", "3.2.0", "native-sqlite,http-server,cli")),
    ("dynalite", Npm("dynalite@4.0.0")),
];

/// An installed peer.
pub struct Peer {
    pub name: &'static str,
    bin: PathBuf,
}

/// The peers that can be had here; the others are named on standard error, with the reason.
pub fn installed() -> Vec<Peer> {
    PEERS.iter().filter_map(install).collect()
}

/// The same, and emulators of DynamoDB.
pub fn installed_for_dynamodb() -> Vec<Peer> {
    DYNAMODB.iter().chain(&PEERS).filter_map(install).collect()
}

fn install((name, package): &(&'static str, Package)) -> Option<Peer> {
    let bin = match package {
        Pip(requirement) => pip(name, requirement),
        Npm(package) => npm(name, package),
        Cargo(krate, version, features) => cargo_install(name, krate, version, features),
    };
    match bin {
        Ok(bin) => Some(Peer { name, bin }),
        Err(why) => {
            eprintln!("SKIPPED: {name} cannot be installed, so it is not compared: {why}");
            None
        }
    }
}

/// Runs `make` in the peer's own folder unless it is complete; `what` says which version.
fn once(name: &str, what: &str, make: impl Fn(&Path) -> Result<()>) -> Result<PathBuf> {
    let dir = target_dir().join("bench-peers").join(name);
    let complete = dir.join("complete");
    if !std::fs::read_to_string(&complete).is_ok_and(|found| found == what) {
        eprintln!("installing {what} …");
        std::fs::create_dir_all(&dir)?;
        make(&dir)?;
        std::fs::write(complete, what)?;
    }
    Ok(dir)
}

/// A virtual environment.
fn pip(name: &str, requirement: &str) -> Result<PathBuf> {
    let dir = once(name, requirement, |dir| {
        succeed(Command::new("python3").args(["-m", "venv", "--clear"]).arg(dir))?;
        let options = ["install", "--quiet", "--disable-pip-version-check", requirement];
        succeed(Command::new(dir.join("bin/pip")).args(options))
    })?;
    Ok(dir.join("bin"))
}

fn npm(name: &str, package: &str) -> Result<PathBuf> {
    let dir = once(name, package, |dir| {
        let prefix = ["install", "--silent", "--no-audit", "--no-fund", "--prefix"];
        succeed(Command::new("npm").args(prefix).arg(dir).arg(package))
    })?;
    Ok(dir.join("node_modules/.bin"))
}

fn cargo_install(name: &str, krate: &str, version: &str, features: &str) -> Result<PathBuf> {
    let dir = once(name, &format!("{krate} {version}"), |dir| {
        let mut install = cargo();
        install.args(["install", krate, "--version", version, "--locked", "--force"]);
        install.args(["--no-default-features", "--features", features, "--root"]).arg(dir);
        succeed(install.arg("--target-dir").arg(dir.join("target")))?;
        Ok(std::fs::remove_dir_all(dir.join("target"))?)
    })?;
    Ok(dir.join("bin"))
}

impl Peer {
    /// The command that serves on a port of this machine only, from memory.
    pub fn command(&self, port: u16) -> Command {
        let port = port.to_string();
        let command = |name: &str, args: &[&str]| {
            let mut command = Command::new(self.bin.join(name));
            command.args(args);
            command
        };
        match self.name {
            "moto" => command("moto_server", &["-H", "127.0.0.1", "-p", &port]),
            "dynoxide" => command("dynoxide", &["serve", "--host", "127.0.0.1", "--port", &port]),
            "dynalite" => {
                let at = ["--host", "127.0.0.1", "--port", &port];
                let mut command = command("dynalite", &at);
                // A table is there at once, as everywhere else.
                command.args(["--createTableMs", "0"]);
                command
            }
            _ => {
                let mut command = command("ministack", &[]);
                command.envs([("GATEWAY_PORT", port.as_str()), ("MINISTACK_HOST", "127.0.0.1")]);
                command.env("BIND_HOST", "127.0.0.1");
                command
            }
        }
    }

    /// The same from a directory, where the peer can: whatever durability it offers then.
    pub fn command_on_disk(&self, port: u16, dir: &Path) -> Option<Command> {
        let mut command = self.command(port);
        match self.name {
            "dynoxide" => command.arg("--db-path").arg(dir.join("dynoxide.db")),
            "dynalite" => command.arg("--path").arg(dir.join("dynalite")),
            _ => return None,
        };
        Some(command)
    }
}
