//! Manifests and configurations: what an image is made of, and how it is started.

use serde::{Deserialize, Serialize};

use crate::{Digest, Error, Source};

/// Greatest manifest, index or configuration that is read: registries' own limit.
pub(crate) const MANIFEST_BYTES_MAX: u64 = 4 << 20;
/// Overlay file systems take no more layers.
const LAYERS_MAX: usize = 127;
/// Greatest layer as it is stored.
const LAYER_BYTES_MAX: u64 = 2 << 30;
/// An index in an index is as deep as anybody makes them.
const INDEX_DEPTH_MAX: usize = 3;
/// Most words and variables of a configuration.
const WORDS_MAX: usize = 4096;

const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
pub(crate) const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
pub(crate) const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
const LAYERS: &[&str] = &[
    OCI_LAYER,
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.oci.image.layer.v1.tar+zstd",
    "application/vnd.docker.image.rootfs.diff.tar",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
    "application/vnd.docker.image.rootfs.diff.tar.zstd",
];

/// The formats to ask a registry for.
pub const MANIFEST_TYPES: &[&str] = &[OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST];

/// The machine an image is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Platform {
    /// As Go names them: `amd64`, `arm64`.
    pub architecture: &'static str,
}

impl Platform {
    /// Linux on this machine's processor.
    pub fn own() -> Platform {
        let architecture = if std::env::consts::ARCH == "aarch64" { "arm64" } else { "amd64" };
        Platform { architecture }
    }
}

/// An image whose manifest and configuration have been read and checked.
#[derive(Clone, Debug)]
pub struct Image {
    /// The manifest's digest: the image's name.
    pub digest: Digest,
    /// The manifest, byte for byte.
    pub manifest: Vec<u8>,
    /// The configuration's digest.
    pub config_digest: Digest,
    /// The configuration, byte for byte.
    pub config_bytes: Vec<u8>,
    /// The configuration.
    pub config: Config,
    /// The layers, the lowest first.
    pub layers: Vec<Layer>,
}

/// A layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The digest of what is stored.
    pub digest: Digest,
    /// Its size as it is stored, in bytes.
    pub size_bytes: u64,
    /// The digest of the plain tar.
    pub plain: Digest,
}

/// What an image says about itself.
#[derive(Clone, Debug, Deserialize)]
pub struct Config {
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    os: String,
    #[serde(default)]
    rootfs: Rootfs,
    /// How it is started.
    #[serde(default)]
    pub config: Option<Execution>,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Rootfs {
    #[serde(default)]
    diff_ids: Vec<String>,
}

/// How an image is started.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Execution {
    /// `NAME=value`.
    pub env: Option<Vec<String>>,
    /// The program, and its first arguments.
    pub entrypoint: Option<Vec<String>>,
    /// The program where there is no entry point, and the other arguments.
    pub cmd: Option<Vec<String>>,
    /// Where it is started; empty for the root.
    pub working_dir: Option<String>,
}

impl Execution {
    /// The variables, split; what has no `=` is left out.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.env.iter().flatten().filter_map(|line| line.split_once('='))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor {
    #[serde(default)]
    pub media_type: String,
    pub digest: String,
    pub size: u64,
    #[serde(default, skip_serializing)]
    platform: Option<Wanted>,
    #[serde(default, skip_serializing)]
    pub annotations: Option<std::collections::BTreeMap<String, String>>,
}

impl Descriptor {
    pub fn new(media_type: &str, digest: &Digest, size: u64) -> Descriptor {
        let (media_type, digest) = (media_type.to_owned(), digest.to_string());
        Descriptor { media_type, digest, size, platform: None, annotations: None }
    }
}

#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    os: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Manifest {
    #[serde(default)]
    schema_version: u32,
    #[serde(default)]
    media_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    config: Option<Descriptor>,
    #[serde(default)]
    layers: Vec<Descriptor>,
    /// Only in an index.
    #[serde(default, skip_serializing)]
    pub manifests: Option<Vec<Descriptor>>,
}

impl Manifest {
    /// The manifest of an image, as bytes.
    pub fn write(config: Descriptor, layers: Vec<Descriptor>) -> Vec<u8> {
        let (schema_version, media_type) = (2, OCI_MANIFEST.to_owned());
        let config = Some(config);
        let made = Manifest { schema_version, media_type, config, layers, manifests: None };
        // Texts and numbers only: nothing that could not be written.
        serde_json::to_vec(&made).unwrap_or_default()
    }

    pub fn read(bytes: &[u8]) -> Result<Manifest, Error> {
        let broken = |error: serde_json::Error| Error::Damaged(format!("its manifest: {error}"));
        serde_json::from_slice(bytes).map_err(broken)
    }
}

impl Image {
    /// Finds the image of that name for a machine; of an index, the one that fits.
    pub fn find(source: &dyn Source, name: &str, platform: &Platform) -> Result<Image, Error> {
        let bytes = source.manifest(name)?;
        if let Ok(digest) = name.parse::<Digest>() {
            digest.check(&bytes)?;
        }
        Image::of_manifest(source, bytes, platform, 0)
    }

