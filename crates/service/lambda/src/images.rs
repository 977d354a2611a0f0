//! Functions that are container images: where they come from, and how they are started.
//!
//! An image is imported (`gureum image import`) under a name, or lies in a registry on this very
//! machine. Its parts become blobs when a function is made of it, so the registry may go.

mod registry;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use api_lambda::{Error, ImageConfig, ImageConfigResponse};
use image::{Image, Local, Platform, Reference};
use kernel::{Ctx, Fault, Principal};
use sandbox::Mount;
use serde::{Deserialize, Serialize};
use store::{Scan, Table};

use crate::Lambda;
use crate::code::blocking;
use crate::errors::invalid;
use crate::host::Host;
use crate::layout::{EXTENSIONS, invalid_entry_point};
use crate::outcome::NotReady;
use crate::record::{CODE_USERS, FunctionRecord};
use crate::standin;

/// Imported images by account and name.
const IMPORTED: Table<Stored> = Table::new("lambda/image");
/// Stands for a function's region where an imported image uses a blob: no function has it.
const USER: &str = "/image";
/// What programs are looked for in where the image says nothing.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The image of a function.
#[derive(Clone, Default, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ImageUse {
    /// As it was asked for.
    pub uri: String,
    /// The configuration and the layers: blobs' ids.
    pub blobs: Vec<String>,
    entry_point: Option<Vec<String>>,
    command: Option<Vec<String>>,
    working_directory: Option<String>,
}

/// An imported image.
#[derive(Clone, Serialize, Deserialize)]
struct Stored {
    manifest: String,
    blobs: Vec<String>,
}

/// An imported image, for people.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Imported {
    /// Under which functions are made of it.
    pub name: String,
    /// `sha256:…` of its manifest.
    pub digest: String,
}

impl ImageUse {
    pub fn new(config: Option<&ImageConfig>) -> ImageUse {
        let mut image = ImageUse::default();
        image.configure(config);
        image
    }

    /// Takes over what is asked for; an empty list or text is the image's own again.
    pub fn configure(&mut self, config: Option<&ImageConfig>) {
        let Some(config) = config else { return };
        let words = |words: &Option<Vec<String>>| words.clone().filter(|words| !words.is_empty());
        self.entry_point = words(&config.entry_point);
        self.command = words(&config.command);
        self.working_directory = config.working_directory.clone().filter(|path| !path.is_empty());
    }

    /// The API's view.
    pub fn shown(&self) -> Option<ImageConfigResponse> {
        let ImageUse { entry_point, command, working_directory, .. } = self.clone();
        if entry_point.is_none() && command.is_none() && working_directory.is_none() {
            return None;
        }
        let image_config = Some(ImageConfig { entry_point, command, working_directory });
        Some(ImageConfigResponse { image_config, error: None })
    }

    /// The name with the digest.
    pub fn resolved(&self, code: &str) -> String {
        let name = Reference::parse(&self.uri).map(|reference| reference.name());
        format!("{}@sha256:{code}", name.unwrap_or_default())
    }
}

/// Finds the image of a name, and keeps its parts. Returns the manifest's id.
pub(crate) async fn adopt(
    api: &Lambda,
    ctx: &Ctx,
    uri: &str,
    used: &mut ImageUse,
) -> Result<String, Error> {
    let wrong =
        || invalid(format!("Source image {uri} is not valid. Provide a valid source image."));
    let reference = Reference::parse(uri).ok_or_else(wrong)?;
    // As on AWS, latest is not meant where nothing is said.
    if reference.tag.is_none() && reference.digest.is_none() {
        return Err(wrong());
    }
    uri.clone_into(&mut used.uri);
    if !reference.host.is_empty() && fetch::is_loopback(host_name(&reference.host)) {
        let (code, blobs) = registry::pull(api, ctx, reference).await?;
        used.blobs = blobs;
        return Ok(code);
    }
    let key = (ctx.account().to_owned(), uri.to_owned());
    let Some(stored) = ctx.store().read(|tx| tx.get(&IMPORTED, key))? else {
        return Err(missing(uri));
    };
    used.blobs = stored.blobs;
    Ok(stored.manifest)
}

