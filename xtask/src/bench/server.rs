//! A server under measurement: its processes, their time and memory as Linux counts them.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{clock, http};
use crate::Result;

/// A server that has not answered by then never will.
const START_MAX: Duration = Duration::from_secs(30);
/// How long a server may take to stop before it is killed.
const STOP_MAX: Duration = Duration::from_secs(5);
/// How long a server may have something to do after its last request.
const SETTLE_MAX: Duration = Duration::from_secs(120);
const SETTLE_STEP: Duration = Duration::from_millis(500);
/// Less CPU time than this part of the time is nothing.
const IDLE_PART: f64 = 0.02;
/// How often a starting server is tried.
const TRY_EVERY: Duration = Duration::from_micros(500);
/// `USER_HZ`, which every Linux on the architectures we build for has.
const TICKS_PER_S: f64 = 100.0;

/// A running server; it is stopped when this is dropped.
pub struct Server {
    child: Child,
}

/// What a start took.
pub struct Started {
    pub server: Server,
    pub wall_ms: f64,
    pub cpu_ms: f64,
}

/// A port that nothing listens on.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// Starts a server and measures until DynamoDB's ListTables has answered a signed request.
pub fn start(command: &mut Command, port: u16) -> Result<Started> {
    let is_ready =
        |answer: &http::Answer| answer.status == 200 && answer.text().contains("TableNames");
    start_until(command, || list_tables(port), is_ready)
}

/// Starts a server and measures until what it is asked is answered as wanted.
pub fn start_until(
    command: &mut Command,
    ask: impl Fn() -> std::io::Result<http::Answer>,
    is_ready: impl Fn(&http::Answer) -> bool,
) -> Result<Started> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let watch = clock::start();
    let mut server = Server { child: command.spawn()? };
    loop {
        let answer = ask();
        let wall_ms = clock::ms_since(watch);
        match answer {
            Ok(answer) if is_ready(&answer) => {
                let cpu_ms = server.cpu_ms()?;
                return Ok(Started { server, wall_ms, cpu_ms });
            }
            // A peer answers otherwise while it still loads.
            Ok(answer) if wall_ms > START_MAX.as_secs_f64() * 1000.0 => {
                return Err(format!("not ready: {} {}", answer.status, answer.text()).into());
            }
            Err(error) if wall_ms > START_MAX.as_secs_f64() * 1000.0 => return Err(error.into()),
            _ => {}
        }
        if let Some(status) = server.child.try_wait()? {
            return Err(format!("the server ended: {status}").into());
        }
        clock::pause(TRY_EVERY);
    }
}

fn list_tables(port: u16) -> std::io::Result<http::Answer> {
    let headers = [
        ("content-type", "application/x-amz-json-1.0"),
        ("x-amz-target", "DynamoDB_20120810.ListTables"),
    ];
    http::send(port, ("POST", "/"), "dynamodb", &headers, b"{}")
}

impl Server {
    /// CPU time, user and system, of all its processes so far.
    pub fn cpu_ms(&self) -> Result<f64> {
        Ok(self.tree().into_iter().filter_map(cpu_ms).sum())
    }

    /// Waits until it has nothing to do, such as tidying up behind what was just written.
    pub fn settle(&self) -> Result<()> {
        let watch = clock::start();
        let mut before_ms = self.cpu_ms()?;
        while clock::ms_since(watch) < SETTLE_MAX.as_secs_f64() * 1000.0 {
            clock::pause(SETTLE_STEP);
            let now_ms = self.cpu_ms()?;
            if now_ms - before_ms < SETTLE_STEP.as_secs_f64() * 1000.0 * IDLE_PART {
                return Ok(());
            }
            before_ms = now_ms;
        }
        Err(format!("still busy after {SETTLE_MAX:?}").into())
    }

    /// Ends it at once, as a crash does.
    pub fn kill(mut self) {
        // It may have ended by itself: then there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Resident memory of all its processes.
    pub fn rss_mib(&self) -> Result<f64> {
        Ok(self.tree().into_iter().filter_map(rss_kib).sum::<f64>() / 1024.0)
    }

    /// Its processes, itself first.
    fn tree(&self) -> Vec<u32> {
        let mut pids = vec![self.child.id()];
        let mut at = 0;
        while let Some(&pid) = pids.get(at) {
            for task in tasks(pid) {
                let children = fs::read_to_string(format!("{task}/children")).unwrap_or_default();
                pids.extend(children.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
            }
            at += 1;
        }
        pids
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return;
        }
        let pids: Vec<String> = self.tree().iter().map(u32::to_string).collect();
        let signal =
            |name: &str| Command::new("kill").arg(name).args(&pids).stderr(Stdio::null()).status();
        let watch = clock::start();
        // It may have ended by itself: then there is nothing to signal.
        let _ = signal("-TERM");
        while matches!(self.child.try_wait(), Ok(None)) {
            if clock::ms_since(watch) > STOP_MAX.as_secs_f64() * 1000.0 {
                let _ = signal("-KILL");
                let _ = self.child.wait();
            }
            clock::pause(Duration::from_millis(5));
        }
    }
}

fn tasks(pid: u32) -> Vec<String> {
    let entries = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    entries.map(|entry| entry.path().display().to_string()).collect()
}

/// CPU time of a process and of its children that have ended. The scheduler's nanoseconds know
/// only threads that still run, the ticks know all, but only to 10 ms: the larger one is right.
fn cpu_ms(pid: u32) -> Option<f64> {
    let scheduled_ns = |task: String| {
        let text = fs::read_to_string(format!("{task}/schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<f64>().ok()
    };
    let threads_ms: f64 = tasks(pid).into_iter().filter_map(scheduled_ns).sum::<f64>() / 1e6;
    let [user_s, system_s, ended_user_s, ended_system_s] = stat_s(&pid.to_string())?;
    let own_ms = (user_s + system_s) * 1000.0;
    let ended_ms = (ended_user_s + ended_system_s) * 1000.0;
    Some(if own_ms - threads_ms > 20.0 { own_ms } else { threads_ms } + ended_ms)
}

/// CPU time of all processes that this one has started and waited for.
pub fn children_cpu_s() -> f64 {
    stat_s("self").map_or(0.0, |[_, _, user_s, system_s]| user_s + system_s)
}

/// User and system time of a process, and of its children that have ended.
fn stat_s(pid: &str) -> Option<[f64; 4]> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything; utime is the twelfth field behind it.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let seconds = |at: usize| Some(fields.get(at)?.parse::<f64>().ok()? / TICKS_PER_S);
    Some([seconds(11)?, seconds(12)?, seconds(13)?, seconds(14)?])
}

fn rss_kib(pid: u32) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}
