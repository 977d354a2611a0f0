//! Control groups, where we may make some: hard limits of memory and processes, and CPU shares.
//!
//! Ours stand below one folder named `gureum-PID.N` (version 1: one in each hierarchy), one for each
//! sandbox. Its server holds a lock on it: one that nobody holds is left over, whoever has that PID
//! now, or in whichever container it meant something. Both versions are driven by plain files. A
//! sandbox's first process joins by itself,
//! through descriptors that the host has opened: the kernel asks for the opener's rights.

use std::fs::{self, File, OpenOptions};
use std::io::{Error, ErrorKind, Result};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use nix::poll::{PollTimeout, poll};

use crate::spec::Limits;

const PREFIX: &str = "gureum-";
/// Where a host process of version 2 goes, so that its own group may have children.
const LEAF: &str = "gureum-server";
/// How long AWS's sandboxes wait at most for their next share of the processor.
const CPU_PERIOD_US: u64 = 20_000;
/// The least quota that kernels accept.
const CPU_QUOTA_US_MIN: u64 = 1000;
/// What one process weighs by itself, and the most that a group may, in both versions.
const CPU_SHARES: u64 = 1024;
const CPU_SHARES_MAX: u64 = 262_144;
const CPU_WEIGHT: u64 = 100;
const CPU_WEIGHT_MAX: u64 = 10_000;
/// As many sandboxes count as busy on the smallest machine.
const BUSY_MIN: u64 = 4;
/// Pages of `/tmp` count as memory here, and the agent's own do.
const MEMORY_BESIDE_BYTES: u64 = 16 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// One controller and our folder in it. In version 2 all are the same folder.
#[derive(Clone, Debug)]
struct Controller {
    name: &'static str,
    folder: PathBuf,
}

/// What this machine lets us bound by control groups.
#[derive(Debug)]
pub(crate) struct Groups {
    version: Version,
    controllers: Vec<Controller>,
    made: AtomicU64,
    /// How many there are now.
    living: Mutex<u64>,
    /// Folders whose processes were not quite gone.
    left: Mutex<Vec<PathBuf>>,
    /// Our folders, locked for as long as we live.
    _held: Vec<File>,
}

/// One sandbox's groups. Dropping them removes the folders, now or at a later opportunity.
#[derive(Debug)]
pub(crate) struct Group {
    groups: Arc<Groups>,
    controllers: Vec<Controller>,
}

impl Groups {
    /// Finds where groups can be made, makes ours, and removes those of servers that were killed.
    pub(crate) fn find() -> std::result::Result<Groups, String> {
        let mounts = fs::read_to_string("/proc/self/mountinfo").map_err(|e| e.to_string())?;
        let own = fs::read_to_string("/proc/self/cgroup").map_err(|e| e.to_string())?;
        let one = version_1(&mounts, &own);
        if !one.is_empty() {
            return Groups::new(Version::One, one);
        }
        let (mount, path) = version_2(&mounts, &own).ok_or("no control groups are mounted")?;
        let root = Path::new(&mount);
        let folder = root.join(path.trim_start_matches('/'));
        let base = delegated(root, &folder)?;
        let enabled = fs::read_to_string(base.join("cgroup.subtree_control")).unwrap_or_default();
        let wanted = ["memory", "pids", "cpu"].into_iter();
        let usable = wanted.filter(|name| enabled.split_whitespace().any(|word| word == *name));
        Groups::new(Version::Two, usable.map(|name| (name, base.clone())).collect())
    }

