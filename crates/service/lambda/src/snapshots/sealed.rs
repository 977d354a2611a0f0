//! A folder as one sealed file.
//!
//! ```text
//! file:   chunk … chunk     each: length (4 bytes), sealed for PURPOSE/NUMBER, the last for PURPOSE/end
//! within: entry … entry     each: kind (1), mode (4), length of name (4), of content (8), both
//! ```
//!
//! Numbers are little-endian. A chunk that is missing, moved or of another file does not open.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{BufReader, BufWriter, Error, ErrorKind, Read, Result, Write};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::{Component, Path, PathBuf};

use kernel::Sealer;

const CHUNK_BYTES: usize = 1 << 20;
/// A longer name is none of ours.
const NAME_BYTES_MAX: usize = 64 << 10;
const FOLDER: u8 = 1;
const FILE: u8 = 2;
const LINK: u8 = 3;

/// Seals all that is in `folder` into a new file. Blocking.
pub(super) fn write(sealer: &Sealer, purpose: &str, folder: &Path, file: &Path) -> Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    let (plain, number) = (Vec::with_capacity(CHUNK_BYTES), 0);
    let file = BufWriter::new(file);
    let mut out = Sealing { sealer, purpose, file, plain, number };
    pack(folder, Path::new(""), &mut out)?;
    out.end()
}

/// Makes in `folder` what [`write()`] found. Blocking.
pub(super) fn read(sealer: &Sealer, purpose: &str, file: &Path, folder: &Path) -> Result<()> {
    let file = BufReader::new(File::open(file)?);
    let (plain, at) = (Vec::new(), 0);
    unpack(&mut Opening { sealer, purpose, file, plain, at, number: 0, ended: false }, folder)
}

/// Whether a file is sealed with the newest key.
pub(super) fn is_current(sealer: &Sealer, file: &Path) -> bool {
    let first = File::open(file).and_then(|file| chunk(&mut BufReader::new(file)));
    first.is_ok_and(|sealed| sealer.is_current(&sealed))
}

fn pack(root: &Path, below: &Path, out: &mut impl Write) -> Result<()> {
    for entry in fs::read_dir(root.join(below))? {
        let entry = entry?;
        let (name, facts) = (below.join(entry.file_name()), entry.metadata()?);
        let mode = facts.permissions().mode();
        if facts.is_dir() {
            head(out, FOLDER, mode, &name, 0)?;
            pack(root, &name, out)?;
        } else if facts.is_symlink() {
            let target = fs::read_link(entry.path())?;
            head(out, LINK, mode, &name, target.as_os_str().len() as u64)?;
            out.write_all(target.as_os_str().as_bytes())?;
        } else if facts.is_file() {
            head(out, FILE, mode, &name, facts.len())?;
            let copied = std::io::copy(&mut File::open(entry.path())?.take(facts.len()), out)?;
            if copied != facts.len() {
                return Err(Error::other(format!("{} has changed", name.display())));
            }
        }
    }
    Ok(())
}

fn head(out: &mut impl Write, kind: u8, mode: u32, name: &Path, bytes: u64) -> Result<()> {
    let name = name.as_os_str().as_bytes();
    out.write_all(&[kind])?;
    out.write_all(&mode.to_le_bytes())?;
    out.write_all(&(name.len() as u32).to_le_bytes())?;
    out.write_all(&bytes.to_le_bytes())?;
    out.write_all(name)
}

fn unpack(from: &mut impl Read, root: &Path) -> Result<()> {
    loop {
        let mut head = [0; 17];
        if from.read(&mut head[..1])? == 0 {
            return Ok(());
        }
        from.read_exact(&mut head[1..])?;
        let [kind, m0, m1, m2, m3, n0, n1, n2, n3, size @ ..] = head;
        let name_bytes = u32::from_le_bytes([n0, n1, n2, n3]) as usize;
        let bytes = u64::from_le_bytes(size);
        if name_bytes > NAME_BYTES_MAX || (kind == LINK && bytes as usize > NAME_BYTES_MAX) {
            return Err(broken());
        }
        let mut name = vec![0; name_bytes];
        from.read_exact(&mut name)?;
        let name = Path::new(OsStr::from_bytes(&name));
        if !name.components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(broken());
        }
        let path = root.join(name);
        match kind {
            FOLDER => fs::create_dir(&path)?,
            FILE => {
                let mut file = File::create_new(&path)?;
                if std::io::copy(&mut from.take(bytes), &mut file)? != bytes {
                    return Err(broken());
                }
            }
            LINK => {
                let mut target = vec![0; bytes as usize];
                from.read_exact(&mut target)?;
                symlink(PathBuf::from(std::ffi::OsString::from_vec(target)), &path)?;
                continue;
            }
            _ => return Err(broken()),
        }
        let mode = u32::from_le_bytes([m0, m1, m2, m3]) & 0o7777;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
    }
}

