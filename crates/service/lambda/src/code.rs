//! Deployment packages: checked, kept as blobs, unpacked where sandboxes can mount them.
//!
//! The blob is the truth; the unpacked folder is a cache that can be made again at any time.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Cursor, Read, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use api_lambda::Error;
use bytes::Bytes;
use image::{Image, Platform, Source};
use kernel::{Blobs, Fault};
use sha2::{Digest, Sha256};
use tokio::sync::RwLock;
use zip::ZipArchive;
use zip::read::ZipFile;

use crate::errors::invalid;
use crate::layers::LayerUse;
use crate::local::{Folder, Local};
use crate::merged;

/// What a package may contain once unpacked.
pub(crate) const UNZIPPED_BYTES_MAX: u64 = 262_144_000;
/// Our bound, so that a small file cannot make millions of files.
const ENTRIES_MAX: usize = 100_000;
/// What AWS lets an image measure unpacked; the number of files is our bound.
const IMAGE_LIMITS: image::Limits = image::Limits { bytes_max: 10 << 30, entries_max: 2_000_000 };
/// Names of folders that are being unpacked begin so.
const STAGING: &str = ".new-";
const LINK_BYTES_MAX: u64 = 4096;

/// Packages and their unpacked folders.
pub(crate) struct Code {
    blobs: Blobs,
    folder: PathBuf,
    local: Option<Arc<Local>>,
    /// Writers of a package hold it shared until their record is committed; who removes an
    /// unused package holds it alone. So no package vanishes between check and use.
    pub in_use: RwLock<()>,
}

impl Code {
    pub fn new(blobs: Blobs, cache: &Path, local: Option<Arc<Local>>) -> Code {
        let folder = cache.join("lambda-code");
        // What a killed server had begun to unpack. A leftover is only disk space.
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(STAGING) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        Code { blobs, folder, local, in_use: RwLock::new(()) }
    }

    /// Checks a package by unpacking it, and stores it. Returns its id.
    pub async fn add(self: &Arc<Self>, package: Bytes) -> Result<String, Error> {
        if let Some(id) = self.local.as_ref().and_then(|local| local.id(&package)) {
            return Ok(id);
        }
        let this = self.clone();
        blocking(move || {
            let staging = this.staging()?;
            let unpacked = unpack(&package, &staging);
            let result = unpacked.and_then(|()| {
                let id = this.blobs.put(package.clone()).map_err(Fault::internal)?;
                this.settle(&staging, &id)?;
                Ok(id)
            });
            // Gone already when it became the cached folder; otherwise it is garbage.
            let _ = fs::remove_dir_all(&staging);
            result
        })
        .await
    }

    /// The folder with the unpacked package, made if it is missing.
    pub async fn unpacked(self: &Arc<Self>, id: &str) -> Result<PathBuf, Error> {
        if let Some(folder) = self.known(id) {
            return Ok(folder.task);
        }
        let folder = self.folder.join(id).join("task");
        if folder.is_dir() {
            return Ok(folder);
        }
        let (this, id) = (self.clone(), id.to_owned());
        blocking(move || {
            let package = this.blobs.get(&id).map_err(Fault::internal)?;
            let staging = this.staging()?;
            let result = unpack(&package, &staging).and_then(|()| Ok(this.settle(&staging, &id)?));
            let _ = fs::remove_dir_all(&staging);
            result
        })
        .await?;
        Ok(folder)
    }

    /// The folder of a local tool that this code is.
    pub fn known(&self, id: &str) -> Option<Folder> {
        self.local.as_ref()?.find(id)
    }

    /// Unpacks an image, which checks it, and stores its parts. Returns the manifest's id.
    pub fn add_image(&self, image: &Image, source: &dyn Source) -> Result<String, Error> {
        let staging = self.staging()?;
        let unpacked = self.lay(image, source, &staging);
        let result = unpacked.and_then(|()| {
            let put = |bytes: Vec<u8>| self.blobs.put(bytes.into()).map_err(Fault::internal);
            for layer in &image.layers {
                put(image.layer(source, layer).map_err(Fault::internal)?)?;
            }
            put(image.config_bytes.clone())?;
            let id = put(image.manifest.clone())?;
            self.settle(&staging, &id)?;
            Ok(id)
        });
        let _ = fs::remove_dir_all(&staging);
        result
    }

    /// An image's root and configuration, made of its parts if they are missing. Blocking.
    pub fn image(&self, id: &str) -> Result<(PathBuf, Image), Error> {
        let parts = Parts(&self.blobs);
        let found = Image::find(&parts, &format!("sha256:{id}"), &Platform::own());
        let image = found.map_err(Fault::internal)?;
        let root = self.folder.join(id).join("task");
        if !root.is_dir() {
            let staging = self.staging()?;
            let made = self.lay(&image, &parts, &staging);
            let result = made.and_then(|()| Ok(self.settle(&staging, id)?));
            let _ = fs::remove_dir_all(&staging);
            result?;
        }
        Ok((root, image))
    }

