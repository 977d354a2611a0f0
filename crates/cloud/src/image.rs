//! `gureum image`: container images that Lambda functions can be made of.
//!
//! A running cloud is asked at `/_gureum/images`: `GET` lists, `POST` imports what lies on the
//! machine of the cloud.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use gateway::RouteRequest;
use gateway::http::Reply;
use http::Method;
use kernel::Fault;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use service_lambda::Images;

use crate::args::{Image, Import, Target};
use crate::reply::reply;
use crate::{Failure, status};

/// Where the cloud is asked.
pub const PATH: &str = "/_gureum/images";
const SCHEMES: [&str; 3] = ["oci:", "oci-archive:", "docker-archive:"];

/// What is to be imported.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    source: String,
    name: String,
}

/// Runs the command.
pub fn run(command: &Image, json: bool) -> Result<ExitCode, Failure> {
    match command {
        Image::Import(asked) => import(asked, json),
        Image::Ls(target) => ls(target, json),
    }
}

fn import(asked: &Import, json: bool) -> Result<ExitCode, Failure> {
    let source = absolute(&asked.source)?;
    let request = serde_json::to_value(Asked { source, name: asked.name.clone() })?;
    let answer = status::cloud(&asked.target)?.own("POST", PATH, &request)?;
    match json {
        true => println!("{answer}"),
        false => println!("{} is {}", asked.name, answer["digest"].as_str().unwrap_or_default()),
    }
    Ok(ExitCode::SUCCESS)
}

fn ls(target: &Target, json: bool) -> Result<ExitCode, Failure> {
    let answer = status::cloud(target)?.own("GET", PATH, &Value::Null)?;
    if json {
        println!("{answer}");
        return Ok(ExitCode::SUCCESS);
    }
    for image in answer["images"].as_array().into_iter().flatten() {
        let text = |key: &str| image[key].as_str().unwrap_or_default().to_owned();
        println!("{:<40} {}", text("name"), text("digest"));
    }
    Ok(ExitCode::SUCCESS)
}

/// The place on this machine that a template means by an image, absolute, in the form of `gureum image
/// import`; `None` of a name or a registry's image.
pub fn place(base: &Path, image: &str) -> Option<String> {
    let scheme = SCHEMES.into_iter().find(|scheme| image.starts_with(scheme)).unwrap_or_default();
    let path = &image[scheme.len()..];
    let whole: PathBuf = std::path::absolute(base.join(path)).ok()?;
    let is_image = whole.join("oci-layout").is_file()
        || whole.is_file() && [".tar", ".tar.gz", ".tgz"].iter().any(|end| path.ends_with(end));
    (!scheme.is_empty() || is_image).then(|| format!("{scheme}{}", whole.display()))
}

/// The cloud may run in another folder.
fn absolute(source: &str) -> Result<String, Failure> {
    let scheme = SCHEMES.into_iter().find(|scheme| source.starts_with(scheme)).unwrap_or("");
    let path = std::path::absolute(Path::new(&source[scheme.len()..]))?;
    Ok(format!("{scheme}{}", path.display()))
}

/// Serves `/_gureum/images`.
pub async fn route(images: Images, request: RouteRequest) -> Reply {
    reply(answer(images, request).await)
}

async fn answer(images: Images, request: RouteRequest) -> Result<Value, Fault> {
    let RouteRequest { method, rest, body, principal, region, .. } = request;
    match method {
        Method::GET if rest.is_empty() => {
            Ok(json!({ "images": images.list(principal.account())? }))
        }
        Method::POST if rest.is_empty() => {
            let refused =
                |error: serde_json::Error| Fault::sender("ImageRefused", error.to_string());
            let Asked { source, name } = serde_json::from_slice(&body).map_err(refused)?;
            Ok(json!(images.import(principal, &region, &source, &name).await?))
        }
        _ => Err(Fault::new("NotFound", 404, "GET lists images, POST imports one.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_images() {
        let check = |image: &str, expected: Option<&str>| {
            assert_eq!(place(Path::new("/nowhere"), image).as_deref(), expected);
        };
        check("oci:desk", Some("oci:/nowhere/desk"));
        check("docker-archive:/a/b.tar", Some("docker-archive:/a/b.tar"));
        check("desk:latest", None);
        check("127.0.0.1:5000/desk:v1", None);
        check("desk.tar", None);
    }
}