    fn new(
        version: Version,
        bases: Vec<(&'static str, PathBuf)>,
    ) -> std::result::Result<Groups, String> {
        // A process may have several engines, and each sweeps what is its own.
        static ENGINES: AtomicU64 = AtomicU64::new(0);
        let engine = ENGINES.fetch_add(1, Ordering::Relaxed);
        let mut controllers: Vec<Controller> = Vec::new();
        let mut held = Vec::new();
        let mut why = "no controller is available".to_owned();
        for (name, base) in bases {
            let folder = base.join(format!("{PREFIX}{}.{engine}", std::process::id()));
            if controllers.iter().any(|other| other.folder == folder) {
                controllers.push(Controller { name, folder });
                continue;
            }
            sweep(&base);
            match claim(&folder) {
                Ok(lock) => {
                    held.push(lock);
                    controllers.push(Controller { name, folder });
                }
                Err(error) => why = format!("{}: {error}", folder.display()),
            }
        }
        if version == Version::Two && !controllers.is_empty() {
            let all: Vec<String> = controllers.iter().map(|c| format!("+{}", c.name)).collect();
            let file = controllers[0].folder.join("cgroup.subtree_control");
            write(&file, &all.join(" ")).map_err(|e| format!("{}: {e}", file.display()))?;
        }
        if controllers.is_empty() {
            return Err(why);
        }
        let (made, living, left) = (AtomicU64::new(0), Mutex::default(), Mutex::default());
        Ok(Groups { version, controllers, made, living, left, _held: held })
    }

    /// What is bounded, for people.
    pub(crate) fn describe(&self) -> String {
        let names: Vec<&str> = self.controllers.iter().map(|c| c.name).collect();
        let version = if self.version == Version::One { 1 } else { 2 };
        format!("control groups v{version} ({})", names.join(", "))
    }

    /// Whether this is bounded.
    pub(crate) fn has(&self, controller: &str) -> bool {
        self.controllers.iter().any(|known| known.name == controller)
    }

    /// One of our folders: from its name and place follow the others.
    pub(crate) fn folders(&self) -> Vec<PathBuf> {
        self.controllers.iter().map(|controller| controller.folder.clone()).collect()
    }

    /// Makes one sandbox's groups with its limits of memory and processes.
    pub(crate) fn make(self: &Arc<Self>, limits: &Limits) -> Result<Group> {
        self.remove_left();
        let number = self.made.fetch_add(1, Ordering::Relaxed).to_string();
        let controllers = self.controllers.iter().map(|controller| {
            let folder = controller.folder.join(&number);
            Controller { name: controller.name, folder }
        });
        let group = Group { groups: self.clone(), controllers: controllers.collect() };
        self.weigh(1);
        for controller in &group.controllers {
            make_folder(&controller.folder)?;
        }
        let memory = limits.memory_bytes + limits.tmp_size_bytes + MEMORY_BESIDE_BYTES;
        let version_1 = self.version == Version::One;
        let file = if version_1 { "memory.limit_in_bytes" } else { "memory.max" };
        group.set("memory", file, &memory.to_string())?;
        // The agent is one of them.
        group.set("pids", "pids.max", &(limits.processes + 1).to_string())?;
        Ok(group)
    }

    /// All our sandboxes together weigh as much as so many processes, not as much as one; but most
    /// of them wait, and whoever serves them must not starve beside those that do not.
    fn weigh(&self, change: i64) {
        let Some(cpu) = self.controllers.iter().find(|known| known.name == "cpu") else { return };
        let mut living = self.living.lock().unwrap_or_else(PoisonError::into_inner);
        *living = living.saturating_add_signed(change);
        let (file, each, most) = match self.version {
            Version::One => ("cpu.shares", CPU_SHARES, CPU_SHARES_MAX),
            Version::Two => ("cpu.weight", CPU_WEIGHT, CPU_WEIGHT_MAX),
        };
        let processors = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
        let busy = (*living).clamp(1, (2 * processors).max(BUSY_MIN));
        // Where it cannot be set they get less, and still run.
        let _ = write(&cpu.folder.join(file), &(each * busy).min(most).to_string());
    }

    fn remove_left(&self) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        left.retain(|folder| !is_removed(folder));
    }
}

impl Drop for Groups {
    fn drop(&mut self) {
        self.remove_left();
        for controller in &self.controllers {
            // What is not gone now is found by the next server.
            let _ = fs::remove_dir(&controller.folder);
        }
    }
}

impl Group {
    /// Descriptors through which a process of one thread joins by writing `0`.
    pub(crate) fn doors(&self) -> Result<Vec<OwnedFd>> {
        let mut folders: Vec<&Path> = self.controllers.iter().map(|c| c.folder.as_path()).collect();
        folders.dedup();
        // A thread that moves itself needs not wait until nobody in the system forks.
        let version_1 = self.groups.version == Version::One;
        let file = if version_1 { "tasks" } else { "cgroup.procs" };
        let open = |folder: &Path| OpenOptions::new().write(true).open(folder.join(file));
        folders.into_iter().map(|folder| Ok(open(folder)?.into())).collect()
    }