    fn lay(&self, image: &Image, source: &dyn Source, staging: &Path) -> Result<(), Error> {
        let unpacked = image::unpack(image, source, &staging.join("task"), IMAGE_LIMITS);
        unpacked.map_err(|error| invalid(format!("The image cannot be unpacked: {error}.")))
    }

    /// What a package measures unpacked, in bytes.
    pub async fn unzipped_bytes(self: &Arc<Self>, id: &str) -> Result<u64, Error> {
        if self.known(id).is_some() {
            // A developer's folder is measured when it is deployed.
            return Ok(0);
        }
        let folder = self.unpacked(id).await?;
        blocking(move || Ok(merged::measure(&folder).map_err(Fault::internal)?)).await
    }

    /// The folder that becomes `/opt`: all these packages in one.
    pub async fn opt(self: &Arc<Self>, layers: &[LayerUse]) -> Result<PathBuf, Error> {
        let mut folders = Vec::new();
        let mut digest = Sha256::new();
        for layer in layers {
            folders.push(self.unpacked(&layer.code).await?);
            digest.update(&layer.code);
        }
        if let [one] = folders.as_slice() {
            return Ok(one.clone());
        }
        let id = format!("opt-{:x}", digest.finalize());
        let folder = self.folder.join(&id).join("task");
        if folder.is_dir() {
            return Ok(folder);
        }
        let this = self.clone();
        blocking(move || {
            let staging = this.staging()?;
            let made = merged::merge(&folders, &staging.join("task")).map_err(Fault::internal);
            let result = made.and_then(|()| this.settle(&staging, &id));
            let _ = fs::remove_dir_all(&staging);
            Ok(result?)
        })
        .await?;
        Ok(folder)
    }

    /// The package itself.
    pub async fn package(&self, id: &str) -> Result<Bytes, Fault> {
        let (blobs, id) = (self.blobs.clone(), id.to_owned());
        blocking(move || Ok(blobs.get(&id).map_err(Fault::internal)?)).await.map_err(Fault::from)
    }

    /// Forgets a package that no function uses. Call it with `in_use` held for writing.
    pub async fn remove(&self, id: &str) -> Result<(), Error> {
        if self.known(id).is_some() {
            return Ok(());
        }
        let (blobs, folder, id) = (self.blobs.clone(), self.folder.join(id), id.to_owned());
        blocking(move || {
            // Sandboxes that still run keep their mount; a leftover is only disk space.
            let _ = fs::remove_dir_all(folder);
            Ok(blobs.delete(&id).map_err(Fault::internal)?)
        })
        .await
    }

    /// A new empty folder beside the cached ones.
    fn staging(&self) -> Result<PathBuf, Fault> {
        use std::sync::atomic::{AtomicU64, Ordering};
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = self.folder.join(format!("{STAGING}{}-{number}", std::process::id()));
        fs::create_dir_all(folder.join("task")).map_err(Fault::internal)?;
        Ok(folder)
    }

    fn settle(&self, staging: &Path, id: &str) -> Result<(), Fault> {
        let target = self.folder.join(id);
        match fs::rename(staging, &target) {
            // Somebody else was faster, with the same content.
            Err(_) if target.is_dir() => Ok(()),
            other => other.map_err(Fault::internal),
        }
    }
}

/// The parts of images among the blobs.
struct Parts<'a>(&'a Blobs);

impl Source for Parts<'_> {
    fn manifest(&self, name: &str) -> Result<Vec<u8>, image::Error> {
        self.blob(&name.parse()?, u64::MAX)
    }

    fn blob(&self, digest: &image::Digest, _: u64) -> Result<Vec<u8>, image::Error> {
        let found = self.0.get(digest.hex());
        let failed = |error: kernel::BlobError| {
            image::Error::Io(digest.to_string(), std::io::Error::other(error.to_string()))
        };
        found.map(Vec::from).map_err(failed)
    }
}

pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(Fault::internal(error).into()),
    }
}

fn broken() -> Error {
    invalid("Could not unzip uploaded file. Please check your file, then try to upload again.")
}

fn too_large() -> Error {
    invalid(format!("Unzipped size must be smaller than {UNZIPPED_BYTES_MAX} bytes"))
}

