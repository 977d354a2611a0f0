//! Reading and refusing website configurations, with S3's texts.

use api_s3::{Condition, Protocol, Redirect, RoutingRule, WebsiteConfiguration};
use kernel::Fault;

use super::super::refusal::{invalid_argument, invalid_request, malformed_xml};
use super::{KeyChange, Rule, Target, Website, When};

/// S3's limit.
const RULES_MAX: usize = 50;
const KEY_BYTES_MAX: usize = 1024;

impl Website {
    /// Checks a configuration.
    pub fn from_api(input: WebsiteConfiguration) -> Result<Self, Fault> {
        let rules = input.routing_rules.unwrap_or_default();
        if let Some(everything) = input.redirect_all_requests_to {
            if input.index_document.is_some() || input.error_document.is_some() || !rules.is_empty()
            {
                return Err(invalid_argument(
                    "RedirectAllRequestsTo cannot be provided in conjunction with other Routing \
                     Rules.",
                ));
            }
            let host = checked_host(everything.host_name)?;
            let protocol = protocol(everything.protocol)?;
            return Ok(Self { everything: Some((host, protocol)), ..Self::default() });
        }
        let Some(index) = input.index_document else {
            return Err(invalid_argument(
                "A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is \
                 empty",
            ));
        };
        if index.suffix.is_empty()
            || index.suffix.contains('/')
            || index.suffix.len() > KEY_BYTES_MAX
        {
            return Err(invalid_argument("The IndexDocument Suffix is not well formed"));
        }
        let error = input.error_document.map(|document| document.key);
        if error.as_ref().is_some_and(|key| key.is_empty() || key.len() > KEY_BYTES_MAX) {
            return Err(invalid_argument("The ErrorDocument Key is not well formed"));
        }
        if rules.len() > RULES_MAX {
            return Err(invalid_request(format!(
                "{} routing rules provided, the number of routing rules in a website \
                 configuration is limited to {RULES_MAX}.",
                rules.len()
            )));
        }
        let rules = rules.into_iter().map(Rule::from_api).collect::<Result<_, _>>()?;
        Ok(Self { everything: None, index: Some(index.suffix), error, rules })
    }
}

impl Rule {
    fn from_api(input: RoutingRule) -> Result<Self, Fault> {
        let condition = input.condition.map(When::from_api).transpose()?;
        Ok(Self { condition, target: Target::from_api(input.redirect)? })
    }
}

impl When {
    fn from_api(input: Condition) -> Result<Self, Fault> {
        let status = match input.http_error_code_returned_equals {
            None => None,
            Some(text) => match text.parse::<u16>() {
                Ok(status) if (400..600).contains(&status) => Some(status),
                _ => {
                    return Err(invalid_request(format!(
                        "The provided HTTP error code ({text}) is not valid. Valid codes are 4XX \
                         or 5XX."
                    )));
                }
            },
        };
        if status.is_none() && input.key_prefix_equals.is_none() {
            return Err(invalid_request(
                "Condition cannot be empty. To redirect all requests without a condition, the \
                 condition element shouldn't be present.",
            ));
        }
        Ok(Self { status, prefix: input.key_prefix_equals })
    }
}

impl Target {
    fn from_api(input: Redirect) -> Result<Self, Fault> {
        let key = match (input.replace_key_prefix_with, input.replace_key_with) {
            (Some(_), Some(_)) => {
                return Err(invalid_request(
                    "You can only define ReplaceKeyPrefix or ReplaceKey but not both.",
                ));
            }
            (Some(prefix), None) => KeyChange::Prefix(prefix),
            (None, Some(whole)) => KeyChange::Whole(whole),
            (None, None) => KeyChange::None,
        };
        let status = match input.http_redirect_code {
            None => None,
            Some(text) => match text.parse::<u16>() {
                Ok(status) if (301..400).contains(&status) => Some(status),
                _ => {
                    return Err(invalid_request(format!(
                        "The provided HTTP redirect code ({text}) is not valid. Valid codes are \
                         3XX except 300."
                    )));
                }
            },
        };
        let host = input.host_name.map(checked_host).transpose()?;
        let protocol = protocol(input.protocol)?;
        if host.is_none() && status.is_none() && protocol.is_none() && key == KeyChange::None {
            return Err(malformed_xml());
        }
        Ok(Self { host, status, protocol, key })
    }
}

/// A host's name, perhaps with port and (in redirects of everything) a path. It goes into a header
/// of every answer, so it has to be printable.
fn checked_host(host: String) -> Result<String, Fault> {
    let fine = !host.is_empty()
        && host.len() <= KEY_BYTES_MAX
        && host.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte));
    match fine {
        true => Ok(host),
        false => Err(invalid_request("The HostName of a redirect is not well formed.")),
    }
}

fn protocol(protocol: Option<Protocol>) -> Result<Option<String>, Fault> {
    match protocol {
        None => Ok(None),
        Some(Protocol::Unknown(_)) => Err(invalid_request(
            "Invalid protocol, protocol can be http or https. If not defined the protocol will be \
             selected automatically.",
        )),
        Some(known) => Ok(Some(known.as_str().to_owned())),
    }
}
