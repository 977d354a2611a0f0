//! The sandbox's root: the host's programs and libraries read-only, and nothing of its data.
//!
//! All sources are opened first and then bound by descriptor, so that a source may lie below the
//! directory the new root is mounted on. One `mount_setattr` makes everything read-only; only
//! then come the three writable things: `/tmp`, `/proc` and the five device files.

use std::ffi::CString;
use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns};
use nix::sys::stat::Mode;
use nix::unistd::{chdir, chroot, fchdir, pivot_root};

use crate::agent::{Failure, Steps, at};
use crate::spec::{Mount, Orders};
use crate::sys;

/// Where the new root is assembled: any directory that exists.
const BASES: &[&str] = &["/tmp", "/mnt", "/run"];
/// System directories; on most systems some are links into `/usr`.
pub(crate) const SYSTEM: &[&str] =
    &["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store"];
/// What programs need from `/etc`: the loader's cache, alternatives, certificates, time zone.
pub(crate) const ETC: &[&str] = &[
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/crypto-policies",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/pki",
    "/etc/ssl",
];
pub(crate) const DEVICES: &[&str] = &["null", "zero", "full", "random", "urandom"];
const DEVICE_LINKS: &[(&str, &str)] = &[
    ("dev/fd", "/proc/self/fd"),
    ("dev/stdin", "/proc/self/fd/0"),
    ("dev/stdout", "/proc/self/fd/1"),
    ("dev/stderr", "/proc/self/fd/2"),
];
const DIRECTORIES: &[&str] = &["dev", "etc", "opt", "proc", "tmp", "var"];

/// What is mounted over in a root of its own.
const OWN_DIRECTORIES: &[&str] = &["dev", "etc", "proc", "tmp"];
const OWN_FILES: &[&str] = &["etc/hosts", "etc/resolv.conf"];

/// A source opened before the new root hides it.
struct Source {
    handle: OwnedFd,
    directory: bool,
    name: PathBuf,
    target: PathBuf,
}

impl Source {
    fn try_clone(&self) -> Result<Source, Failure> {
        let handle = self.handle.try_clone().map_err(at("copy a handle"))?;
        let Source { directory, name, target, .. } = self;
        Ok(Source { handle, directory: *directory, name: name.clone(), target: target.clone() })
    }
}

/// Builds the root and makes it the calling process's root.
pub(crate) fn enter(orders: &Orders, steps: &mut Steps) -> Result<(), Failure> {
    let base = BASES.iter().map(Path::new).find(|base| base.is_dir());
    let base =
        base.ok_or_else(|| Failure::new("find a directory", format!("none of {BASES:?}")))?;
    let mut sources = Vec::new();
    let mut links = DEVICE_LINKS.iter().map(|(a, b)| (a.into(), b.into())).collect::<Vec<_>>();
    let own = orders.root.as_ref().map(|root| open_source(&same(root))).transpose()?;
    if own.is_none() {
        gather_system(&mut sources, &mut links)?;
    }
    for wanted in &orders.mounts {
        sources.push(open_source(wanted)?);
    }
    links.extend(orders.links.iter().cloned());
    let devices = open_devices()?;
    steps.done("sources");

    match &own {
        Some(own) => lay_own(base, own, orders)?,
        None => lay_system(base, orders)?,
    }
    for source in &sources {
        bind(base, source, MsFlags::MS_BIND | MsFlags::MS_REC)?;
    }
    for (path, target) in &links {
        let path = below(base, path);
        make_directory(path.parent().unwrap_or(base))?;
        symlink(target, &path).map_err(at(format!("link {}", path.display())))?;
    }
    for device in &devices {
        let path = below(base, &device.target);
        fs::write(&path, "").map_err(at(format!("create {}", path.display())))?;
    }
    let c_base = CString::new(base.as_os_str().as_bytes()).map_err(at("name the root"))?;
    sys::restrict_mounts(&c_base).map_err(at("make the root read-only (needs Linux 5.12)"))?;
    mount_writable(base, &devices, orders.program.limits.tmp_size_bytes)?;
    steps.done("mounts");
    pivot(base)?;
    steps.done("pivot");
    Ok(())
}