/// Unpacks `package` into `staging/task`, or says what is wrong with it.
fn unpack(package: &Bytes, staging: &Path) -> Result<(), Error> {
    if package.is_empty() {
        return Err(invalid("Uploaded file must be a non-empty zip"));
    }
    let mut archive = ZipArchive::new(Cursor::new(package.clone())).map_err(|_| broken())?;
    if archive.is_empty() {
        return Err(invalid("Uploaded file must be a non-empty zip"));
    }
    if archive.len() > ENTRIES_MAX {
        return Err(invalid(format!("The zip file has more than {ENTRIES_MAX} entries.")));
    }
    let mut claimed_bytes: u64 = 0;
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(|_| broken())?;
        claimed_bytes = claimed_bytes.saturating_add(entry.size());
    }
    if claimed_bytes > UNZIPPED_BYTES_MAX {
        return Err(too_large());
    }
    extract(&mut archive, &staging.join("task"))
}

/// Writes everything; what entries claim about their sizes is not believed.
fn extract(archive: &mut ZipArchive<Cursor<Bytes>>, root: &Path) -> Result<(), Error> {
    let mut left_bytes = UNZIPPED_BYTES_MAX;
    // Links come last, so that no file is ever written through one.
    let mut links = Vec::new();
    let mut folders = BTreeSet::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(|_| broken())?;
        let path = safe_path(&entry.name().map_err(|_| broken())?)?;
        if entry.is_dir() {
            make_folder(root, &path, &mut folders)?;
        } else if entry.is_symlink() {
            links.push((path, link_target(&mut entry)?));
        } else {
            make_folder(root, path.parent().unwrap_or(Path::new("")), &mut folders)?;
            left_bytes -= write_file(&root.join(&path), &mut entry, left_bytes)?;
        }
    }
    for (path, target) in links {
        make_folder(root, path.parent().unwrap_or(Path::new("")), &mut folders)?;
        stays_inside(&path, &target)?;
        symlink(&target, root.join(&path)).map_err(|_| broken())?;
    }
    Ok(())
}

/// The path of an entry: relative, and only ever downwards.
fn safe_path(name: &str) -> Result<PathBuf, Error> {
    let refuse = |why: &str| {
        // Names may hold anything; only what can be shown is shown.
        let name: String = name.chars().filter(|c| !c.is_control()).take(200).collect();
        Err(invalid(format!("The zip file contains the entry \"{name}\", which {why}.")))
    };
    if name.contains('\0') || name.contains('\\') || name.len() > 1024 {
        return refuse("is not a valid path");
    }
    let mut path = PathBuf::new();
    for component in Path::new(name).components() {
        match component {
            Component::Normal(part) => path.push(part),
            Component::CurDir => {}
            Component::RootDir | Component::Prefix(_) => return refuse("is an absolute path"),
            Component::ParentDir => return refuse("leads out of the package"),
        }
    }
    if path.as_os_str().is_empty() && !name.ends_with('/') {
        return refuse("is not a valid path");
    }
    Ok(path)
}

fn make_folder(root: &Path, path: &Path, made: &mut BTreeSet<PathBuf>) -> Result<(), Error> {
    if made.contains(path) {
        return Ok(());
    }
    // A file of the same name stands in the way: the package contradicts itself.
    fs::create_dir_all(root.join(path)).map_err(|_| broken())?;
    made.insert(path.to_owned());
    Ok(())
}

/// Writes one file, never more than `limit_bytes` whatever the entry claims.
fn write_file<R: Read>(
    path: &Path,
    entry: &mut ZipFile<'_, R>,
    limit_bytes: u64,
) -> Result<u64, Error> {
    let mode = (entry.unix_mode().unwrap_or(0o644) & 0o777) | 0o444;
    let mut file =
        fs::OpenOptions::new().write(true).create_new(true).open(path).map_err(|_| broken())?;
    let mut written = 0;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        // Reading to the end also checks the checksum.
        let count = entry.read(&mut buffer).map_err(|_| broken())?;
        if count == 0 {
            break;
        }
        written += count as u64;
        if written > limit_bytes {
            return Err(too_large());
        }
        file.write_all(&buffer[..count]).map_err(Fault::internal)?;
    }
    file.set_permissions(fs::Permissions::from_mode(mode)).map_err(Fault::internal)?;
    Ok(written)
}

fn link_target<R: Read>(entry: &mut ZipFile<'_, R>) -> Result<String, Error> {
    let mut target = String::new();
    entry.take(LINK_BYTES_MAX).read_to_string(&mut target).map_err(|_| broken())?;
    Ok(target)
}

