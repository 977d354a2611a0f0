//! `gureum fsck`: reads everything that is kept and says what is wrong with it.
//!
//! Without a cloud it opens the data directory; a running one is asked to check itself, at
//! `POST /_gureum/check`, while it goes on.

use std::process::ExitCode;

use gateway::RouteRequest;
use gateway::http::Reply;
use http::Method;
use kernel::blobs::{BlobError, Scrubbed};
use kernel::{Blobs, Fault, Kernel, Store};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{Options, StoreError};

use crate::args::{Fsck, Target};
use crate::elsewhere;
use crate::reply::reply;
use crate::{Failure, data, status};

/// What is asked of `/_gureum/check`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    /// Whether to make wrong entries of indexes again.
    #[serde(default)]
    repair: bool,
}

/// What was found.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    /// Records of the store.
    records: u64,
    /// Their bytes.
    bytes: u64,
    dynamodb: service_dynamodb::check::Report,
    s3: service_s3::check::Report,
    blobs: Scrubbed,
}

/// Checks a data directory, or a running cloud.
pub fn fsck(fsck: Fsck, json: bool) -> Result<ExitCode, Failure> {
    let found = match fsck.endpoint {
        Some(endpoint) => {
            let cloud = status::cloud(&Target { endpoint })?;
            let request = serde_json::to_value(Request { repair: fsck.repair })?;
            cloud.own("POST", "/_gureum/check", &request)?
        }
        None => {
            let folder = data::folder(fsck.data)?;
            let stored = data::store_folder(&folder);
            if !stored.try_exists().map_err(|e| Failure::of(stored.display(), e))? {
                return Err(Failure::of(folder.display(), "is no data directory"));
            }
            let store = Store::open(&stored, &Options::default()).map_err(|e| match e {
                StoreError::Locked { .. } => {
                    Failure(format!("{e}; ask that one with --endpoint, or stop it"))
                }
                e => e.into(),
            })?;
            let blobs = elsewhere::open(&data::blobs_folder(&folder), None)?;
            let found = check(&store, &blobs, fsck.repair)?;
            store.close()?;
            serde_json::to_value(found)?
        }
    };
    Ok(report(&found, json))
}

fn check(store: &Store, blobs: &Blobs, repairs: bool) -> Result<Found, BlobError> {
    let stored = store::verify(store)?;
    let dynamodb = service_dynamodb::check::check(store, repairs)?;
    let s3 = service_s3::check::check(store, blobs)?;
    let found = blobs.scrub(store)?;
    if repairs {
        blobs.sweep(store)?;
    }
    let records = stored.rows.values().sum();
    Ok(Found { records, bytes: stored.bytes, dynamodb, s3, blobs: found })
}

/// Serves `/_gureum/check`.
pub async fn route(kernel: Kernel, request: RouteRequest) -> Reply {
    reply(answer(kernel, request).await)
}

async fn answer(kernel: Kernel, request: RouteRequest) -> Result<Found, Fault> {
    if request.method != Method::POST || !request.rest.is_empty() {
        return Err(Fault::new("NotFound", 404, "POST /_gureum/check checks what is stored."));
    }
    let refused = |why: String| Fault::sender("CheckRefused", why);
    let Request { repair } =
        serde_json::from_slice(&request.body).map_err(|e| refused(e.to_string()))?;
    let (store, blobs) = (kernel.store().clone(), kernel.blobs().clone());
    let found = tokio::task::spawn_blocking(move || check(&store, &blobs, repair)).await;
    // Why it cannot be read is what the one who asks wants to know.
    found.map_err(Fault::internal)?.map_err(|e| refused(e.to_string()))
}

/// Prints what was found; the exit code says whether all is well now.
fn report(found: &Value, json: bool) -> ExitCode {
    let dynamodb = &found["dynamodb"];
    let number = |value: &Value| value.as_u64().unwrap_or_default();
    let (s3, blobs) = (&found["s3"], &found["blobs"]);
    let repaired = number(&dynamodb["repaired"]);
    let problems = [dynamodb, s3, blobs].iter().map(|part| number(&part["problemCount"])).sum();
    if json {
        println!("{}", json!(found));
    } else {
        let count = |name: &str| number(&dynamodb[name]);
        println!(
            "The store has {} records ({} bytes) as of commit {}; all can be read.",
            number(&found["records"]),
            number(&found["bytes"]),
            count("sequence")
        );
        println!(
            "DynamoDB has {} tables, {} items, {} entries of indexes, {} of vector indexes, \
             {} stream records ({} items compared with their last one).",
            count("tables"),
            count("items"),
            count("indexEntries"),
            count("vectorEntries"),
            count("streamRecords"),
            count("streamItems")
        );
        if count("leftovers") > 0 {
            println!("{} records are left of deleted tables or indexes.", count("leftovers"));
        }
        println!(
            "S3 has {} buckets, {} objects, {} other versions, {} uploads under way.",
            number(&s3["buckets"]),
            number(&s3["objects"]),
            number(&s3["versions"]),
            number(&s3["uploads"])
        );
        println!(
            "There are {} files of bytes and {} small ones ({} bytes), all read; {} files belong \
             to nobody.",
            number(&blobs["files"]),
            number(&blobs["small"]),
            number(&blobs["bytes"]),
            number(&blobs["orphans"])
        );
        for part in [dynamodb, s3, blobs] {
            for problem in part["problems"].as_array().map_or(&[][..], Vec::as_slice) {
                println!("  {}", problem.as_str().unwrap_or_default());
            }
        }
        match problems {
            0 => println!("No problems."),
            _ => println!("{problems} problems."),
        }
        if repaired > 0 {
            println!("{repaired} entries of indexes were made again; check once more.");
        }
    }
    if problems == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