/// A host without its port.
fn host_name(host: &str) -> &str {
    host.split_once(':').map_or(host, |(name, _)| name)
}

fn missing(uri: &str) -> Error {
    invalid(format!("Source image {uri} does not exist. Provide a valid source image."))
}

/// In Lambda's words.
fn refused(uri: &str, error: &image::Error) -> Error {
    match error {
        image::Error::Missing(_) => missing(uri),
        image::Error::MediaType(_) => invalid(format!(
            "The image manifest, config or layer media type for the source image {uri} is not \
             supported."
        )),
        other => invalid(format!(
            "Source image {uri} is not valid. Provide a valid source image. ({other})"
        )),
    }
}

/// The blobs besides the manifest.
fn blobs(image: &Image) -> Vec<String> {
    let layers = image.layers.iter().map(|layer| layer.digest.hex().to_owned());
    std::iter::once(image.config_digest.hex().to_owned()).chain(layers).collect()
}

/// An unpacked image, ready to be started.
pub(crate) struct Ready {
    pub root: PathBuf,
    image: Image,
}

/// Finds the image of a function, unpacked.
pub(crate) async fn ready(host: &Arc<Host>, function: &FunctionRecord) -> Result<Ready, Error> {
    let (host, id) = (host.clone(), function.code.clone());
    blocking(move || {
        let (root, image) = host.code.image(&id)?;
        Ok(Ready { root, image })
    })
    .await
}

/// Program, arguments and folder.
type Started = (PathBuf, Vec<String>, PathBuf);
/// Names and values.
type Variables = Vec<(String, String)>;

impl Ready {
    /// What is started, and its variables: the image's own, and over them those of `lambda` that
    /// belong to Lambda or that the image does not have.
    pub fn program(
        &self,
        function: &FunctionRecord,
        lambda: Variables,
    ) -> Result<(Started, Variables), NotReady> {
        let own = self.image.config.config.clone().unwrap_or_default();
        let used = function.image.clone().unwrap_or_default();
        // Another entry point does not go with the image's own arguments.
        let own_command = if used.entry_point.is_some() { None } else { own.cmd.clone() };
        let entry = used.entry_point.or(own.entrypoint.clone()).unwrap_or_default();
        let command = used.command.or(own_command).unwrap_or_default();
        let handler = command.first().cloned().unwrap_or_default();
        let mut words = entry.into_iter().chain(command);
        let cwd = used.working_directory.or(own.working_dir.clone()).filter(|d| !d.is_empty());
        let cwd = Path::new("/").join(cwd.unwrap_or_default());
        let mut env: Variables =
            own.variables().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        for (name, value) in lambda {
            let value = if name == "_HANDLER" { handler.clone() } else { value };
            match env.iter_mut().find(|(known, _)| *known == name) {
                Some(_) if IMAGES_OWN.contains(&name.as_str()) => {}
                Some(known) => known.1 = value,
                None if name == "AWS_EXECUTION_ENV" => {}
                None => env.push((name, value)),
            }
        }
        let path = own.variables().find(|(name, _)| *name == "PATH").map_or(PATH, |(_, p)| p);
        let failed = |why: String| NotReady::Init(invalid_entry_point(&why));
        let name = words.next().ok_or_else(|| failed("no entry point".into()))?;
        let folder = image::inside::resolve(&self.root, &cwd, true);
        if !folder.is_ok_and(|folder| folder.is_dir()) {
            return Err(failed(format!("chdir {}: no such file or directory", cwd.display())));
        }
        let Some((_, program)) = image::inside::program(&self.root, &name, &cwd, path) else {
            return Err(failed(format!("fork/exec {name}: no such file or directory")));
        };
        Ok(((program, words.collect(), cwd), env))
    }

    /// What is shown in it so that it trusts what stands in for AWS's hosts, and the variables for
    /// that which it does not have itself.
    pub fn trust(&self, host: &Host) -> (Vec<Mount>, Variables) {
        let own = self.image.config.config.clone().unwrap_or_default();
        let java_home = own.variables().find(|(name, _)| *name == "JAVA_HOME");
        let java_home = java_home.map_or("/usr/lib/jvm/default", |(_, home)| home);
        let (mounts, mut variables) = standin::image(host, &self.root, java_home);
        variables.retain(|(name, _)| own.variables().all(|(known, _)| known != name));
        (mounts, variables)
    }

