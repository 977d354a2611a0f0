//! What syncs have made, in a file beside the build: what a template no longer has is taken away, if
//! that loses nothing, else named.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::deploy::is_missing;
use crate::Failure;
use crate::client::{Cloud, CloudError};

const FILE: &str = "gureum-sync.json";
/// No operation of AWS: a bucket tells somebody less.
const UNTELL: &str = "-untell";
/// No operation of AWS: a word to the next sync.
const NOTE: &str = "-note";

/// Something that a sync has made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Made {
    /// For people.
    what: String,
    /// Calls that take it away: service, operation, input. None where something would be lost.
    undo: Vec<(String, String, Value)>,
}

impl Made {
    /// Words may change with this program, and calls with what is there (a rule's targets).
    fn is(&self, other: &Made) -> bool {
        self.what == other.what || !self.undo.is_empty() && self.undo == other.undo
    }
}

/// All stacks, each by cloud, account, region and name.
type Stacks = BTreeMap<String, Vec<Made>>;

/// What this and earlier syncs have made.
pub struct Ledger {
    file: PathBuf,
    stack: String,
    all: Stacks,
    now: RefCell<Vec<Made>>,
}

impl Ledger {
    /// Reads what earlier syncs of this stack have made.
    pub fn open(build_dir: &Path, stack: String) -> Ledger {
        // `sam build` clears its own folder, not the one around it.
        let around = build_dir.parent().filter(|folder| folder.ends_with(".aws-sam"));
        let file = around.unwrap_or(build_dir).join(FILE);
        let unreadable = |error: &dyn std::fmt::Display| {
            let file = file.display();
            eprintln!("{file}: {error}; what the template no longer has is not found this time");
            Stacks::new()
        };
        let all = match fs::read(&file) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|e| unreadable(&e)),
            Err(error) if error.kind() == ErrorKind::NotFound => Stacks::new(),
            Err(error) => unreadable(&error),
        };
        Ledger { file, stack, all, now: RefCell::default() }
    }

    /// Something is there that these calls take away: service, operation, input.
    pub fn made(&self, what: String, undo: &[(&str, &str, Value)]) {
        let owned = |(service, operation, input): &(&str, &str, Value)| {
            ((*service).to_owned(), (*operation).to_owned(), input.clone())
        };
        let made = Made { what, undo: undo.iter().map(owned).collect() };
        let mut now = self.now.borrow_mut();
        if !now.iter().any(|other| other.is(&made)) {
            now.push(made);
        }
    }

    /// A bucket tells somebody by the configuration with this id.
    pub fn told(&self, bucket: &str, id: &str) {
        let what = format!("the notification {id} of bucket {bucket}");
        self.made(what, &[("s3", UNTELL, json!({ "Bucket": bucket, "Id": id }))]);
    }

    /// Keeps a word for the next sync.
    pub fn note(&self, text: &str) {
        self.made(text.to_owned(), &[("", NOTE, text.into())]);
    }

    /// Whether the last sync has kept this word.
    pub fn has_note(&self, text: &str) -> bool {
        let before = self.all.get(&self.stack).into_iter().flatten();
        before.into_iter().any(|one| {
            one.what == text && one.undo.iter().any(|(_, operation, _)| operation == NOTE)
        })
    }

    /// Takes away what a `complete` pass has not made again, and keeps the rest in mind. Returns what
    /// stays though the template no longer has it.
    pub fn finish(mut self, cloud: &Cloud, complete: bool) -> Result<Vec<String>, Failure> {
        let mut now = self.now.take();
        let before = self.all.remove(&self.stack).unwrap_or_default();
        let gone = before.into_iter().filter(|one| !now.iter().any(|other| other.is(one)));
        let is_note = |one: &Made| one.undo.iter().any(|(_, operation, _)| operation == NOTE);
        let gone: Vec<Made> = gone.filter(|one| !(complete && is_note(one))).collect();
        let mut left = Vec::new();
        if complete {
            // What was made last may need what was made before it.
            for made in gone.into_iter().rev() {
                let Made { what, undo } = &made;
                if undo.is_empty() {
                    left.push(format!("{what}: no longer in the template, and not deleted"));
                    continue;
                }
                match undo.iter().try_for_each(|call| take_away(cloud, call)) {
                    Ok(()) => println!("  {what}: taken away"),
                    Err(error) => {
                        left.push(format!("{what}: no longer in the template, and stays: {error}"));
                        now.insert(0, made);
                    }
                }
            }
        } else {
            now.splice(0..0, gone);
        }
        self.all.insert(self.stack, now);
        let text = serde_json::to_vec(&self.all)?;
        let at = |e: std::io::Error| Failure::of(self.file.display(), e);
        let new = self.file.with_extension("new");
        fs::write(&new, text).and_then(|()| fs::rename(&new, &self.file)).map_err(at)?;
        Ok(left)
    }
}

fn take_away(
    cloud: &Cloud,
    (service, operation, input): &(String, String, Value),
) -> Result<(), CloudError> {
    let done = match operation.as_str() {
        UNTELL => untell(cloud, input),
        _ => cloud.call(service, operation, input).map(drop),
    };
    match done {
        // Somebody else has taken it away.
        Err(error) if is_missing(&error) => Ok(()),
        done => done,
    }
}

fn untell(cloud: &Cloud, input: &Value) -> Result<(), CloudError> {
    let named = json!({ "Bucket": input["Bucket"] });
    let mut settings = cloud.call("s3", "GetBucketNotificationConfiguration", &named)?;
    for list in settings.as_object_mut().into_iter().flatten().map(|(_, list)| list) {
        if let Some(list) = list.as_array_mut() {
            list.retain(|one| one["Id"] != input["Id"]);
        }
    }
    let input = json!({ "Bucket": input["Bucket"], "NotificationConfiguration": settings });
    cloud.call("s3", "PutBucketNotificationConfiguration", &input).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_made_is_known_again() {
        let made = |what: &str, undo: &[&str]| Made {
            what: what.into(),
            undo: undo.iter().map(|one| ("a".into(), (*one).into(), json!({}))).collect(),
        };
        let check = |one: &Made, other: &Made, expected| assert_eq!(one.is(other), expected);
        check(&made("a", &["X"]), &made("b", &["X"]), true);
        check(&made("a", &["X"]), &made("a", &["Y"]), true);
        check(&made("a", &["X"]), &made("b", &["Y"]), false);
        check(&made("a", &[]), &made("a", &[]), true);
        check(&made("a", &[]), &made("b", &[]), false);
    }
}
