//! Code signing configurations. No package here carries a signature that could be checked, so one
//! that a configuration enforces is never there: deployments are refused as AWS refuses unsigned
//! code. A configuration that only warns lets them pass.

use api_lambda::{
    AllowedPublishers, CodeSigningConfig, CodeSigningConfigNotFoundException, CodeSigningPolicies,
    CodeSigningPolicy, CodeVerificationFailedException, Error,
};
use kernel::{Ctx, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use store::{ReadTx, Table};

use crate::errors::not_found;

/// Configurations by account, region and id.
pub(crate) const CONFIGS: Table<Config> = Table::new("lambda/code-signing");

/// A configuration.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Config {
    pub id: String,
    pub description: Option<String>,
    /// ARNs of signing profiles' versions.
    pub publishers: Vec<String>,
    pub enforces: bool,
    pub tags: BTreeMap<String, String>,
    pub modified_ms: i64,
}

/// The id in an ARN of this account and region.
pub(crate) fn id(ctx: &Ctx, arn: &str) -> Option<String> {
    let start = ctx.arn("lambda", "code-signing-config:").to_string();
    arn.strip_prefix(&start).map(str::to_owned)
}

/// Finds a configuration by its ARN.
pub(crate) fn load(ctx: &Ctx, tx: &ReadTx, arn: &str) -> Result<Option<Config>, Error> {
    let Some(id) = id(ctx, arn) else { return Ok(None) };
    Ok(tx.get(&CONFIGS, (ctx.account(), ctx.region(), id))?)
}

/// It is not there.
pub(crate) fn missing(arn: &str) -> Error {
    not_found(format!("The Lambda code signing configuration {arn} can not be found."))
}

/// It is not there, and was named for a function.
pub(crate) fn missing_for_function(arn: &str) -> Error {
    let message = Some(format!(
        "The code signing configuration cannot be found. Check that the provided configuration \
         is not deleted: {arn}."
    ));
    CodeSigningConfigNotFoundException { message, r#type: Some("User".into()) }.into()
}

/// Refuses new code of a function whose configuration enforces signatures.
pub(crate) fn check(ctx: &Ctx, tx: &ReadTx, arn: Option<&str>) -> Result<(), Error> {
    let Some(arn) = arn else { return Ok(()) };
    let config = load(ctx, tx, arn)?.ok_or_else(|| missing_for_function(arn))?;
    if !config.enforces {
        return Ok(());
    }
    let message = Some(
        "The code signature failed one or more of the validation checks for signature mismatch \
         or expiry, and the code signing policy is set to ENFORCE. Lambda blocks the deployment."
            .into(),
    );
    Err(CodeVerificationFailedException { message, r#type: Some("User".into()) }.into())
}

impl Config {
    /// The ARN.
    pub fn arn(&self, ctx: &Ctx) -> String {
        ctx.arn("lambda", format!("code-signing-config:{}", self.id)).to_string()
    }

    /// The API's view.
    pub fn shown(&self, ctx: &Ctx) -> CodeSigningConfig {
        let policy =
            if self.enforces { CodeSigningPolicy::Enforce } else { CodeSigningPolicy::Warn };
        let modified = Timestamp::from_ms(self.modified_ms);
        CodeSigningConfig {
            code_signing_config_id: self.id.clone(),
            code_signing_config_arn: self.arn(ctx),
            description: self.description.clone(),
            allowed_publishers: AllowedPublishers {
                signing_profile_version_arns: self.publishers.clone(),
            },
            code_signing_policies: CodeSigningPolicies {
                untrusted_artifact_on_deployment: Some(policy),
            },
            last_modified: modified.civil("%Y-%m-%dT%H:%M:%S%.3f+0000"),
        }
    }
}