/// An empty root for the host's programs.
fn lay_system(base: &Path, orders: &Orders) -> Result<(), Failure> {
    mount_tmpfs(base, "size=4m,nr_inodes=4096,mode=755", MsFlags::MS_NOSUID)?;
    for directory in DIRECTORIES {
        make_directory(&base.join(directory))?;
    }
    for (path, text) in &orders.files {
        let path = below(base, path);
        fs::write(&path, text).map_err(at(format!("write {}", path.display())))?;
    }
    Ok(())
}

/// A root that brings its own programs. What is mounted over must be no link: the kernel would
/// follow it out of the root.
fn lay_own(base: &Path, own: &Source, orders: &Orders) -> Result<(), Failure> {
    let step = |path: &Path| format!("find {} in {}", path.display(), own.name.display());
    bind(base, &Source { target: "/".into(), ..own.try_clone()? }, MsFlags::MS_BIND)?;
    for name in OWN_DIRECTORIES.iter().map(Path::new) {
        let is_directory = fs::symlink_metadata(base.join(name)).is_ok_and(|facts| facts.is_dir());
        if !is_directory {
            return Err(Failure::new(step(name), "it is no directory"));
        }
    }
    mount_tmpfs(&base.join("dev"), "size=64k,nr_inodes=64,mode=755", MsFlags::MS_NOSUID)?;
    // Written where they are hidden later, and bound from there.
    let aside = base.join("tmp");
    mount_tmpfs(&aside, "size=64k,nr_inodes=64,mode=755", MsFlags::MS_NOSUID)?;
    for name in OWN_FILES {
        let Some(text) = orders.files.get(&Path::new("/").join(name)) else { continue };
        let target = base.join(name);
        let facts = fs::symlink_metadata(&target).map_err(at(step(&target)))?;
        if !facts.is_file() {
            return Err(Failure::new(step(&target), "it is no file"));
        }
        let path = aside.join(name.replace('/', "-"));
        fs::write(&path, text).map_err(at(format!("write {name}")))?;
        let source = open_source(&Mount { source: path, target: Path::new("/").join(name) })?;
        bind(base, &source, MsFlags::MS_BIND)?;
    }
    Ok(())
}

/// From here on, no mount of ours is seen outside.
pub(crate) fn keep_mounts_private() -> Result<(), Failure> {
    let none = None::<&str>;
    let flags = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    let outcome = mount(none, "/", none, flags, none);
    if outcome != Err(Errno::EINVAL) {
        return outcome.map_err(at("make mounts private"));
    }
    // We are in a chroot that is no mount. Joining our own namespace leads to its true root.
    let step = "make mounts private in a chroot";
    let open_at = |path: &str, flags| open(path, flags | OFlag::O_CLOEXEC, Mode::empty());
    let back = open_at("/", OFlag::O_PATH).map_err(at(step))?;
    let own = open_at("/proc/self/ns/mnt", OFlag::O_RDONLY).map_err(at(step))?;
    setns(own, CloneFlags::CLONE_NEWNS).map_err(at(step))?;
    mount(none, "/", none, flags, none).map_err(at(step))?;
    fchdir(&back).and_then(|()| chroot(".")).map_err(at(step))
}

/// The `/tmp`, `/proc` and devices, on top of the root that is now read-only.
fn mount_writable(base: &Path, devices: &[Source], tmp_size_bytes: u64) -> Result<(), Failure> {
    for device in devices {
        bind(base, device, MsFlags::MS_BIND)?;
    }
    let careful = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    let inodes = (tmp_size_bytes / 8192).max(1024);
    let options = format!("size={tmp_size_bytes},nr_inodes={inodes},mode=1777");
    mount_tmpfs(&base.join("tmp"), &options, careful)?;
    let flags = careful | MsFlags::MS_NOEXEC;
    let proc = base.join("proc");
    mount(Some("proc"), &proc, Some("proc"), flags, None::<&str>).map_err(at("mount /proc"))
}

