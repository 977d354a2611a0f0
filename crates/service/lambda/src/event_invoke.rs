//! How events are handled that nobody waits for: retries, age, destinations. Only the records;
//! the queue of events reads them.

use api_lambda::{DestinationConfig, Error, FunctionEventInvokeConfig, OnFailure, OnSuccess};
use kernel::Timestamp;
use serde::{Deserialize, Serialize};
use store::{ReadTx, Table};

use crate::errors::{invalid, not_found};
use crate::name::Name;
use crate::record::{FunctionKey, LATEST};

/// Settings by account, region, function and qualifier (`$LATEST` where none was given).
pub(crate) const CONFIGS: Table<EventConfig> = Table::new("lambda/event-config");

/// The settings of a function, a version or an alias.
#[derive(Clone, Default, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct EventConfig {
    /// Attempts after the first; 2 if nothing is said.
    pub retries_max: Option<i32>,
    /// Events are dropped when they are older; 6 hours if nothing is said.
    pub age_seconds_max: Option<i32>,
    /// ARN that is told of successes.
    pub on_success: Option<String>,
    /// ARN that is told of failures.
    pub on_failure: Option<String>,
    pub modified_ms: i64,
}

/// Where the settings for a name lie.
pub(crate) fn key(name: &Name) -> (FunctionKey, String) {
    (name.key(), name.qualifier.clone().unwrap_or_else(|| LATEST.into()))
}

/// The settings for a name as it was invoked.
pub(crate) fn load(tx: &ReadTx, name: &Name) -> Result<Option<EventConfig>, Error> {
    Ok(tx.get(&CONFIGS, key(name))?)
}

/// The ARN under which settings are shown: always with a qualifier.
pub(crate) fn arn(name: &Name) -> String {
    name.qualified(name.qualifier.as_deref().unwrap_or(LATEST)).arn()
}

/// There are no settings.
pub(crate) fn missing(name: &Name) -> Error {
    not_found(format!("The function {} doesn't have an EventInvokeConfig", arn(name)))
}

impl EventConfig {
    /// Takes over what is asked for; the rest stays.
    pub fn change(
        &mut self,
        name: &Name,
        retries_max: Option<i32>,
        age_seconds_max: Option<i32>,
        destinations: Option<&DestinationConfig>,
    ) -> Result<(), Error> {
        self.retries_max = retries_max.or(self.retries_max);
        self.age_seconds_max = age_seconds_max.or(self.age_seconds_max);
        let Some(destinations) = destinations else { return Ok(()) };
        if let Some(success) = &destinations.on_success {
            self.on_success = destination(name, success.destination.as_deref(), false)?;
        }
        if let Some(failure) = &destinations.on_failure {
            self.on_failure = destination(name, failure.destination.as_deref(), true)?;
        }
        Ok(())
    }

    /// The API's view.
    pub fn shown(&self, name: &Name) -> FunctionEventInvokeConfig {
        FunctionEventInvokeConfig {
            last_modified: Some(Timestamp::from_ms(self.modified_ms)),
            function_arn: Some(arn(name)),
            maximum_retry_attempts: self.retries_max,
            maximum_event_age_in_seconds: self.age_seconds_max,
            destination_config: Some(DestinationConfig {
                on_success: Some(OnSuccess { destination: self.on_success.clone() }),
                on_failure: Some(OnFailure { destination: self.on_failure.clone() }),
            }),
        }
    }
}

/// A place that results go to; an empty text is none.
fn destination(name: &Name, arn: Option<&str>, of_failures: bool) -> Result<Option<String>, Error> {
    let Some(arn) = arn.filter(|arn| !arn.is_empty()) else { return Ok(None) };
    match arn.split(':').nth(2) {
        Some("sqs" | "sns") => {}
        Some("lambda") => {
            if Name::of_arn(arn).is_some_and(|other| other.key() == name.key()) {
                return Err(invalid("You can't specify the function as a destination for itself."));
            }
        }
        // AWS keeps only failures in buckets.
        Some("s3") if of_failures => {}
        Some("events") if arn.contains(":event-bus/") => {}
        _ => return Err(invalid(format!("The provided destination {arn} is invalid."))),
    }
    Ok(Some(arn.to_owned()))
}
