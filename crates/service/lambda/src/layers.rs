//! Layers: packages that functions have in `/opt`, in versions that never change.

use api_lambda::{
    Architecture, Error, Layer as LayerView, LayerVersionContentOutput, LayerVersionsListItem,
    Runtime,
};
use kernel::access::{Need, ResourcePolicy};
use kernel::{Ctx, Timestamp};
use serde::{Deserialize, Serialize};
use store::{ReadTx, Table};

use crate::Lambda;
use crate::configuration::code_sha256;
use crate::errors::{invalid, not_found};
use crate::policy::Policy;
use crate::record::FunctionRecord;

/// Layers by account, region and name: the highest number that a version has had.
pub(crate) const LAYERS: Table<u64> = Table::new("lambda/layer");
/// Their versions: account, region, name, number.
pub(crate) const LAYER_VERSIONS: Table<LayerVersion> = Table::new("lambda/layer-version");
/// The policies of versions, by the same keys.
pub(crate) const LAYER_POLICIES: Table<Policy> = Table::new("lambda/layer-policy");
/// Stands for the function's name where a layer uses a blob.
const USER: &str = "layer";

const LAYERS_MAX: usize = 5;

/// A version of a layer.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct LayerVersion {
    pub description: Option<String>,
    pub license: Option<String>,
    pub runtimes: Option<Vec<String>>,
    pub architectures: Option<Vec<String>>,
    /// The blob's id.
    pub code: String,
    pub code_bytes: i64,
    /// What it measures unpacked.
    pub unzipped_bytes: u64,
    pub created_ms: i64,
}

/// What a function keeps of a layer that it uses: it works on when the layer is deleted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LayerUse {
    pub arn: String,
    pub code: String,
    pub code_bytes: i64,
    pub unzipped_bytes: u64,
}

/// Which version of which layer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LayerName {
    pub account: String,
    pub region: String,
    pub name: String,
    pub number: u64,
}

impl LayerName {
    /// From a layer's name or ARN, and a number.
    pub fn parse(ctx: &Ctx, text: &str, number: i64) -> Result<LayerName, Error> {
        if number < 1 {
            return Err(invalid("Layer Version Cannot be less than 1."));
        }
        Ok(LayerName { number: number as u64, ..LayerName::whole(ctx, text) })
    }

    /// A layer without a version.
    pub fn whole(ctx: &Ctx, text: &str) -> LayerName {
        let parts: Vec<&str> = text.split(':').collect();
        let (account, region, name) = match parts.as_slice() {
            ["arn", _, "lambda", region, account, "layer", name, ..] => (*account, *region, *name),
            _ => (ctx.account(), ctx.region(), text),
        };
        let (account, region, name) = (account.to_owned(), region.to_owned(), name.to_owned());
        LayerName { account, region, name, number: 0 }
    }

    /// From the ARN of a version.
    pub fn of_arn(arn: &str) -> Option<LayerName> {
        let parts: Vec<&str> = arn.split(':').collect();
        let ["arn", _, "lambda", region, account, "layer", name, number] = parts.as_slice() else {
            return None;
        };
        Some(LayerName {
            account: (*account).to_owned(),
            region: (*region).to_owned(),
            name: (*name).to_owned(),
            number: number.parse().ok().filter(|number| *number > 0)?,
        })
    }

    /// Where the layer lies.
    pub fn layer_key(&self) -> (String, String, String) {
        (self.account.clone(), self.region.clone(), self.name.clone())
    }

    /// Where the version lies.
    pub fn key(&self) -> ((String, String, String), u64) {
        (self.layer_key(), self.number)
    }

    /// Marks a blob as used by the version.
    pub fn user_key(&self, code: &str) -> (String, String, String, String, String, u64) {
        let (account, region, name) = self.layer_key();
        // A region's place, so that no function's key can be the same.
        (code.to_owned(), account, format!("{region}/{USER}"), name, String::new(), self.number)
    }

    /// The layer's ARN.
    pub fn layer_arn(&self) -> String {
        format!("arn:aws:lambda:{}:{}:layer:{}", self.region, self.account, self.name)
    }

    /// The version's ARN.
    pub fn arn(&self) -> String {
        format!("{}:{}", self.layer_arn(), self.number)
    }

    /// Reads the version.
    pub fn load(&self, tx: &ReadTx) -> Result<Option<LayerVersion>, Error> {
        Ok(tx.get(&LAYER_VERSIONS, self.key())?)
    }

    /// The policy of the version, for a judgement.
    pub fn policy(&self, ctx: &Ctx) -> Option<ResourcePolicy> {
        let found = ctx.store().read(|tx| tx.get(&LAYER_POLICIES, self.key())).ok()?;
        let documents = found.map(|policy| policy.document().to_string()).into_iter().collect();
        let account = self.account.clone();
        Some(ResourcePolicy { account, documents, ..ResourcePolicy::default() })
    }