/// Makes `base` the root; the old one is gone for good.
fn pivot(base: &Path) -> Result<(), Failure> {
    chdir(base).map_err(at("enter the root"))?;
    match pivot_root(".", ".") {
        Ok(()) => umount2(".", MntFlags::MNT_DETACH).map_err(at("leave the old root"))?,
        // We are in a chroot, whose root is no mount that could change places. Covering it is as
        // good: a way back takes a capability that programs do not have.
        Err(Errno::EINVAL) => {
            let none = None::<&str>;
            mount(Some("."), "/", none, MsFlags::MS_MOVE, none).map_err(at("cover the root"))?;
            chroot(".").map_err(at("chroot"))?;
        }
        Err(error) => return Err(at("pivot_root")(error)),
    }
    chdir("/").map_err(at("enter the root"))
}

fn gather_system(
    sources: &mut Vec<Source>,
    links: &mut Vec<(PathBuf, PathBuf)>,
) -> Result<(), Failure> {
    for path in SYSTEM.iter().chain(ETC).map(Path::new) {
        let Ok(facts) = fs::symlink_metadata(path) else { continue };
        let is_system = !path.starts_with("/etc");
        match fs::read_link(path) {
            Ok(target) if is_system && facts.is_symlink() => links.push((path.into(), target)),
            _ if path.exists() => sources.push(open_source(&same(path))?),
            _ => {}
        }
    }
    // Debian keeps the JDK's configuration in /etc/java-NN-openjdk.
    let Ok(entries) = fs::read_dir("/etc") else { return Ok(()) };
    for entry in entries.flatten() {
        if entry.file_name().as_bytes().starts_with(b"java-") && entry.path().is_dir() {
            sources.push(open_source(&same(&entry.path()))?);
        }
    }
    Ok(())
}

fn same(path: &Path) -> Mount {
    Mount { source: path.into(), target: path.into() }
}

fn open_devices() -> Result<Vec<Source>, Failure> {
    DEVICES.iter().map(|name| open_source(&same(&Path::new("/dev").join(name)))).collect()
}

fn open_source(wanted: &Mount) -> Result<Source, Failure> {
    let step = || format!("open {}", wanted.source.display());
    let flags = OFlag::O_PATH | OFlag::O_CLOEXEC;
    let handle = open(&wanted.source, flags, Mode::empty()).map_err(|e| at(step())(e))?;
    let directory = fs::metadata(&wanted.source).map_err(|e| at(step())(e))?.is_dir();
    Ok(Source { handle, directory, name: wanted.source.clone(), target: wanted.target.clone() })
}

fn bind(base: &Path, source: &Source, flags: MsFlags) -> Result<(), Failure> {
    let target = below(base, &source.target);
    if source.directory {
        make_directory(&target)?;
    } else if !target.exists() {
        make_directory(target.parent().unwrap_or(base))?;
        fs::write(&target, "").map_err(at(format!("create {}", target.display())))?;
    }
    let from = format!("/proc/self/fd/{}", source.handle.as_raw_fd());
    let none = None::<&str>;
    mount(Some(from.as_str()), &target, none, flags, none)
        .map_err(at(format!("bind {}", source.name.display())))
}

fn mount_tmpfs(path: &Path, options: &str, flags: MsFlags) -> Result<(), Failure> {
    mount(Some("tmpfs"), path, Some("tmpfs"), flags, Some(options))
        .map_err(at(format!("mount a tmpfs on {}", path.display())))
}

fn make_directory(path: &Path) -> Result<(), Failure> {
    fs::create_dir_all(path).map_err(at(format!("create {}", path.display())))
}

/// `path` as seen from the new root.
fn below(base: &Path, path: &Path) -> PathBuf {
    base.join(path.strip_prefix("/").unwrap_or(path))
}
