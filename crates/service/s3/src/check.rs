//! Whether everything S3 keeps fits together: for `gureum fsck`.

use std::collections::HashMap;

use kernel::blobs::{Blob, Blobs};
use serde::Serialize;
use store::{Key, Part, Scan, Store, StoreError};

use crate::records::{BUCKETS, Data, OBJECTS, PARTS, UPLOADED, UPLOADS, VERSIONS, Version};

/// Problems described; further ones are only counted.
const PROBLEMS_MAX: usize = 100;

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Buckets.
    pub buckets: u64,
    /// Current objects.
    pub objects: u64,
    /// Older versions and delete markers.
    pub versions: u64,
    /// Uploads in parts that are under way.
    pub uploads: u64,
    /// What does not fit.
    pub problem_count: u64,
    /// The first of it, described.
    pub problems: Vec<String>,
}

impl Report {
    fn problem(&mut self, text: String) {
        self.problem_count += 1;
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(text);
        }
    }
}

/// Checks that every version has its bytes, and every blob as many references as records refer to
/// it. Blocking; reads one moment.
pub fn check(store: &Store, blobs: &Blobs) -> Result<Report, StoreError> {
    let tx = store.snapshot();
    let mut report = Report::default();
    let mut counted: HashMap<String, (Blob, u32)> = HashMap::new();
    let mut count = |blob: &Blob| {
        counted.entry(blob.id.clone()).or_insert_with(|| (blob.clone(), 0)).1 += 1;
    };
    report.buckets = tx.scan(&BUCKETS, Scan::all())?.len() as u64;
    let mut parts = HashMap::new();
    for (key, list) in tx.scan(&PARTS, Scan::all())? {
        list.iter().for_each(|part| count(&part.blob));
        let size: u64 = list.iter().map(|part| part.blob.size).sum();
        parts.insert(text(&key, 0), size);
    }
    let current = tx.scan(&OBJECTS, Scan::all())?;
    let others = tx.scan(&VERSIONS, Scan::all())?;
    (report.objects, report.versions) = (current.len() as u64, others.len() as u64);
    for (key, version) in current.iter().chain(&others) {
        let size = match &version.data {
            Data::Nothing => Some(0),
            Data::One(blob) => {
                count(blob);
                Some(blob.size)
            }
            Data::Parts { id, .. } => parts.remove(id),
        };
        if size != Some(version.size) {
            report.problem(format!("{} has not the bytes it should have", name(key, version)));
        }
        if !tx.contains(&BUCKETS, text(key, 0))? {
            report.problem(format!("{} is in no bucket", name(key, version)));
        }
    }
    for id in parts.into_keys() {
        report.problem(format!("the parts {id} belong to no object"));
    }
    let uploads = tx.scan(&UPLOADS, Scan::all())?;
    report.uploads = uploads.len() as u64;
    let ids: Vec<&str> = uploads.iter().map(|(_, upload)| upload.id.as_str()).collect();
    for (key, part) in tx.scan(&UPLOADED, Scan::all())? {
        count(&part.blob);
        if !ids.contains(&text(&key, 0).as_str()) {
            report.problem(format!("a part belongs to no upload: {key:?}"));
        }
    }
    for (id, (blob, expected)) in counted {
        let found = blobs.references(&tx, &blob);
        match found {
            Ok(Some(found)) if found == expected => {}
            Ok(found) => report.problem(format!(
                "{expected} records refer to blob {id}, which counts {}",
                found.unwrap_or(0)
            )),
            Err(error) => report.problem(error.to_string()),
        }
    }
    Ok(report)
}

fn text(key: &Key, at: usize) -> String {
    match key.parts().and_then(|parts| parts.into_iter().nth(at)) {
        Some(Part::Text(text)) => text,
        _ => String::new(),
    }
}

fn name(key: &Key, version: &Version) -> String {
    format!("s3://{}/{} ({})", text(key, 0), text(key, 1), version.shown_id())
}