    fn of_manifest(
        source: &dyn Source,
        bytes: Vec<u8>,
        platform: &Platform,
        depth: usize,
    ) -> Result<Image, Error> {
        let manifest = Manifest::read(&bytes)?;
        if let Some(manifests) = &manifest.manifests {
            let one = choose(manifests, platform)?;
            if depth >= INDEX_DEPTH_MAX {
                return Err(Error::Damaged("an index in an index in an index".into()));
            }
            let digest: Digest = one.digest.parse()?;
            let inner = blob(source, &digest, one.size, MANIFEST_BYTES_MAX)?;
            return Image::of_manifest(source, inner, platform, depth + 1);
        }
        let known = ["", OCI_MANIFEST, DOCKER_MANIFEST];
        if manifest.schema_version != 2 || !known.contains(&manifest.media_type.as_str()) {
            return Err(media_type(&manifest.media_type));
        }
        let config = manifest.config.ok_or_else(|| media_type("no configuration"))?;
        if ![OCI_CONFIG, DOCKER_CONFIG].contains(&config.media_type.as_str()) {
            return Err(media_type(&config.media_type));
        }
        let config_digest: Digest = config.digest.parse()?;
        let config_bytes = blob(source, &config_digest, config.size, MANIFEST_BYTES_MAX)?;
        let config = Config::read(&config_bytes)?;
        if config.os != "linux" || config.architecture != platform.architecture {
            let (os, processor) = (&config.os, &config.architecture);
            return Err(Error::Platform(crate::shown(format!("{os}/{processor}").as_bytes())));
        }
        let layers = layers(&manifest.layers, &config)?;
        let digest = Digest::of(&bytes);
        Ok(Image { digest, manifest: bytes, config_digest, config_bytes, config, layers })
    }

    /// The stored bytes of a layer, checked.
    pub fn layer(&self, source: &dyn Source, layer: &Layer) -> Result<Vec<u8>, Error> {
        blob(source, &layer.digest, layer.size_bytes, LAYER_BYTES_MAX)
    }
}

impl Config {
    /// Reads a configuration.
    pub fn read(bytes: &[u8]) -> Result<Config, Error> {
        let broken = |error: serde_json::Error| Error::Damaged(format!("its config: {error}"));
        let config: Config = serde_json::from_slice(bytes).map_err(broken)?;
        let run = config.config.clone().unwrap_or_default();
        let words = [&run.env, &run.entrypoint, &run.cmd];
        if words.iter().any(|list| list.as_ref().is_some_and(|list| list.len() > WORDS_MAX)) {
            return Err(Error::TooLarge("its config has too many words".into()));
        }
        Ok(config)
    }
}

fn layers(found: &[Descriptor], config: &Config) -> Result<Vec<Layer>, Error> {
    let plain = &config.rootfs.diff_ids;
    if found.len() != plain.len() {
        return Err(Error::Damaged("its config tells of other layers".into()));
    }
    if found.len() > LAYERS_MAX {
        return Err(Error::TooLarge(format!("more than {LAYERS_MAX} layers")));
    }
    let layer = |(one, plain): (&Descriptor, &String)| {
        if !LAYERS.contains(&one.media_type.as_str()) {
            return Err(media_type(&one.media_type));
        }
        let (digest, plain) = (one.digest.parse()?, plain.parse()?);
        Ok(Layer { digest, size_bytes: one.size, plain })
    };
    found.iter().zip(plain).map(layer).collect()
}

fn choose<'a>(all: &'a [Descriptor], platform: &Platform) -> Result<&'a Descriptor, Error> {
    let fits = |one: &&Descriptor| match &one.platform {
        Some(Wanted { architecture, os }) => os == "linux" && architecture == platform.architecture,
        None => all.len() == 1,
    };
    all.iter().find(fits).ok_or_else(|| {
        let names = all.iter().filter_map(|one| one.platform.as_ref());
        let names: Vec<String> =
            names.take(8).map(|p| format!("{}/{}", p.os, p.architecture)).collect();
        Error::Platform(crate::shown(names.join(", ").as_bytes()))
    })
}

fn media_type(found: &str) -> Error {
    Error::MediaType(crate::shown(found.as_bytes()))
}

/// A blob of the size that was told, checked.
fn blob(source: &dyn Source, digest: &Digest, told: u64, most: u64) -> Result<Vec<u8>, Error> {
    if told > most {
        return Err(Error::TooLarge(format!("{digest} has {told} bytes")));
    }
    let bytes = source.blob(digest, told)?;
    if bytes.len() as u64 != told {
        return Err(Error::Damaged(format!("{digest} has {} bytes, not {told}", bytes.len())));
    }
    digest.check(&bytes)?;
    Ok(bytes)
}
