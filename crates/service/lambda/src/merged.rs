//! `/opt` of a function with several layers: one folder in which later layers cover earlier ones.
//! Files are hard links to the unpacked layers, so it costs no space.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// So deep do folders of packages go at most; deeper ones are refused.
const DEPTH_MAX: usize = 64;

/// Fills the empty folder `target` with all of `layers`, the first one first.
pub(crate) fn merge(layers: &[PathBuf], target: &Path) -> io::Result<()> {
    for layer in layers {
        lay(layer, target, 0)?;
    }
    Ok(())
}

fn lay(from: &Path, to: &Path, depth: usize) -> io::Result<()> {
    if depth > DEPTH_MAX {
        return Err(io::Error::other("the folders of a layer are nested too deeply"));
    }
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        let old = fs::symlink_metadata(&target).ok();
        if kind.is_dir() {
            match old {
                Some(old) if old.is_dir() => {}
                Some(_) => {
                    fs::remove_file(&target)?;
                    fs::create_dir(&target)?;
                }
                None => fs::create_dir(&target)?,
            }
            lay(&source, &target, depth + 1)?;
            continue;
        }
        match old {
            Some(old) if old.is_dir() => fs::remove_dir_all(&target)?,
            Some(_) => fs::remove_file(&target)?,
            None => {}
        }
        if kind.is_symlink() {
            symlink(fs::read_link(&source)?, &target)?;
        } else {
            fs::hard_link(&source, &target)?;
        }
    }
    Ok(())
}

/// The bytes of all files below a folder.
pub(crate) fn measure(folder: &Path) -> io::Result<u64> {
    measure_at(folder, 0)
}

fn measure_at(folder: &Path, depth: usize) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_type()?.is_dir() {
            bytes += entry.metadata()?.len();
        } else if depth < DEPTH_MAX {
            bytes += measure_at(&entry.path(), depth + 1)?;
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_layers_cover_earlier_ones() {
        let base = std::env::temp_dir().join(format!("lambda-merged-{}", std::process::id()));
        let _ = fs::remove_dir_all(&base);
        let file = |path: &str, text: &str| {
            let path = base.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        file("1/lib/a", "one");
        file("1/lib/b", "one");
        file("1/only/c", "one");
        file("2/lib/a", "two");
        file("2/only", "a file now");
        symlink("a", base.join("2/lib/b")).unwrap();
        fs::create_dir(base.join("opt")).unwrap();
        merge(&[base.join("1"), base.join("2")], &base.join("opt")).unwrap();
        let read = |path: &str| fs::read_to_string(base.join("opt").join(path)).unwrap();
        assert_eq!((read("lib/a"), read("lib/b")), ("two".into(), "two".into()));
        assert_eq!(read("only"), "a file now");
        assert_eq!(measure(&base.join("1")).unwrap(), 9);
        fs::remove_dir_all(&base).unwrap();
    }
}