fn broken() -> Error {
    Error::new(ErrorKind::InvalidData, "it is damaged")
}

/// Seals what is written, chunk by chunk.
struct Sealing<'a> {
    sealer: &'a Sealer,
    purpose: &'a str,
    file: BufWriter<File>,
    plain: Vec<u8>,
    number: u64,
}

impl Sealing<'_> {
    fn put(&mut self, name: &str) -> Result<()> {
        let sealed = self.sealer.seal(&format!("{}/{name}", self.purpose), &self.plain);
        self.plain.clear();
        self.number += 1;
        self.file.write_all(&(sealed.len() as u32).to_le_bytes())?;
        self.file.write_all(&sealed)
    }

    fn end(mut self) -> Result<()> {
        self.put("end")?;
        self.file.flush()
    }
}

impl Write for Sealing<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        if self.plain.len() == CHUNK_BYTES {
            self.put(&self.number.to_string())?;
        }
        let count = bytes.len().min(CHUNK_BYTES - self.plain.len());
        self.plain.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Opens what [`Sealing`] wrote.
struct Opening<'a> {
    sealer: &'a Sealer,
    purpose: &'a str,
    file: BufReader<File>,
    plain: Vec<u8>,
    at: usize,
    number: u64,
    ended: bool,
}

impl Opening<'_> {
    fn take(&mut self) -> Result<()> {
        let sealed = chunk(&mut self.file)?;
        let open =
            |name: &str| self.sealer.open_sealed(&format!("{}/{name}", self.purpose), &sealed).ok();
        (self.plain, self.ended) = match open(&self.number.to_string()) {
            Some(plain) => (plain, false),
            None => (open("end").ok_or_else(broken)?, true),
        };
        (self.at, self.number) = (0, self.number + 1);
        Ok(())
    }
}

impl Read for Opening<'_> {
    fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        while self.at == self.plain.len() && !self.ended {
            self.take()?;
        }
        let count = into.len().min(self.plain.len() - self.at);
        into[..count].copy_from_slice(&self.plain[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

fn chunk(file: &mut impl Read) -> Result<Vec<u8>> {
    let mut length = [0; 4];
    file.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length) as usize;
    if length > CHUNK_BYTES + Sealer::OVERHEAD_BYTES {
        return Err(broken());
    }
    let mut sealed = vec![0; length];
    file.read_exact(&mut sealed)?;
    Ok(sealed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_comes_back_whole_or_not_at_all() {
        let base = std::env::temp_dir().join(format!("lambda-sealed-{}", std::process::id()));
        let _ = fs::remove_dir_all(&base);
        let (from, file) = (base.join("from"), base.join("file"));
        fs::create_dir_all(from.join("tmp/deep")).unwrap();
        let large: Vec<u8> = (0..3 * CHUNK_BYTES + 5).map(|n| (n % 251) as u8).collect();
        fs::write(from.join("pages"), &large).unwrap();
        fs::write(from.join("tmp/deep/a"), "secret").unwrap();
        fs::set_permissions(from.join("tmp/deep/a"), fs::Permissions::from_mode(0o640)).unwrap();
        symlink("/nowhere", from.join("tmp/link")).unwrap();
        let sealer = Sealer::ephemeral(std::sync::Arc::new(kernel::OsRandom));
        write(&sealer, "one", &from, &file).unwrap();
        let bytes = fs::read(&file).unwrap();
        assert!(!bytes.windows(6).any(|part| part == b"secret"));
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let reads = |purpose: &str, bytes: &[u8]| {
            fs::write(&file, bytes).unwrap();
            let to = base.join("to");
            let _ = fs::remove_dir_all(&to);
            fs::create_dir(&to).unwrap();
            read(&sealer, purpose, &file, &to).is_ok()
        };
        // Cut off between two chunks, with one flipped bit, for another purpose.
        let chunk = 4 + CHUNK_BYTES + Sealer::OVERHEAD_BYTES;
        let mut flipped = bytes.clone();
        flipped[chunk + 100] ^= 1;
        let swapped = [&bytes[chunk..2 * chunk], &bytes[..chunk], &bytes[2 * chunk..]].concat();
        assert!(!reads("one", &bytes[..2 * chunk]) && !reads("one", &flipped));
        assert!(!reads("two", &bytes) && !reads("one", &swapped) && !reads("one", b""));
        assert!(reads("one", &bytes) && is_current(&sealer, &file));
        let to = base.join("to");
        assert_eq!(fs::read(to.join("pages")).unwrap(), large);
        assert_eq!(fs::read_to_string(to.join("tmp/deep/a")).unwrap(), "secret");
        let mode = fs::metadata(to.join("tmp/deep/a")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        assert_eq!(fs::read_link(to.join("tmp/link")).unwrap(), Path::new("/nowhere"));
        fs::remove_dir_all(&base).unwrap();
    }
}
