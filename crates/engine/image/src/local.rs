//! Images on this machine's disk, whatever their form.

use std::path::Path;

use crate::archive::Archive;
use crate::layout::Layout;
use crate::{Digest, Error, Source};

/// An image on disk.
pub struct Local(Form);

enum Form {
    Layout(Layout),
    Archive(Archive),
}

impl Local {
    /// Opens a folder in the OCI layout, or a tar archive of one or of `docker save`.
    pub fn open(path: &Path) -> Result<Local, Error> {
        if path.is_dir() {
            return Ok(Local(Form::Layout(Layout::open(path)?)));
        }
        Ok(Local(Form::Archive(Archive::open(path)?)))
    }

    /// From `oci:PATH[:NAME]`, `oci-archive:PATH[:NAME]`, `docker-archive:PATH[:NAME]` or a path
    /// alone, as other tools write them: what there is, and which image of it (empty for the only
    /// one).
    pub fn locate(text: &str) -> Result<(Local, String), Error> {
        let schemes = ["oci:", "oci-archive:", "docker-archive:"];
        let rest = schemes.iter().find_map(|scheme| text.strip_prefix(scheme));
        let path = Path::new(rest.unwrap_or(text));
        if path.exists() {
            return Ok((Local::open(path)?, String::new()));
        }
        // A name follows the first colon that ends the path of something.
        for (at, _) in rest.unwrap_or_default().match_indices(':') {
            let (path, name) =
                (&rest.unwrap_or_default()[..at], &rest.unwrap_or_default()[at + 1..]);
            if Path::new(path).exists() {
                return Ok((Local::open(Path::new(path))?, name.to_owned()));
            }
        }
        Err(Error::Missing(path.display().to_string()))
    }
}

impl Source for Local {
    fn manifest(&self, name: &str) -> Result<Vec<u8>, Error> {
        match &self.0 {
            Form::Layout(layout) => layout.manifest(name),
            Form::Archive(archive) => archive.manifest(name),
        }
    }

    fn blob(&self, digest: &Digest, bytes_max: u64) -> Result<Vec<u8>, Error> {
        match &self.0 {
            Form::Layout(layout) => layout.blob(digest, bytes_max),
            Form::Archive(archive) => archive.blob(digest, bytes_max),
        }
    }
}
