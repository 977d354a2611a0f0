//! `gureum backup` and `gureum restore`. A backup is a zip archive that other tools can open:
//!
//! ```text
//! blobs/ab/cdef…     checked against their names when read; blobs/objects/… by themselves
//! store              the store's own checksummed stream
//! installation.key
//! ```
//!
//! The archive's comment ends the file, and is the SHA-256 of all that precedes it: no bit can
//! flip unnoticed, not even one that zip does not check.
//!
//! The cloud itself writes it while it goes on: blobs, then the store at one moment, then the
//! blobs that came meanwhile. A blob precedes the record that names it, so none is missing unless
//! it was deleted while the backup was taken.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use gateway::RouteRequest;
use gateway::http::Reply;
use http::Method;
use kernel::{Fault, Kernel, Store};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

use crate::args::{Backup, Restore};
use crate::elsewhere;
use crate::reply::reply;
use crate::{Failure, data, status};

const KEY: &str = "installation.key";
const STORE: &str = "store";
const BLOBS: &str = "blobs/";
/// Length of a SHA-256 in hexadecimal.
const DIGEST_BYTES: u64 = 64;
/// Longest key file that is read.
const KEY_BYTES_MAX: u64 = 128 * 1024;
/// Archives with more entries are none of ours.
const ENTRIES_MAX: usize = 10_000_000;

/// What is asked of `/_gureum/backup`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Where to write, absolute, on the machine of the cloud.
    pub file: PathBuf,
}

/// What a backup holds.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// The store's sequence number.
    pub sequence: u64,
    /// Records of the store.
    pub records: u64,
    /// Blobs.
    pub blobs: u64,
    /// Size of the file, in bytes.
    pub bytes: u64,
}

/// Has the running cloud write a backup.
pub fn backup(backup: &Backup, json: bool) -> Result<ExitCode, Failure> {
    let file = std::path::absolute(&backup.file)?;
    let request = serde_json::to_value(Request { file: file.clone() })?;
    let answer = status::cloud(&backup.target)?.own("POST", "/_gureum/backup", &request)?;
    let summary: Summary = serde_json::from_value(answer)?;
    report(json, &format!("{} holds", file.display()), &summary);
    Ok(ExitCode::SUCCESS)
}

/// Makes a data directory.
pub fn restore(restore: &Restore, json: bool) -> Result<ExitCode, Failure> {
    let summary = restore_into(&restore.file, &restore.data)?;
    report(json, &format!("{} has", restore.data.display()), &summary);
    Ok(ExitCode::SUCCESS)
}

fn report(json: bool, what: &str, summary: &Summary) {
    let Summary { sequence, records, blobs, bytes } = summary;
    match json {
        true => println!("{}", json!(summary)),
        false => println!(
            "{what} {records} records and {blobs} blobs as of commit {sequence} ({bytes} bytes)."
        ),
    }
}

/// Serves `/_gureum/backup`.
pub async fn route(kernel: Kernel, request: RouteRequest) -> Reply {
    reply(answer(kernel, request).await)
}

async fn answer(kernel: Kernel, request: RouteRequest) -> Result<Summary, Fault> {
    if request.method != Method::POST || !request.rest.is_empty() {
        return Err(Fault::new("NotFound", 404, "POST /_gureum/backup writes a backup."));
    }
    let refused = |why: String| Fault::sender("BackupRefused", why);
    let Request { file } =
        serde_json::from_slice(&request.body).map_err(|e| refused(e.to_string()))?;
    if !file.is_absolute() {
        return Err(refused("The path of the file must be absolute.".into()));
    }
    let Some(folder) = kernel.config().data_dir.clone() else {
        return Err(refused("This cloud keeps everything in memory: nothing to back up.".into()));
    };
    if elsewhere::remembered(&data::blobs_folder(&folder)).is_ok_and(|place| place.is_some()) {
        let text = "The blobs of this cloud are in a bucket of another store: back that up there.";
        return Err(refused(text.into()));
    }
    let (store, blobs) = (kernel.store().clone(), kernel.blobs().clone());
    // What the store's moment refers to must not be deleted before it is written.
    let _kept = blobs.hold();
    let written = tokio::task::spawn_blocking(move || write(&folder, &store, &file)).await;
    written.map_err(Fault::internal)?.map_err(|Failure(why)| refused(why))
}