    /// Bounds the processor time to so many thousandths of one processor; `None` ends the bound.
    pub(crate) fn limit_cpu(&self, thousandths: Option<u32>) -> Result<()> {
        let quota =
            thousandths.map(|part| (u64::from(part) * CPU_PERIOD_US / 1000).max(CPU_QUOTA_US_MIN));
        if self.groups.version == Version::Two {
            let quota = quota.map_or("max".to_owned(), |quota| quota.to_string());
            return self.set("cpu", "cpu.max", &format!("{quota} {CPU_PERIOD_US}"));
        }
        self.set("cpu", "cpu.cfs_period_us", &CPU_PERIOD_US.to_string())?;
        let quota = quota.map_or("-1".to_owned(), |quota| quota.to_string());
        self.set("cpu", "cpu.cfs_quota_us", &quota)
    }

    /// Whether the kernel has killed a process for want of memory.
    pub(crate) fn ran_out_of_memory(&self) -> bool {
        let version_1 = self.groups.version == Version::One;
        let file = if version_1 { "memory.oom_control" } else { "memory.events" };
        let memory = self.controllers.iter().find(|controller| controller.name == "memory");
        let text = memory.and_then(|memory| fs::read_to_string(memory.folder.join(file)).ok());
        let kills = text.as_deref().and_then(|text| {
            text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse::<u64>().ok())
        });
        kills.is_some_and(|kills| kills > 0)
    }

    fn set(&self, controller: &str, file: &str, value: &str) -> Result<()> {
        match self.controllers.iter().find(|known| known.name == controller) {
            Some(known) => write(&known.folder.join(file), value),
            None => Ok(()),
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.groups.weigh(-1);
        for controller in &self.controllers {
            if !is_removed(&controller.folder) {
                let mut left = self.groups.left.lock().unwrap_or_else(PoisonError::into_inner);
                left.push(controller.folder.clone());
            }
        }
    }
}

/// What the nursery does for a host that was killed: its sandboxes are about to end.
pub(crate) fn sweep_after_host(folder: &Path) {
    const TRIES: usize = 100;
    for _ in 0..TRIES {
        while nix::sys::wait::waitpid(None, Some(nix::sys::wait::WaitPidFlag::WNOHANG))
            .is_ok_and(|status| status != nix::sys::wait::WaitStatus::StillAlive)
        {}
        remove_tree(folder);
        if !folder.exists() {
            return;
        }
        // Nothing to watch: only the time.
        let _ = poll(&mut [], PollTimeout::from(20u8));
    }
}

/// Makes a folder that no other server takes for a leftover as long as its lock is held.
fn claim(folder: &Path) -> Result<File> {
    use std::os::unix::fs::MetadataExt as _;
    /// Each time somebody else must have swept in the very moment between two calls.
    const TRIES: usize = 8;
    for _ in 0..TRIES {
        make_folder(folder)?;
        let Ok(lock) = File::open(folder) else { continue };
        // Whoever sweeps holds it for a moment.
        lock.lock()?;
        let number = lock.metadata()?.ino();
        if fs::metadata(folder).is_ok_and(|now| now.ino() == number) {
            return Ok(lock);
        }
    }
    Err(Error::other("it is removed again and again"))
}

/// Removes the groups of servers that are no more.
fn sweep(base: &Path) {
    let Ok(entries) = fs::read_dir(base) else { return };
    for entry in entries.flatten().filter(|entry| is_ours(entry.file_name().to_str())) {
        let Ok(lock) = File::open(entry.path()) else { continue };
        if lock.try_lock().is_ok() {
            remove_tree(&entry.path());
        }
    }
}

/// `gureum-PID.N`.
fn is_ours(name: Option<&str>) -> bool {
    let numbers = name.and_then(|name| name.strip_prefix(PREFIX)?.split_once('.'));
    let is_number = |text: &str| text.parse::<u64>().is_ok();
    numbers.is_some_and(|(pid, engine)| is_number(pid) && is_number(engine))
}

