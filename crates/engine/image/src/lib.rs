//! Container images: found, checked and unpacked, without a daemon and without root.
//!
//! ```text
//! Local::open(path)   a folder in the OCI layout, or a tar of one, or what `docker save` writes
//!      │  impl Source (a registry is one, too)
//! Image::find ─→ manifest ─→ configuration, layers        every byte checked against its digest
//!      └─ unpack(layers, folder)                          whiteouts, links, limits
//! ```
//!
//! Images are hostile: no path of a layer leads out of the folder, not through links of a lower
//! layer either; sizes and counts are bounded, and what is claimed about them is not believed.
//! Files belong to whoever unpacks, devices are left out, and everybody may read everything.
//!
//! Formats: OCI image-spec 1.1 (layout, manifest, configuration, layers, whiteouts) and Docker's
//! image manifest version 2, schema 2, with the archive that `docker save` writes.

mod archive;
mod compression;
mod digest;
pub mod inside;
mod layout;
mod local;
mod manifest;
mod reference;
mod unpack;

pub use digest::Digest;
pub use local::Local;
pub use manifest::{Config, Execution, Image, Layer, MANIFEST_TYPES, Platform};
pub use reference::Reference;
pub use unpack::{Limits, prepare_mount_points, unpack};

/// Where parts of an image come from.
pub trait Source {
    /// A manifest by its tag or digest; an index is one, too.
    fn manifest(&self, name: &str) -> Result<Vec<u8>, Error>;

    /// A blob. Whoever asks checks it.
    fn blob(&self, digest: &Digest, bytes_max: u64) -> Result<Vec<u8>, Error>;
}

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not where it is said to be.
    #[error("{0} does not exist")]
    Missing(String),
    /// Its formats are others than those we know.
    #[error("the image manifest, config or layer media type is not supported: {0}")]
    MediaType(String),
    /// It is for other machines.
    #[error("it is for {0}")]
    Platform(String),
    /// It contradicts itself.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// It is larger than allowed.
    #[error("it is too large: {0}")]
    TooLarge(String),
    /// A path or link of a layer leads out of the image.
    #[error("its entry \"{0}\" leads out of the image")]
    Escapes(String),
    /// The machine failed.
    #[error("{0}: {1}")]
    Io(String, std::io::Error),
}

/// Names what an error was about.
pub(crate) fn io(what: impl std::fmt::Display) -> impl FnOnce(std::io::Error) -> Error {
    move |error| Error::Io(what.to_string(), error)
}

/// Only what can be shown, and not too much of it.
pub(crate) fn shown(text: &[u8]) -> String {
    String::from_utf8_lossy(text).chars().filter(|c| !c.is_control()).take(200).collect()
}