    /// Refuses a caller whom the policy of another account's layer does not allow to read it.
    pub fn check_readable(&self, ctx: &Ctx) -> Result<(), Error> {
        if self.account == ctx.account() {
            return Ok(());
        }
        let mut need = Need::new("lambda:GetLayerVersion", self.arn());
        need.policy = self.policy(ctx);
        Ok(ctx.authorize("lambda", "GetLayerVersion", &[need])?)
    }
}

/// There is no such version.
pub(crate) fn missing() -> Error {
    not_found("The resource you requested does not exist.")
}

impl LayerVersion {
    /// Whether it says that it is for this runtime and architecture; nothing said is for all.
    pub fn fits(&self, runtime: Option<&Runtime>, architecture: Option<&Architecture>) -> bool {
        let has = |list: &Option<Vec<String>>, asked: Option<&str>| match (asked, list) {
            (Some(asked), Some(list)) => list.iter().any(|one| one == asked),
            (Some(_), None) => false,
            (None, _) => true,
        };
        has(&self.runtimes, runtime.map(Runtime::as_str))
            && has(&self.architectures, architecture.map(Architecture::as_str))
    }

    /// When it was made, as the API says it.
    pub fn created(&self) -> String {
        Timestamp::from_ms(self.created_ms).civil("%Y-%m-%dT%H:%M:%S%.3f+0000")
    }

    /// `CompatibleRuntimes`.
    pub fn compatible_runtimes(&self) -> Option<Vec<Runtime>> {
        let from = |name: &String| Runtime::from(name.as_str());
        self.runtimes.as_ref().map(|list| list.iter().map(from).collect())
    }

    /// `CompatibleArchitectures`.
    pub fn compatible_architectures(&self) -> Option<Vec<Architecture>> {
        let from = |name: &String| Architecture::from(name.as_str());
        self.architectures.as_ref().map(|list| list.iter().map(from).collect())
    }

    /// `Content`, with a link.
    pub fn content(&self, api: &Lambda, ctx: &Ctx) -> Result<LayerVersionContentOutput, Error> {
        Ok(LayerVersionContentOutput {
            location: Some(api.host.location(ctx, &self.code)?),
            code_sha256: Some(code_sha256(&self.code)),
            code_size: Some(self.code_bytes),
            ..Default::default()
        })
    }

    /// An item of a list.
    pub fn item(&self, name: &LayerName) -> LayerVersionsListItem {
        LayerVersionsListItem {
            layer_version_arn: Some(name.arn()),
            version: Some(name.number as i64),
            description: self.description.clone(),
            created_date: Some(self.created()),
            compatible_architectures: self.compatible_architectures(),
            compatible_runtimes: self.compatible_runtimes(),
            license_info: self.license.clone(),
        }
    }
}

impl LayerUse {
    /// The API's view.
    pub fn shown(&self) -> LayerView {
        let code_size = Some(self.code_bytes);
        LayerView { arn: Some(self.arn.clone()), code_size, ..Default::default() }
    }
}

/// The layers that a function is to have.
pub(crate) fn used(ctx: &Ctx, arns: &[String]) -> Result<Vec<LayerUse>, Error> {
    if arns.len() > LAYERS_MAX {
        return Err(invalid(format!("Cannot reference more than {LAYERS_MAX} layers.")));
    }
    let mut names: Vec<LayerName> = Vec::new();
    for arn in arns {
        let bad = || invalid(format!("Layer version ARN {arn} is not valid."));
        let name = LayerName::of_arn(arn).ok_or_else(bad)?;
        if let Some(other) = names.iter().find(|other| other.layer_key() == name.layer_key()) {
            return Err(invalid(format!(
                "Two different versions of the same layer are not allowed to be referenced in the \
                 same function. {} and {arn} are versions of the same layer.",
                other.arn()
            )));
        }
        names.push(name);
    }
    names.iter().map(|name| one(ctx, name)).collect()
}

fn one(ctx: &Ctx, name: &LayerName) -> Result<LayerUse, Error> {
    let arn = name.arn();
    if name.region != ctx.region() {
        return Err(invalid(format!(
            "Layers are not in the same region as the function. Layers are expected to be in \
             region {}.",
            ctx.region()
        )));
    }
    name.check_readable(ctx)?;
    let found = ctx.store().read(|tx| name.load(tx))?;
    let Some(found) = found else {
        return Err(invalid(format!("Layer version {arn} does not exist.")));
    };
    let LayerVersion { code, code_bytes, unzipped_bytes, .. } = found;
    Ok(LayerUse { arn, code, code_bytes, unzipped_bytes })
}

impl FunctionRecord {
    /// All packages that it needs.
    pub fn codes(&self) -> impl Iterator<Item = &String> {
        let image = self.image.iter().flat_map(|image| &image.blobs);
        let layers = self.layers.iter().map(|layer| &layer.code);
        std::iter::once(&self.code).chain(layers).chain(image)
    }
}
