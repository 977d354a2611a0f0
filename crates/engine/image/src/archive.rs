//! A tar archive: of an OCI layout, or as `docker save` and its like have written them.
//!
//! The older form has a list of configurations and plain layers but no manifest; one is made, the
//! same for the same image.

use std::collections::HashMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::layout::named;
use crate::manifest::{Descriptor, MANIFEST_BYTES_MAX, Manifest, OCI_CONFIG, OCI_LAYER};
use crate::{Digest, Error, Source, io};

/// More files than any image has layers and manifests.
const FILES_MAX: usize = 10_000;

pub(crate) struct Archive {
    path: PathBuf,
    files: HashMap<String, (u64, u64)>,
    /// What was made of the older form: manifests by the images' names, and where blobs are.
    made: Option<Made>,
}

#[derive(Default)]
struct Made {
    manifests: Vec<(Vec<String>, Vec<u8>)>,
    blobs: HashMap<Digest, String>,
}

/// A line of the older form's list.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

impl Archive {
    pub fn open(path: &Path) -> Result<Archive, Error> {
        let files = files(path)?;
        let mut archive = Archive { path: path.to_owned(), files, made: None };
        if !archive.files.contains_key("index.json") {
            archive.made = Some(archive.make()?);
        }
        Ok(archive)
    }

    fn make(&self) -> Result<Made, Error> {
        let list = self.read("manifest.json", MANIFEST_BYTES_MAX)?;
        let broken = |error: serde_json::Error| Error::Damaged(format!("manifest.json: {error}"));
        let list: Vec<Saved> = serde_json::from_slice(&list).map_err(broken)?;
        let mut made = Made::default();
        for saved in list {
            let mut descriptor = |kind: &str, name: &str| {
                let digest = self.digest(name)?;
                made.blobs.insert(digest.clone(), name.to_owned());
                Ok::<_, Error>(Descriptor::new(kind, &digest, self.find(name)?.1))
            };
            let config = descriptor(OCI_CONFIG, &saved.config)?;
            let layers = saved.layers.iter().map(|name| descriptor(OCI_LAYER, name));
            let layers = layers.collect::<Result<Vec<_>, _>>()?;
            let manifest = Manifest::write(config, layers);
            made.manifests.push((saved.repo_tags.unwrap_or_default(), manifest));
        }
        Ok(made)
    }

    fn find(&self, name: &str) -> Result<(u64, u64), Error> {
        let found = self.files.get(name).copied();
        found.ok_or_else(|| Error::Missing(format!("{} in {}", name, self.path.display())))
    }

    fn part(&self, name: &str) -> Result<impl std::io::Read + use<>, Error> {
        let (at, size) = self.find(name)?;
        let shown = self.path.display();
        let mut file = File::open(&self.path).map_err(io(&shown))?;
        file.seek(SeekFrom::Start(at)).map_err(io(&shown))?;
        Ok(file.take(size))
    }

    fn read(&self, name: &str, bytes_max: u64) -> Result<Vec<u8>, Error> {
        if self.find(name)?.1 > bytes_max {
            return Err(Error::TooLarge(name.to_owned()));
        }
        let mut bytes = Vec::new();
        self.part(name)?.read_to_end(&mut bytes).map_err(io(self.path.display()))?;
        Ok(bytes)
    }

    fn digest(&self, name: &str) -> Result<Digest, Error> {
        let (mut hash, mut buffer) = (Sha256::new(), vec![0; 64 << 10]);
        let mut part = self.part(name)?;
        loop {
            match part.read(&mut buffer).map_err(io(self.path.display()))? {
                0 => return Ok(Digest::from_hash(&hash.finalize())),
                count => hash.update(&buffer[..count]),
            }
        }
    }
}

impl Source for Archive {
    fn manifest(&self, name: &str) -> Result<Vec<u8>, Error> {
        if let Ok(digest) = name.parse::<Digest>() {
            return self.blob(&digest, MANIFEST_BYTES_MAX);
        }
        let Some(made) = &self.made else {
            let index = self.read("index.json", MANIFEST_BYTES_MAX)?;
            return match named(&index, name)? {
                Some(digest) => self.blob(&digest, MANIFEST_BYTES_MAX),
                None => Ok(index),
            };
        };
        let wanted = |(tags, _): &&(Vec<String>, Vec<u8>)| match name {
            "" => made.manifests.len() == 1,
            name => tags.iter().any(|tag| tag == name),
        };
        match made.manifests.iter().find(wanted) {
            Some((_, manifest)) => Ok(manifest.clone()),
            None => Err(Error::Missing(format!("an image named \"{name}\""))),
        }
    }

    fn blob(&self, digest: &Digest, bytes_max: u64) -> Result<Vec<u8>, Error> {
        let file = match &self.made {
            None => format!("blobs/sha256/{}", digest.hex()),
            Some(made) => {
                let found = made.blobs.get(digest).cloned();
                found.ok_or_else(|| Error::Missing(digest.to_string()))?
            }
        };
        self.read(&file, bytes_max)
    }
}

/// Where the files of an archive lie: offset and size. A link is what it points to.
fn files(path: &Path) -> Result<HashMap<String, (u64, u64)>, Error> {
    let shown = path.display();
    let missing = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::NotFound => Error::Missing(shown.to_string()),
        _ => Error::Io(shown.to_string(), error),
    };
    let broken = |_| Error::Damaged(format!("{shown} is no plain tar archive"));
    let mut archive = tar::Archive::new(File::open(path).map_err(missing)?);
    let (mut files, mut links) = (HashMap::new(), Vec::new());
    for entry in archive.entries_with_seek().map_err(broken)? {
        let entry = entry.map_err(broken)?;
        if files.len() + links.len() >= FILES_MAX {
            return Err(Error::TooLarge(format!("{shown} has more than {FILES_MAX} files")));
        }
        let name = entry.path().map_err(broken)?.into_owned();
        let kind = entry.header().entry_type();
        if kind.is_file() {
            files.insert(plain(&name), (entry.raw_file_position(), entry.size()));
        } else if let (true, Some(target)) =
            (kind.is_symlink() || kind.is_hard_link(), entry.link_name().map_err(broken)?)
        {
            let from = if kind.is_symlink() { name.parent() } else { None };
            links.push((plain(&name), plain(&from.unwrap_or(Path::new("")).join(target))));
        }
    }
    for (name, target) in links {
        if let Some(place) = files.get(&target).copied() {
            files.insert(name, place);
        }
    }
    Ok(files)
}

/// A path in an archive, without what goes up and down again.
fn plain(path: &Path) -> String {
    let mut parts: Vec<String> = Vec::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => parts.push(part.to_string_lossy().into_owned()),
            Component::ParentDir => drop(parts.pop()),
            _ => {}
        }
    }
    parts.join("/")
}
