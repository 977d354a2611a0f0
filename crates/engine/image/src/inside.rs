//! Paths as a program whose root is a folder would see them. None leads out of the folder.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

/// As many links as Linux follows.
const LINKS_MAX: usize = 40;

/// The place of `path` in `root`, with all links of the way followed as in a `chroot`; the last part
/// is followed only if `follow`. What does not exist is taken as it is named.
pub fn resolve(root: &Path, path: &Path, follow: bool) -> io::Result<PathBuf> {
    let mut todo: VecDeque<OsString> = parts(path);
    let mut found = root.to_owned();
    let mut depth = 0;
    let mut links = 0;
    while let Some(part) = todo.pop_front() {
        if part == ".." {
            if depth > 0 {
                found.pop();
                depth -= 1;
            }
            continue;
        }
        let next = found.join(&part);
        let is_last = todo.is_empty();
        let is_link = fs::symlink_metadata(&next).is_ok_and(|facts| facts.is_symlink());
        if !is_link || (is_last && !follow) {
            found = next;
            depth += 1;
            continue;
        }
        links += 1;
        if links > LINKS_MAX {
            return Err(io::Error::other("too many links"));
        }
        let target = fs::read_link(&next)?;
        if target.is_absolute() {
            found = root.to_owned();
            depth = 0;
        }
        for part in parts(&target).into_iter().rev() {
            todo.push_front(part);
        }
    }
    Ok(found)
}

/// A program by its name, as a shell inside would find it: the path on this machine, and inside.
pub fn program(root: &Path, name: &str, cwd: &Path, path: &str) -> Option<(PathBuf, PathBuf)> {
    let candidates: Vec<PathBuf> = match name.contains('/') {
        true => vec![cwd.join(name)],
        false => {
            path.split(':').filter(|d| !d.is_empty()).map(|d| cwd.join(d).join(name)).collect()
        }
    };
    candidates.into_iter().find_map(|inside| {
        let outside = resolve(root, &inside, true).ok()?;
        outside.is_file().then_some((outside, inside))
    })
}

fn parts(path: &Path) -> VecDeque<OsString> {
    let named = |part: Component<'_>| match part {
        Component::Normal(part) => Some(part.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    };
    path.components().filter_map(named).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn nothing_leads_out() {
        let root = std::env::temp_dir().join(format!("image-inside-{}", std::process::id()));
        let _ = fs::remove_dir_all(&root);
        fs::create_dir_all(root.join("usr/bin")).unwrap();
        fs::write(root.join("usr/bin/run"), "x").unwrap();
        for (target, link) in [
            ("usr/bin", "bin"),
            ("/usr/bin/run", "start"),
            ("../../../../etc", "up"),
            ("/", "whole"),
            ("loop", "loop"),
        ] {
            symlink(target, root.join(link)).unwrap();
        }
        let check = |path: &str, follow: bool, expected: Option<&str>| {
            let found = resolve(&root, Path::new(path), follow).ok();
            assert_eq!(found, expected.map(|e| root.join(e)), "{path}");
        };
        check("/bin/run", true, Some("usr/bin/run"));
        check("start", true, Some("usr/bin/run"));
        check("start", false, Some("start"));
        check("up/passwd", true, Some("etc/passwd"));
        check("whole/whole/bin/new", true, Some("usr/bin/new"));
        check("../../bin/../x", true, Some("usr/x"));
        check("loop/x", true, None);
        let ran = program(&root, "run", Path::new("/"), "/sbin:/bin").unwrap();
        assert_eq!(ran, (root.join("usr/bin/run"), "/bin/run".into()));
        assert!(program(&root, "run", Path::new("/"), "/sbin").is_none());
        assert!(program(&root, "./run", Path::new("/usr/bin"), "").is_some());
        fs::remove_dir_all(&root).unwrap();
    }
}
