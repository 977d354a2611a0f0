//! `gureum keys`: the installation's keys, and the passphrase that protects their file.
//!
//! A running cloud is asked at `/_gureum/keys`: `GET` lists, `POST` rotates.

use std::io::Read as _;
use std::process::ExitCode;
use std::time::Duration;

use gateway::RouteRequest;
use gateway::http::Reply;
use http::Method;
use kernel::{Fault, Kernel, Passphrase};
use serde_json::{Value, json};

use crate::args::{Keys, Rotate, Target, Up};
use crate::client::Cloud;
use crate::reply::reply;
use crate::{Failure, status};

const PATH: &str = "/_gureum/keys";
/// Longest passphrase file that is read, in bytes.
const PASSPHRASE_BYTES_MAX: u64 = 4096;
/// Between two looks at how far it is.
const PAUSE: Duration = Duration::from_millis(200);

/// The passphrase of GUREUM_PASSPHRASE or of a file, if there is one.
pub fn passphrase(up: &Up) -> Result<Option<Passphrase>, Failure> {
    let text = match (&up.passphrase_file, std::env::var("GUREUM_PASSPHRASE")) {
        (Some(file), _) => {
            let mut text = String::new();
            std::fs::File::open(file)
                .and_then(|opened| opened.take(PASSPHRASE_BYTES_MAX).read_to_string(&mut text))
                .map_err(|e| Failure::of(file.display(), e))?;
            text
        }
        (None, Ok(text)) => text,
        (None, Err(std::env::VarError::NotPresent)) => return Ok(None),
        (None, Err(e)) => return Err(Failure::of("GUREUM_PASSPHRASE", e)),
    };
    match text.trim_end_matches(['\r', '\n']) {
        "" => Err(Failure("the passphrase is empty".into())),
        text => Ok(Some(Passphrase::new(text))),
    }
}

/// Runs the command.
pub fn run(command: &Keys, json: bool) -> Result<ExitCode, Failure> {
    match command {
        Keys::Ls(target) => ls(target, json),
        Keys::Rotate(asked) => rotate(asked, json),
    }
}

fn ls(target: &Target, json: bool) -> Result<ExitCode, Failure> {
    let found = status::cloud(target)?.own("GET", PATH, &Value::Null)?;
    if json {
        println!("{found}");
        return Ok(ExitCode::SUCCESS);
    }
    for key in found["keys"].as_array().into_iter().flatten() {
        let state = match (key["current"].as_bool(), key["replaced"].as_bool()) {
            (Some(true), _) => "seals",
            (_, Some(true)) => "opens old tokens only",
            _ => "still in use at rest",
        };
        println!("{:>4}  {state}", key["version"]);
    }
    Ok(ExitCode::SUCCESS)
}

fn rotate(asked: &Rotate, json: bool) -> Result<ExitCode, Failure> {
    let cloud = status::cloud(&asked.target)?;
    let begun = cloud.own("POST", PATH, &json!({}))?;
    let done = match asked.no_wait {
        true => cloud.own("GET", PATH, &Value::Null)?,
        false => wait(&cloud, json)?,
    };
    if let Some(error) = done["resealing"]["error"].as_str() {
        return Err(Failure(format!("not everything could be sealed again: {error}")));
    }
    match json {
        true => println!("{done}"),
        false => println!(
            "Version {} seals. {} records were sealed again.",
            begun["version"], done["resealing"]["resealed"]
        ),
    }
    Ok(ExitCode::SUCCESS)
}

/// Waits until the resealing ends, and says how far it is.
fn wait(cloud: &Cloud, json: bool) -> Result<Value, Failure> {
    let mut last = Value::Null;
    loop {
        let found = cloud.own("GET", PATH, &Value::Null)?;
        if found["resealing"]["running"] != true {
            return Ok(found);
        }
        let service = found["resealing"]["service"].clone();
        if !json && service != last {
            eprintln!("sealing again: {}", service.as_str().unwrap_or("once more"));
            last = service;
        }
        #[expect(clippy::disallowed_methods, reason = "the command line waits by itself")]
        std::thread::sleep(PAUSE);
    }
}

/// Serves [`PATH`].
pub async fn route(kernel: Kernel, request: RouteRequest) -> Reply {
    reply(answer(&kernel, &request))
}

fn answer(kernel: &Kernel, request: &RouteRequest) -> Result<Value, Fault> {
    if !request.rest.is_empty() {
        return Err(Fault::new("NotFound", 404, "There is nothing at this path."));
    }
    match request.method {
        Method::GET => Ok(list(kernel)),
        Method::POST => {
            let version = kernel.rotate_key().map_err(Fault::internal)?;
            Ok(json!({ "version": version }))
        }
        _ => Err(Fault::new("MethodNotAllowed", 405, "GET lists, POST rotates.")),
    }
}

fn list(kernel: &Kernel) -> Value {
    let key = |key: &kernel::KeyVersion| {
        json!({
            "version": key.version,
            "createdMs": key.created_ms,
            "current": key.current,
            "replaced": key.replaced,
        })
    };
    let keys: Vec<Value> = kernel.sealer().key_versions().iter().map(key).collect();
    json!({ "keys": keys, "resealing": kernel.reseal_progress().count() })
}
