//! A folder in OCI's image layout.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::manifest::{MANIFEST_BYTES_MAX, Manifest};
use crate::{Digest, Error, Source, io};

/// The annotation that names images in a layout's index.
const NAME: &str = "org.opencontainers.image.ref.name";
/// What `docker save` names them by.
const DOCKER_NAME: &str = "io.containerd.image.name";

pub(crate) struct Layout {
    folder: PathBuf,
}

impl Layout {
    pub fn open(folder: &Path) -> Result<Layout, Error> {
        if !folder.join("oci-layout").is_file() {
            return Err(Error::Missing(format!("{}/oci-layout", folder.display())));
        }
        Ok(Layout { folder: folder.to_owned() })
    }

    fn read(&self, path: &str, bytes_max: u64) -> Result<Vec<u8>, Error> {
        let path = self.folder.join(path);
        let shown = path.display();
        let file = match File::open(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Error::Missing(shown.to_string()));
            }
            file => file.map_err(io(shown))?,
        };
        let mut bytes = Vec::new();
        let shown = path.display();
        file.take(bytes_max + 1).read_to_end(&mut bytes).map_err(io(shown))?;
        if bytes.len() as u64 > bytes_max {
            return Err(Error::TooLarge(path.display().to_string()));
        }
        Ok(bytes)
    }
}

impl Source for Layout {
    fn manifest(&self, name: &str) -> Result<Vec<u8>, Error> {
        if let Ok(digest) = name.parse::<Digest>() {
            return self.blob(&digest, MANIFEST_BYTES_MAX);
        }
        let index = self.read("index.json", MANIFEST_BYTES_MAX)?;
        match named(&index, name)? {
            Some(digest) => self.blob(&digest, MANIFEST_BYTES_MAX),
            None => Ok(index),
        }
    }

    fn blob(&self, digest: &Digest, bytes_max: u64) -> Result<Vec<u8>, Error> {
        self.read(&format!("blobs/sha256/{}", digest.hex()), bytes_max)
    }
}

/// Which of a layout's images is meant. Nothing where no name is given: then the index itself is.
pub(crate) fn named(index: &[u8], name: &str) -> Result<Option<Digest>, Error> {
    if name.is_empty() {
        return Ok(None);
    }
    let all = Manifest::read(index)?.manifests.unwrap_or_default();
    let is_named = |one: &&crate::manifest::Descriptor| {
        let notes = one.annotations.as_ref();
        notes.is_some_and(|notes| {
            [NAME, DOCKER_NAME].iter().any(|key| notes.get(*key).is_some_and(|n| n == name))
        })
    };
    match all.iter().find(is_named) {
        Some(one) => one.digest.parse().map(Some),
        None => Err(Error::Missing(format!("an image named {}", crate::shown(name.as_bytes())))),
    }
}
