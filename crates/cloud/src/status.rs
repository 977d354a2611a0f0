//! `gureum status`, `gureum ca`.

use std::env;
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::args::{Ca, Target};
use crate::client::{Cloud, CloudError};
use crate::{Failure, data};

/// The cloud that the command line means, asked with the key of the environment.
pub fn cloud(target: &Target) -> Result<Cloud, CloudError> {
    let given = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    let region = given("AWS_REGION").or_else(|| given("AWS_DEFAULT_REGION"));
    let cloud = Cloud::new(&target.endpoint, region.as_deref().unwrap_or("us-east-1"))?;
    Ok(match (given("AWS_ACCESS_KEY_ID"), given("AWS_SECRET_ACCESS_KEY")) {
        (Some(id), Some(secret)) => cloud.with_key(id, secret, given("AWS_SESSION_TOKEN")),
        _ => cloud,
    })
}

/// Says whether a cloud runs.
pub fn status(target: &Target, json: bool) -> Result<ExitCode, Failure> {
    let cloud = cloud(target)?;
    let health = cloud.read("/_gureum/health")?;
    let operations = cloud.read("/_gureum/operations")?;
    if json {
        let all =
            json!({ "endpoint": cloud.endpoint(), "health": health, "operations": operations });
        println!("{all}");
        return Ok(ExitCode::SUCCESS);
    }
    let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
    println!(
        "Gureum {} {} at {}",
        text(&health["version"]),
        text(&health["status"]),
        cloud.endpoint()
    );
    for service in operations["services"].as_array().into_iter().flatten() {
        let all = service["operations"].as_array().map_or(&[][..], Vec::as_slice);
        let served = all.iter().filter(|operation| operation["served"] == true).count();
        println!("  {:<12} {served} of {} operations", text(&service["name"]), all.len());
    }
    Ok(ExitCode::SUCCESS)
}

/// Says where the CA's certificate is.
pub fn ca(ca: Ca, json: bool) -> Result<ExitCode, Failure> {
    let folder = data::ca_folder(&data::folder(ca.data)?);
    let file = data::open_ca(&folder)?.certificate_path();
    match json {
        true => println!("{}", json!({ "certificate": file })),
        false => {
            println!("{}", file.display());
            eprintln!(
                "AWS_CA_BUNDLE={0} and NODE_EXTRA_CA_CERTS={0} make clients trust it.",
                file.display()
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}
