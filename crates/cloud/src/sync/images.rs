//! Functions' images that lie on this machine: imported where the cloud is, under the function's name.

use serde_json::{Value, json};

use super::deploy::Pass;
use crate::Failure;
use crate::image::{PATH, place};

/// The name that a function can be made by.
pub fn import(pass: &Pass<'_>, function: &str, image: &str) -> Result<String, Failure> {
    let Some(source) = place(&pass.base, image) else { return Ok(image.to_owned()) };
    let odd = |c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit() && c != '-';
    let name = format!("gureum-sync/{}:latest", function.to_lowercase().replace(odd, "-"));
    let asked = json!({ "source": source, "name": name });
    let answer: Value =
        pass.cloud.own("POST", PATH, &asked).map_err(|e| Failure::of(function, e))?;
    let digest = answer["digest"].as_str().unwrap_or_default();
    println!("  image {name} is {digest}");
    pass.ledger.made(format!("image {name}"), &[]);
    Ok(name)
}