/// A link may only point to something in the package.
fn stays_inside(link: &Path, target: &str) -> Result<(), Error> {
    let mut depth = link.parent().map_or(0, |parent| parent.components().count());
    for component in Path::new(target).components() {
        match component {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir if depth > 0 => depth -= 1,
            _ => {
                let link = link.display();
                return Err(invalid(format!(
                    "The zip file contains the link \"{link}\", which leads out of the package."
                )));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    type Writer = ZipWriter<Cursor<Vec<u8>>>;

    fn package(fill: impl FnOnce(&mut Writer)) -> Bytes {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        fill(&mut writer);
        writer.finish().unwrap().into_inner().into()
    }

    fn file(writer: &mut Writer, name: &str, content: &[u8]) {
        writer.start_file(name, SimpleFileOptions::default()).unwrap();
        writer.write_all(content).unwrap();
    }

    async fn add(name: &str, package: Bytes) -> Result<PathBuf, String> {
        let cache = std::env::temp_dir().join(format!("lambda-code-{name}-{}", std::process::id()));
        let code = Arc::new(Code::new(Blobs::memory(), &cache, None));
        let id = code.add(package).await.map_err(|error| Fault::from(error).to_string());
        let left = fs::read_dir(cache.join("lambda-code")).unwrap().flatten();
        assert!(!left.into_iter().any(|e| e.file_name().to_string_lossy().starts_with(".new")));
        code.unpacked(&id?).await.map_err(|error| Fault::from(error).to_string())
    }

    async fn refused(name: &str, package: Bytes, expected: &str) {
        let found = add(name, package).await.expect_err("it is refused");
        assert_eq!(found, format!("InvalidParameterValueException: {expected}"), "{name}");
    }

    #[tokio::test]
    async fn unpacks_files_folders_and_inner_links() {
        let package = package(|writer| {
            file(writer, "index.mjs", b"export const a = 1;");
            file(writer, "node_modules/a/index.js", b"x");
            let options = SimpleFileOptions::default();
            writer.add_symlink("node_modules/.bin/a", "../a/index.js", options).unwrap();
        });
        let folder = add("good", package).await.unwrap();
        assert_eq!(fs::read(folder.join("index.mjs")).unwrap(), b"export const a = 1;");
        assert_eq!(fs::read(folder.join("node_modules/.bin/a")).unwrap(), b"x");
        let mode = fs::metadata(folder.join("index.mjs")).unwrap().permissions().mode();
        assert_eq!(mode & 0o444, 0o444);
    }

    #[tokio::test]
    async fn refuses_what_is_no_package() {
        let broken =
            "Could not unzip uploaded file. Please check your file, then try to upload again.";
        refused("text", Bytes::from_static(b"not a zip at all"), broken).await;
        let empty = "Uploaded file must be a non-empty zip";
        refused("nothing", Bytes::new(), empty).await;
        refused("empty", package(|_| {}), empty).await;
        let mut damaged = package(|writer| file(writer, "a", &[7; 5000])).to_vec();
        damaged[40] ^= 0xff;
        refused("damaged", damaged.into(), broken).await;
        refused(
            "twice",
            package(|writer| {
                file(writer, "a", b"1");
                file(writer, "a/b", b"2");
            }),
            broken,
        )
        .await;
    }

    #[tokio::test]
    async fn refuses_to_write_elsewhere() {
        for (name, entry, why) in [
            ("up", "../evil", "leads out of the package"),
            ("inner", "a/../../evil", "leads out of the package"),
            ("root", "/etc/evil", "is an absolute path"),
            ("windows", "..\\evil", "is not a valid path"),
        ] {
            let expected = format!("The zip file contains the entry \"{entry}\", which {why}.");
            refused(name, package(|writer| file(writer, entry, b"x")), &expected).await;
        }
        let link = package(|writer| {
            writer.add_symlink("a/link", "../../etc", SimpleFileOptions::default()).unwrap();
            file(writer, "a/b", b"x");
        });
        let expected = "The zip file contains the link \"a/link\", which leads out of the package.";
        refused("link", link, expected).await;
        // A file below a link is never written through it.
        let through = package(|writer| {
            writer.add_symlink("d", ".", SimpleFileOptions::default()).unwrap();
            file(writer, "d/b", b"x");
        });
        let broken =
            "Could not unzip uploaded file. Please check your file, then try to upload again.";
        refused("through", through, broken).await;
    }

    #[tokio::test]
    async fn refuses_bombs() {
        let bomb = package(|writer| {
            let zeros = vec![0; 1 << 20];
            for n in 0..251 {
                file(writer, &format!("zeros-{n}"), &zeros);
            }
        });
        assert!(bomb.len() < 1 << 20);
        let too_large = "Unzipped size must be smaller than 262144000 bytes";
        refused("bomb", bomb.clone(), too_large).await;
        // The same, but every entry says that it is empty.
        let mut liar = bomb.to_vec();
        let mut at = 0;
        while let Some(next) = liar[at..].windows(4).position(|four| four == b"PK\x01\x02") {
            at += next;
            liar[at + 24..at + 28].fill(0);
            at += 4;
        }
        let found = add("liar", liar.into()).await.expect_err("it is refused");
        assert!(found.contains("Unzipped size") || found.contains("Could not unzip"), "{found}");
    }
}
