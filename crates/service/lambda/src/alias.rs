//! Names for versions: what may be in one, and how the API shows it.

use api_lambda::{AliasConfiguration, AliasRoutingConfiguration, Error};
use store::ReadTx;

use crate::errors::{invalid, not_found};
use crate::name::Name;
use crate::record::{Alias, LATEST};
use crate::resolve;

/// AWS's limit for additional versions.
const WEIGHTS_MAX: usize = 1;

impl Alias {
    /// The API's view.
    pub fn configuration(&self, name: &Name) -> AliasConfiguration {
        let routing = self.other.as_ref().map(|(version, weight)| AliasRoutingConfiguration {
            additional_version_weights: Some([(version.clone(), *weight)].into()),
        });
        AliasConfiguration {
            alias_arn: Some(name.qualified(&self.name).arn()),
            name: Some(self.name.clone()),
            function_version: Some(self.version.clone()),
            description: Some(self.description.clone()),
            routing_config: routing,
            revision_id: Some(self.revision.clone()),
        }
    }

    /// Checks that the versions are there and may stand together.
    pub fn check(&self, tx: &ReadTx, name: &Name) -> Result<(), Error> {
        resolve::load(tx, name)?;
        let exists = |version: &str| match version {
            LATEST => Ok(()),
            number => match resolve::load_version(tx, name, number)? {
                Some(_) => Ok(()),
                None => Err(name.qualified(number).not_found()),
            },
        };
        exists(&self.version)?;
        let Some((other, _)) = &self.other else { return Ok(()) };
        if self.version == LATEST {
            return Err(invalid(
                "$LATEST is not supported for an alias pointing to more than 1 version",
            ));
        }
        if *other == self.version {
            return Err(invalid(format!(
                "Invalid function version {other}. Function version {other} is already included \
                 in routing configuration."
            )));
        }
        exists(other)
    }
}

/// The additional version of a routing configuration; an empty one takes it away.
pub(crate) fn other(
    routing: Option<AliasRoutingConfiguration>,
) -> Result<Option<(String, f64)>, Error> {
    let weights = routing.and_then(|routing| routing.additional_version_weights);
    let weights = weights.unwrap_or_default();
    if weights.len() > WEIGHTS_MAX {
        return Err(invalid(
            "Number of items in AdditionalVersionWeights cannot be greater than 1",
        ));
    }
    Ok(weights.into_iter().next())
}

/// The pattern of an alias' name: it is no number. The model's checks cannot say so.
pub(crate) fn check_name(alias: &str) -> Result<(), Error> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if alias.bytes().all(allowed) && !resolve::is_number(alias) {
        return Ok(());
    }
    let message = format!(
        "1 validation error detected: Value '{alias}' at 'name' failed to satisfy constraint: \
         Member must satisfy regular expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)"
    );
    Err(kernel::Fault::sender("ValidationException", message).into())
}

/// An alias that is not there, as reading it says.
pub(crate) fn unknown(name: &Name, alias: &str) -> Error {
    not_found(format!("Cannot find alias arn: {}", name.qualified(alias).arn()))
}
