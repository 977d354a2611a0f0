//! `LoggingConfig`: the format of a function's log, and how much it says.

use api_lambda::{ApplicationLogLevel, Error, LogFormat, LoggingConfig, SystemLogLevel};
use serde::{Deserialize, Serialize};

use crate::errors::invalid;
use crate::platform::Level;
use crate::record::FunctionRecord;

/// The levels of a log that is JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LogLevels {
    /// `AWS_LAMBDA_LOG_LEVEL`: the runtime filters by it.
    pub application: String,
    /// Which of the platform's events are written.
    pub system: String,
}

/// What is asked for: the group, and the levels if the log is to be JSON.
pub(crate) fn parse(
    config: Option<LoggingConfig>,
) -> Result<(Option<String>, Option<LogLevels>), Error> {
    let Some(config) = config else { return Ok((None, None)) };
    let application = config.application_log_level.map(|level| level.as_str().to_owned());
    let system = config.system_log_level.map(|level| level.as_str().to_owned());
    if config.log_format != Some(LogFormat::Json) {
        if application.is_some() || system.is_some() {
            return Err(invalid("Log levels can only be set when LogFormat is JSON."));
        }
        return Ok((config.log_group, None));
    }
    let usual = || "INFO".to_owned();
    let (application, system) = (application.unwrap_or_else(usual), system.unwrap_or_else(usual));
    Ok((config.log_group, Some(LogLevels { application, system })))
}

impl FunctionRecord {
    /// How much the platform says in a log that is JSON.
    pub fn system_log_level(&self) -> Option<Level> {
        self.log_json.as_ref().map(|levels| Level::parse(&levels.system))
    }

    /// As the API shows it.
    pub fn logging_config(&self) -> LoggingConfig {
        let levels = self.log_json.as_ref();
        LoggingConfig {
            log_format: Some(if levels.is_some() { LogFormat::Json } else { LogFormat::Text }),
            application_log_level: levels
                .map(|levels| ApplicationLogLevel::from(levels.application.as_str())),
            system_log_level: levels.map(|levels| SystemLogLevel::from(levels.system.as_str())),
            log_group: Some(self.log_group()),
        }
    }
}