/// Writes a backup of an open data directory; blocks.
fn write(folder: &Path, store: &Store, file: &Path) -> Result<Summary, Failure> {
    let failed = |e: io::Error| Failure::of(file.display(), e);
    let out = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
    let out = out.map_err(failed)?;
    let written = write_to(folder, store, out).and_then(|summary| {
        seal(file)?;
        Ok(summary)
    });
    if written.is_err() {
        // Half a backup must not be taken for one. If even that fails, the error below says enough.
        let _ = fs::remove_file(file);
    }
    let mut summary = written?;
    summary.bytes = fs::metadata(file).map_err(failed)?.len();
    Ok(summary)
}

fn write_to(folder: &Path, store: &Store, out: File) -> Result<Summary, Failure> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .large_file(true)
        .unix_permissions(0o600);
    let mut archive = ZipWriter::new(out);
    let mut written = BTreeSet::new();
    write_blobs(folder, &mut archive, options, &mut written)?;
    archive.start_file(STORE, options)?;
    let stored = store::backup(store, &mut archive)?;
    write_blobs(folder, &mut archive, options, &mut written)?;
    // Last: it has all keys that anything before it is sealed with, should one be made meanwhile.
    archive.start_file(KEY, options)?;
    archive.write_all(&fs::read(folder.join(KEY))?)?;
    archive.finish()?.sync_all()?;
    Ok(Summary {
        sequence: stored.seq,
        records: stored.rows,
        blobs: written.len() as u64,
        bytes: 0,
    })
}

/// Adds the comment, which is the digest of what precedes it, and brings all to disk.
fn seal(file: &Path) -> Result<(), Failure> {
    let mut file = OpenOptions::new().read(true).write(true).open(file)?;
    // An archive without comment ends with the comment's length, two bytes (APPNOTE.TXT, 4.3.16).
    file.seek(SeekFrom::End(-2))?;
    file.write_all(&(DIGEST_BYTES as u16).to_le_bytes())?;
    file.set_len(file.metadata()?.len() + DIGEST_BYTES)?;
    let digest = digest(&mut file)?;
    file.seek(SeekFrom::End(-(DIGEST_BYTES as i64)))?;
    file.write_all(digest.as_bytes())?;
    file.sync_all()?;
    Ok(())
}

/// The SHA-256 of all but the comment, in hexadecimal; the file must be longer than that.
fn digest(file: &mut File) -> io::Result<String> {
    let length = file.metadata()?.len().checked_sub(DIGEST_BYTES);
    let length = length.ok_or(io::ErrorKind::UnexpectedEof)?;
    file.rewind()?;
    let mut hash = Sha256::new();
    io::copy(&mut file.take(length), &mut hash)?;
    Ok(kernel::digest::hex(&hash.finalize()))
}

/// Compares a backup with its own digest.
fn check_seal(file: &mut File) -> io::Result<bool> {
    let found = digest(file)?;
    let mut comment = String::new();
    file.read_to_string(&mut comment)?;
    file.rewind()?;
    Ok(found == comment)
}

fn write_blobs(
    folder: &Path,
    archive: &mut ZipWriter<File>,
    options: SimpleFileOptions,
    written: &mut BTreeSet<String>,
) -> Result<(), Failure> {
    let blobs = data::blobs_folder(folder);
    for (folder, prefix) in [(blobs.clone(), ""), (blobs.join("objects"), "objects/")] {
        for (name, path) in files(&folder)? {
            let name = format!("{prefix}{name}");
            if !is_blob(&name) || written.contains(&name) {
                continue;
            }
            // Gone since the folder was listed: then nothing needs it.
            let Ok(mut content) = File::open(path) else { continue };
            archive.start_file(format!("{BLOBS}{name}"), options)?;
            io::copy(&mut content, archive)?;
            written.insert(name);
        }
    }
    Ok(())
}

