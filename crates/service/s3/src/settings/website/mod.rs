//! A bucket's website: its documents, redirects and routing rules.

mod check;
mod routing;
#[cfg(test)]
mod tests;

pub(crate) use routing::{Here, Location, Plan, to_folder};

use api_s3::{
    Condition, ErrorDocument, GetBucketWebsiteOutput, IndexDocument, Redirect,
    RedirectAllRequestsTo, RoutingRule,
};
use serde::{Deserialize, Serialize};

/// A website.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Website {
    /// Every request is sent to this host, with this scheme if one is named.
    everything: Option<(String, Option<String>)>,
    /// What a folder's page is called.
    index: Option<String>,
    /// The key of the page shown instead of an error.
    error: Option<String>,
    rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Rule {
    condition: Option<When>,
    target: Target,
}

/// Both have to hold if both are given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct When {
    /// The status the request would be answered with.
    status: Option<u16>,
    prefix: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Target {
    host: Option<String>,
    status: Option<u16>,
    protocol: Option<String>,
    key: KeyChange,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum KeyChange {
    None,
    /// The condition's prefix is replaced.
    Prefix(String),
    /// The whole key is.
    Whole(String),
}

impl Website {
    /// As `GetBucketWebsite` shows it.
    pub fn to_api(&self) -> GetBucketWebsiteOutput {
        GetBucketWebsiteOutput {
            redirect_all_requests_to: self.everything.clone().map(|(host_name, protocol)| {
                RedirectAllRequestsTo { host_name, protocol: protocol.as_deref().map(Into::into) }
            }),
            index_document: self.index.clone().map(|suffix| IndexDocument { suffix }),
            error_document: self.error.clone().map(|key| ErrorDocument { key }),
            routing_rules: (!self.rules.is_empty())
                .then(|| self.rules.iter().map(Rule::to_api).collect()),
        }
    }
}

impl Rule {
    fn to_api(&self) -> RoutingRule {
        let (prefix, whole) = match &self.target.key {
            KeyChange::None => (None, None),
            KeyChange::Prefix(text) => (Some(text.clone()), None),
            KeyChange::Whole(text) => (None, Some(text.clone())),
        };
        RoutingRule {
            condition: self.condition.as_ref().map(|when| Condition {
                http_error_code_returned_equals: when.status.map(|status| status.to_string()),
                key_prefix_equals: when.prefix.clone(),
            }),
            redirect: Redirect {
                host_name: self.target.host.clone(),
                http_redirect_code: self.target.status.map(|status| status.to_string()),
                protocol: self.target.protocol.as_deref().map(Into::into),
                replace_key_prefix_with: prefix,
                replace_key_with: whole,
            },
        }
    }
}