fn remove_tree(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten().filter(|entry| entry.path().is_dir()) {
        let _ = fs::remove_dir(entry.path());
    }
    // One that is still in use stays for the next sweep.
    let _ = fs::remove_dir(folder);
}

fn is_removed(folder: &Path) -> bool {
    match fs::remove_dir(folder) {
        Ok(()) => true,
        Err(error) => error.kind() == ErrorKind::NotFound,
    }
}

fn make_folder(folder: &Path) -> Result<()> {
    match fs::create_dir(folder) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

fn write(file: &Path, value: &str) -> Result<()> {
    use std::io::Write as _;
    let mut out = File::options().write(true).open(file)?;
    out.write_all(value.as_bytes())
        .map_err(|e| Error::new(e.kind(), format!("{}: {e}", file.display())))
}

/// The wanted controllers of version 1 and our own folder in each.
fn version_1(mounts: &str, own: &str) -> Vec<(&'static str, PathBuf)> {
    let wanted = ["memory", "pids", "cpu"].into_iter();
    let found = wanted.filter_map(|name| {
        let has = |list: &str| list.split(',').any(|word| word == name);
        let path = own.lines().find_map(|line| {
            let mut parts = line.splitn(3, ':').skip(1);
            parts.next().is_some_and(has).then(|| parts.next())?
        })?;
        let (root, mount) = mounted(mounts, "cgroup", has)?;
        Some((name, inside(&root, &mount, path)))
    });
    found.collect()
}

/// Where version 2 is mounted, and our own group in it.
fn version_2(mounts: &str, own: &str) -> Option<(String, String)> {
    let path = own.lines().find_map(|line| line.strip_prefix("0::"))?;
    let (root, mount) = mounted(mounts, "cgroup2", |_| true)?;
    let path = path.strip_prefix(root.trim_end_matches('/')).unwrap_or(path);
    Some((mount, path.to_owned()))
}

/// Root and place of the first mount of this type whose options fit.
fn mounted(mounts: &str, kind: &str, fits: impl Fn(&str) -> bool) -> Option<(String, String)> {
    mounts.lines().find_map(|line| {
        let (place, rest) = line.split_once(" - ")?;
        let mut rest = rest.split(' ');
        if rest.next()? != kind || !fits(rest.nth(1)?) {
            return None;
        }
        let mut place = place.split(' ').skip(3);
        Some((place.next()?.to_owned(), place.next()?.to_owned()))
    })
}

/// A container sees its own part of the hierarchy: `root` is what is mounted at `mount`.
fn inside(root: &str, mount: &str, path: &str) -> PathBuf {
    let below = path.strip_prefix(root.trim_end_matches('/')).unwrap_or(path);
    Path::new(mount).join(below.trim_start_matches('/'))
}

/// A group of version 2 in which children get controllers: our own, if it was delegated to us, or
/// for root the top.
fn delegated(root: &Path, own: &Path) -> std::result::Result<PathBuf, String> {
    let enables = |base: &Path| {
        let wanted = fs::read_to_string(base.join("cgroup.controllers")).unwrap_or_default();
        let wanted =
            wanted.split_whitespace().filter(|name| ["memory", "pids", "cpu"].contains(name));
        // Each by itself: one that cannot be had must not cost the others.
        wanted
            .map(|name| write(&base.join("cgroup.subtree_control"), &format!("+{name}")).is_ok())
            .fold(false, |any, done| any | done)
    };
    let is_root = nix::unistd::geteuid().is_root();
    if own != root {
        let leaf = own.join(LEAF);
        let pid = std::process::id().to_string();
        // With processes of its own, a group may not give controllers to children.
        if make_folder(&leaf).is_ok() && write(&leaf.join("cgroup.procs"), &pid).is_ok() {
            if enables(own) {
                return Ok(own.to_owned());
            }
            let _ = write(&own.join("cgroup.procs"), &pid);
            let _ = fs::remove_dir(&leaf);
        }
    }
    if is_root && enables(root) {
        return Ok(root.to_owned());
    }
    Err(match is_root {
        true => format!("{} gives no controllers to its children", root.display()),
        false => format!("{} is not delegated to this user", own.display()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
25 30 0:23 / /sys/fs/cgroup rw - tmpfs tmpfs rw
26 25 0:24 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct
27 25 0:25 /docker/abc /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
28 25 0:26 / /sys/fs/cgroup/unified rw,relatime - cgroup2 none rw
";

    #[test]
    fn version_1_is_read_from_mounts_and_membership() {
        let own = "9:name=systemd:/x\n4:memory:/docker/abc/inner\n1:cpu,cpuacct:/a\n0::/u/s\n";
        let found = version_1(MOUNTS, own);
        let expected = [
            ("memory", PathBuf::from("/sys/fs/cgroup/memory/inner")),
            ("cpu", PathBuf::from("/sys/fs/cgroup/cpu/a")),
        ];
        assert_eq!(found, expected);
        let two = version_2(MOUNTS, own);
        assert_eq!(two, Some(("/sys/fs/cgroup/unified".into(), "/u/s".into())));
    }

    /// Version 2's files, without a kernel behind them.
    #[test]
    fn version_2_writes_its_files() {
        let base = std::env::temp_dir().join(format!("sandbox-cgroup-{}", std::process::id()));
        let (ours, one) = (base.join("ours"), base.join("ours/0"));
        fs::create_dir_all(&one).unwrap();
        for file in ["memory.max", "pids.max", "cpu.max", "cgroup.procs"] {
            fs::write(one.join(file), "").unwrap();
        }
        fs::write(ours.join("cpu.weight"), "").unwrap();
        let controllers =
            ["memory", "pids", "cpu"].map(|name| Controller { name, folder: ours.clone() });
        let (made, living, left) = (AtomicU64::new(0), Mutex::default(), Mutex::default());
        let (version, controllers) = (Version::Two, controllers.to_vec());
        let _held = Vec::new();
        let groups = Arc::new(Groups { version, controllers, made, living, left, _held });
        let limits = Limits { memory_bytes: 1 << 27, tmp_size_bytes: 0, files: 1, processes: 31 };
        let group = groups.make(&limits).unwrap();
        group.limit_cpu(Some(500)).unwrap();
        let weight = || fs::read_to_string(ours.join("cpu.weight")).unwrap();
        groups.weigh(2);
        assert_eq!(weight(), "300");
        groups.weigh(-2);
        assert_eq!(weight(), "100");
        let text = |file: &str| fs::read_to_string(one.join(file)).unwrap();
        assert_eq!(text("memory.max"), ((1 << 27) + MEMORY_BESIDE_BYTES).to_string());
        assert_eq!(text("pids.max"), "32");
        assert_eq!(text("cpu.max"), "10000 20000");
        assert_eq!(group.doors().unwrap().len(), 1);
        assert!(!group.ran_out_of_memory());
        fs::write(one.join("memory.events"), "oom 1\noom_kill 1\n").unwrap();
        assert!(group.ran_out_of_memory());
        drop(group);
        drop(groups);
        fs::remove_dir_all(&base).unwrap();
    }

    #[test]
    fn groups_that_nobody_holds_are_swept() {
        let base = std::env::temp_dir().join(format!("sandbox-sweep-{}", std::process::id()));
        let _ = fs::remove_dir_all(&base);
        // Process 1 lives, but is no server of ours: a PID says nothing.
        let left = ["gureum-1.0", "gureum-4194300.1"].map(|name| base.join(name));
        let others =
            ["gureum-server", "gureum-1", "gureum-x.1", "else"].map(|name| base.join(name));
        for folder in left.iter().chain(&others) {
            fs::create_dir_all(folder.join("0")).unwrap();
        }
        let ours = base.join("gureum-7.0");
        let held = claim(&ours).unwrap();
        sweep(&base);
        assert!(ours.exists() && others.iter().all(|folder| folder.exists()));
        assert!(!left.iter().any(|folder| folder.exists()));
        drop(held);
        sweep(&base);
        assert!(!ours.exists());
        // A leftover of the same name is taken over.
        fs::create_dir_all(ours.join("0")).unwrap();
        let _held = claim(&ours).unwrap();
        sweep(&base);
        assert!(ours.exists());
        fs::remove_dir_all(&base).unwrap();
    }
}