/// The files two levels down, by `ab/cdef…`.
fn files(folder: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    if !folder.try_exists()? {
        return Ok(found);
    }
    for half in fs::read_dir(folder)? {
        let half = half?;
        if half.file_name().len() != 2 {
            continue;
        }
        for file in fs::read_dir(half.path())? {
            let file = file?;
            let (half, rest) = (half.file_name(), file.file_name());
            let name = format!("{}/{}", half.to_string_lossy(), rest.to_string_lossy());
            found.push((name, file.path()));
        }
    }
    Ok(found)
}

/// Whether it is `ab/` and 62 more hexadecimal digits, or `objects/ab/` and 30 more.
fn is_blob(name: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let (name, length) = match name.strip_prefix("objects/") {
        Some(name) => (name, 33),
        None => (name, 65),
    };
    name.len() == length
        && name
            .split_once('/')
            .is_some_and(|(half, rest)| half.len() == 2 && digits(half) && digits(rest))
}

/// Restores `file` into the new folder `into`, which appears only when all of it is sound.
fn restore_into(file: &Path, into: &Path) -> Result<Summary, Failure> {
    let failed = |e: io::Error| Failure::of(into.display(), e);
    if into.try_exists().map_err(failed)? {
        return Err(Failure::of(
            into.display(),
            "exists; a backup is restored into a new directory",
        ));
    }
    let mut name = into.file_name().unwrap_or_default().to_owned();
    name.push(format!(".restoring-{}", std::process::id()));
    let new = into.with_file_name(name);
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&new).map_err(failed)?;
    let restored = read_into(file, &new).and_then(|summary| {
        fs::rename(&new, into).map_err(failed)?;
        Ok(summary)
    });
    if restored.is_err() {
        // What is left is named as what it is.
        let _ = fs::remove_dir_all(&new);
    }
    restored
}

fn read_into(file: &Path, new: &Path) -> Result<Summary, Failure> {
    let no_backup = |why: &str| Failure::of(file.display(), format!("no backup of ours: {why}"));
    let mut opened = File::open(file).map_err(|e| Failure::of(file.display(), e))?;
    if !check_seal(&mut opened).unwrap_or(false) {
        return Err(no_backup("its checksum is wrong: it is damaged or incomplete"));
    }
    let bytes = opened.metadata()?.len();
    let mut archive = ZipArchive::new(opened).map_err(|e| no_backup(&e.to_string()))?;
    if archive.len() > ENTRIES_MAX {
        return Err(no_backup("too many entries"));
    }
    let (mut stored, mut key, mut blobs) = (None, false, 0);
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(|e| no_backup(&e.to_string()))?;
        let name = entry.name().map_err(|e| no_backup(&e.to_string()))?.into_owned();
        match name.as_str() {
            STORE => stored = Some(store::restore(&data::store_folder(new), &mut entry)?),
            KEY => {
                let mut content = Vec::new();
                entry.by_ref().take(KEY_BYTES_MAX).read_to_end(&mut content)?;
                let mut out = OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(new.join(KEY))?;
                out.write_all(&content)?;
                out.sync_all()?;
                key = kernel::is_key_file(&content);
            }
            _ => {
                let blob = name.strip_prefix(BLOBS).filter(|blob| is_blob(blob));
                let blob = blob.ok_or_else(|| no_backup(&format!("it holds {name:?}")))?;
                let path = data::blobs_folder(new).join(blob);
                fs::create_dir_all(path.parent().unwrap_or(new))?;
                let mut out = OpenOptions::new().write(true).create_new(true).open(&path)?;
                io::copy(&mut entry, &mut out)?;
                out.sync_all()?;
                blobs += 1;
            }
        }
    }
    let stored = stored.ok_or_else(|| no_backup("it holds no store"))?;
    if !key {
        return Err(no_backup("it holds no installation key"));
    }
    let opened = kernel::Blobs::open(&data::blobs_folder(new))?;
    check_blobs(&opened, &data::blobs_folder(new))?;
    Ok(Summary { sequence: stored.seq, records: stored.rows, blobs, bytes })
}

/// Reads every blob that is named by its content once. Those of S3 are checked by `gureum fsck`.
fn check_blobs(blobs: &kernel::Blobs, folder: &Path) -> Result<(), Failure> {
    for (name, _) in files(folder)? {
        blobs.get(&name.replacen('/', "", 1))?;
    }
    Ok(())
}