    /// The programs in `/opt/extensions`, by name.
    pub fn extensions(&self) -> Vec<String> {
        let Ok(folder) = image::inside::resolve(&self.root, Path::new(EXTENSIONS), true) else {
            return Vec::new();
        };
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let files = entries.filter(|entry| entry.path().is_file());
        let mut names: Vec<String> =
            files.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

/// Variables that stay as the image has them.
const IMAGES_OWN: &[&str] =
    &["LANG", "LD_LIBRARY_PATH", "PATH", "TZ", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR"];

/// Imports images, and lists them.
#[derive(Clone)]
pub struct Images {
    api: Arc<Lambda>,
}

impl Images {
    pub(crate) fn new(api: Arc<Lambda>) -> Images {
        Images { api }
    }

    /// Imports the image that lies at `source` on this machine (see [`Local::locate`]), for
    /// functions of the principal's account.
    pub async fn import(
        &self,
        principal: Principal,
        region: &str,
        source: &str,
        name: &str,
    ) -> Result<Imported, Fault> {
        let refused = |why: String| Fault::sender("ImageRefused", why);
        let reference = Reference::parse(name)
            .filter(|reference| reference.tag.is_some() && reference.digest.is_none());
        if reference.is_none() {
            return Err(refused(format!("{name} is no name with a tag, such as desk:latest.")));
        }
        let kernel = self.api.host.kernel.clone();
        let ctx = Ctx::new(&kernel, region, principal, kernel.random().uuid());
        let _in_use = self.api.host.code.in_use.read().await;
        let (code, source) = (self.api.host.code.clone(), source.to_owned());
        let stored = blocking(move || {
            let found = Local::locate(&source).and_then(|(local, name)| {
                let image = Image::find(&local, &name, &Platform::own())?;
                Ok((local, image))
            });
            let (local, image) = found.map_err(|error| refused(format!("{source}: {error}.")))?;
            let manifest = code.add_image(&image, &local)?;
            Ok(Stored { manifest, blobs: blobs(&image) })
        })
        .await
        .map_err(Fault::from)?;
        let key = (ctx.account().to_owned(), name.to_owned());
        let old = ctx.store().write(|tx| {
            let old = tx.get(&IMPORTED, key.clone())?;
            for blob in old.iter().flat_map(|old| old.blobs.iter().chain([&old.manifest])) {
                tx.delete(&CODE_USERS, user_key(blob, &key))?;
            }
            for blob in stored.blobs.iter().chain([&stored.manifest]) {
                tx.put(&CODE_USERS, user_key(blob, &key), &())?;
            }
            tx.put(&IMPORTED, key.clone(), &stored)?;
            Ok::<_, store::StoreError>(old)
        });
        let old = old.await.map_err(Fault::internal)?;
        drop(_in_use);
        if let Some(old) = old {
            let unused: Vec<String> = old.blobs.into_iter().chain([old.manifest]).collect();
            self.api.forget_unused(&ctx, &unused).await.map_err(Fault::from)?;
        }
        let digest = format!("sha256:{}", stored.manifest);
        Ok(Imported { name: name.to_owned(), digest })
    }

    /// The imported images of an account, by name.
    pub fn list(&self, account: &str) -> Result<Vec<Imported>, Fault> {
        let scan = Scan::prefix(account.to_owned());
        let rows = self.api.host.kernel.store().read(|tx| tx.scan(&IMPORTED, scan));
        let listed = rows.map_err(Fault::internal)?.into_iter().filter_map(|(key, stored)| {
            let store::Part::Text(name) = key.parts()?.pop()? else { return None };
            Some(Imported { name, digest: format!("sha256:{}", stored.manifest) })
        });
        Ok(listed.collect())
    }
}

/// Marks a blob as used by an imported image.
fn user_key(blob: &str, (account, name): &(String, String)) -> (String, String, String, String) {
    (blob.to_owned(), account.clone(), USER.to_owned(), name.clone())
}
