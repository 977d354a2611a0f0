//! What is stored about a function, its versions and its aliases.

use std::collections::BTreeMap;

use kernel::{Ctx, Fault, Sealer};
use serde::{Deserialize, Serialize};
use store::Table;

use crate::images::ImageUse;
use crate::layers::LayerUse;
use crate::logging::LogLevels;
use crate::variables::Grant;

/// Functions by account, region and name.
pub(crate) const FUNCTIONS: Table<Function> = Table::new("lambda/function");
/// Published versions: account, region, name, number.
pub(crate) const VERSIONS: Table<FunctionRecord> = Table::new("lambda/version");
/// Aliases: account, region, name, alias.
pub(crate) const ALIASES: Table<Alias> = Table::new("lambda/alias");
/// Which versions use a blob: blob id, account, region, name, version.
pub(crate) const CODE_USERS: Table<()> = Table::new("lambda/code-user");
/// The durable task that ends `Pending` and `InProgress`.
pub(crate) const SETTLE: &str = "lambda/settle";

/// The version that changes.
pub(crate) const LATEST: &str = "$LATEST";

/// Account, region and name.
pub(crate) type FunctionKey = (String, String, String);

/// A function: `$LATEST`, and what all its versions share.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Function {
    #[serde(flatten)]
    pub latest: FunctionRecord,
    pub tags: BTreeMap<String, String>,
    /// The highest number that a version has had; numbers are never used again.
    #[serde(default)]
    pub last_version: u64,
    /// Reserved concurrency.
    #[serde(default)]
    pub reserved: Option<i32>,
    /// ARN of a code signing configuration.
    #[serde(default)]
    pub signing: Option<String>,
    /// What its roles were granted to open its variables.
    #[serde(default)]
    pub grants: Vec<Grant>,
    /// Whether it may call itself in a loop.
    #[serde(default)]
    pub recursion_allowed: bool,
}

/// What a version has: all that is needed to run it. `$LATEST` changes, the others never do.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct FunctionRecord {
    pub name: String,
    /// `$LATEST` or a number.
    #[serde(default = "latest")]
    pub version: String,
    pub runtime: String,
    pub handler: String,
    pub role: String,
    pub description: String,
    pub timeout_seconds: i32,
    pub memory_mb: i32,
    pub tmp_mb: i32,
    /// The variables as JSON, sealed, in base64 (see `variables`). Never readable in the store.
    pub environment: Option<String>,
    /// ARN of the key of KMS that its variables are under, too.
    #[serde(default)]
    pub kms_key: Option<String>,
    pub architecture: String,
    pub log_group: Option<String>,
    /// The levels of a log that is JSON; without them it is text.
    #[serde(default)]
    pub log_json: Option<LogLevels>,
    /// SHA-256 of the zip file in hexadecimal: the blob's id.
    pub code: String,
    pub code_bytes: i64,
    /// The container image it is, in place of a package; then `code` is the manifest.
    #[serde(default)]
    pub image: Option<ImageUse>,
    /// ARN that gets events which could not be handled.
    #[serde(default)]
    pub dead_letters: Option<String>,
    /// Whether traces are sampled.
    #[serde(default)]
    pub traced: bool,
    /// What it has in `/opt`, the first one first.
    #[serde(default)]
    pub layers: Vec<LayerUse>,
    /// `UpdateRuntimeOn`, if it was said.
    #[serde(default)]
    pub runtime_updates: Option<String>,
    pub revision: String,
    pub modified_ms: i64,
    /// False while it is `Pending`.
    pub active: bool,
    /// False while an update is `InProgress`.
    pub settled: bool,
    /// Whether published versions begin from a snapshot (`SnapStart`).
    #[serde(default)]
    pub snap_start: bool,
    /// Of a version with a snapshot: there is none, or none any more.
    #[serde(default)]
    pub unsnapped: Option<Unsnapped>,
}

/// Why a version with `SnapStart` has no snapshot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Unsnapped {
    /// Initialisation failed; the reason for people.
    Failed(String),
    /// Nobody has used it for long.
    Idle,
    /// It was idle and is being made again.
    Again,
}

/// A name for a version, or for two with weights.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Alias {
    pub name: String,
    pub version: String,
    pub description: String,
    /// Another version, and the share of invocations that go to it: 0 to 1.
    pub other: Option<(String, f64)>,
    pub revision: String,
}

/// The payload of [`SETTLE`].
#[derive(Serialize, Deserialize)]
pub(crate) struct Settle {
    pub account: String,
    pub region: String,
    pub name: String,
    #[serde(default = "latest")]
    pub version: String,
    pub revision: String,
}

fn latest() -> String {
    LATEST.to_owned()
}

/// Where a published version lies; nothing for a text that is no number.
pub(crate) fn version_key(
    function: FunctionKey,
    version: &str,
) -> Option<(String, String, String, u64)> {
    let (account, region, name) = function;
    Some((account, region, name, version.parse().ok()?))
}

/// Marks a blob as used by a version.
pub(crate) fn user_key(
    code: &str,
    function: &FunctionKey,
    version: &str,
) -> (String, FunctionKey, String) {
    (code.to_owned(), function.clone(), version.to_owned())
}

impl FunctionRecord {
    /// Where the whole function's record lies, in the account and region of the call.
    pub fn key(ctx: &Ctx, name: &str) -> FunctionKey {
        (ctx.account().to_owned(), ctx.region().to_owned(), name.to_owned())
    }

    /// Under which all functions of the account and region of the call lie.
    pub fn prefix(ctx: &Ctx) -> (String, String) {
        (ctx.account().to_owned(), ctx.region().to_owned())
    }

    /// Notes a change under a new revision.
    pub fn touch(&mut self, ctx: &Ctx) {
        self.modified_ms = ctx.now().epoch_ms;
        self.revision = ctx.random().uuid();
        self.settled = false;
    }

    /// Whether its sandboxes begin from a snapshot: never those of `$LATEST`.
    pub fn snaps(&self) -> bool {
        self.snap_start && self.version != LATEST
    }

    /// The group its logs go to.
    pub fn log_group(&self) -> String {
        self.log_group.clone().unwrap_or_else(|| format!("/aws/lambda/{}", self.name))
    }

    /// Whether nothing of what a version keeps differs: then no new one is published.
    pub fn equals(&self, other: &FunctionRecord, sealer: &Sealer) -> Result<bool, Fault> {
        let plain = |record: &FunctionRecord| FunctionRecord {
            version: String::new(),
            description: String::new(),
            // Sealing is different every time.
            environment: None,
            runtime_updates: None,
            revision: String::new(),
            modified_ms: 0,
            active: true,
            settled: true,
            unsnapped: None,
            ..record.clone()
        };
        let json = |record| serde_json::to_value(plain(record)).map_err(Fault::internal);
        Ok(json(self)? == json(other)? && self.has_variables_of(other, sealer)?)
    }
}
