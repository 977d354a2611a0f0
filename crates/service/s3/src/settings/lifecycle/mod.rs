//! A bucket's lifecycle: rules, what they mean for an object, and when.

mod check;
mod due;
#[cfg(test)]
mod tests;

pub(crate) use due::{Act, Subject};

use api_s3::{
    AbortIncompleteMultipartUpload, ExpirationStatus, LifecycleExpiration, LifecycleRule,
    LifecycleRuleAndOperator, LifecycleRuleFilter, NoncurrentVersionExpiration,
    NoncurrentVersionTransition, Tag, Transition, TransitionDefaultMinimumObjectSize,
};
use kernel::{Random, Timestamp};
use serde::{Deserialize, Serialize};

use super::tags::{self, Tags};

/// All rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Lifecycle {
    rules: Vec<Rule>,
    /// Tells the sweeps of this configuration from those of the one before.
    pub run: u64,
    /// `TransitionDefaultMinimumObjectSize`, as sent; S3's default if not.
    minimum: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Rule {
    id: String,
    enabled: bool,
    filter: Filter,
    /// How the filter was written: S3 answers in the form it was asked.
    form: Form,
    expiration: Option<When>,
    /// `ExpiredObjectDeleteMarker`, if it was given.
    markers: Option<bool>,
    transitions: Vec<(When, String)>,
    noncurrent_expiration: Option<Noncurrent>,
    noncurrent_transitions: Vec<(Noncurrent, String)>,
    /// Days after which an unfinished upload is aborted.
    abort_days: Option<i32>,
}

/// Which objects; what is absent fits all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Filter {
    prefix: Option<String>,
    tags: Tags,
    /// Bytes, exclusive.
    above: Option<i64>,
    /// Bytes, exclusive.
    below: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Form {
    /// The deprecated `Prefix` of the rule itself.
    Prefix,
    /// One thing, or nothing, in `Filter`.
    Filter,
    /// Several, in `Filter`'s `And`.
    And,
}

/// A moment for current versions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum When {
    /// Days after the object's creation.
    Days(i32),
    /// Milliseconds since 1970, a midnight.
    Date(i64),
}

/// A moment for versions that are no longer current.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Noncurrent {
    days: i32,
    /// So many of the newest ones are kept whatever their age.
    keep: i32,
}

impl Lifecycle {
    /// As `GetBucketLifecycleConfiguration` shows it.
    pub fn to_api(&self) -> Vec<LifecycleRule> {
        self.rules.iter().map(Rule::to_api).collect()
    }

    /// `TransitionDefaultMinimumObjectSize`.
    pub fn minimum(&self) -> TransitionDefaultMinimumObjectSize {
        self.minimum.as_deref().unwrap_or("all_storage_classes_128K").into()
    }
}

/// The id S3 gives a rule that has none.
fn rule_id(random: &dyn Random) -> String {
    random.hex(24)
}

impl Rule {
    fn to_api(&self) -> LifecycleRule {
        let (prefix, filter) = self.filter.to_api(self.form);
        let expiration = match (self.expiration, self.markers) {
            (None, None) => None,
            (when, markers) => {
                let (date, days) = when.map_or((None, None), When::to_api);
                Some(LifecycleExpiration { date, days, expired_object_delete_marker: markers })
            }
        };
        let transitions = self.transitions.iter().map(|(when, class)| {
            let (date, days) = when.to_api();
            Transition { date, days, storage_class: Some(class.as_str().into()) }
        });
        let noncurrent =
            self.noncurrent_transitions.iter().map(|(when, class)| NoncurrentVersionTransition {
                noncurrent_days: Some(when.days),
                newer_noncurrent_versions: (when.keep > 0).then_some(when.keep),
                storage_class: Some(class.as_str().into()),
            });
        LifecycleRule {
            id: Some(self.id.clone()),
            prefix,
            filter,
            expiration,
            status: match self.enabled {
                true => ExpirationStatus::Enabled,
                false => ExpirationStatus::Disabled,
            },
            transitions: (!self.transitions.is_empty()).then(|| transitions.collect()),
            noncurrent_version_transitions: (!self.noncurrent_transitions.is_empty())
                .then(|| noncurrent.collect()),
            noncurrent_version_expiration: self.noncurrent_expiration.map(|when| {
                NoncurrentVersionExpiration {
                    noncurrent_days: Some(when.days),
                    newer_noncurrent_versions: (when.keep > 0).then_some(when.keep),
                }
            }),
            abort_incomplete_multipart_upload: self
                .abort_days
                .map(|days| AbortIncompleteMultipartUpload { days_after_initiation: Some(days) }),
        }
    }
}

impl When {
    fn to_api(self) -> (Option<Timestamp>, Option<i32>) {
        match self {
            When::Days(days) => (None, Some(days)),
            When::Date(ms) => (Some(Timestamp::from_ms(ms)), None),
        }
    }
}

impl Filter {
    fn to_api(&self, form: Form) -> (Option<String>, Option<LifecycleRuleFilter>) {
        let tag = |(key, value): &(String, String)| Tag { key: key.clone(), value: value.clone() };
        match form {
            Form::Prefix => (Some(self.prefix.clone().unwrap_or_default()), None),
            Form::Filter => {
                let filter = LifecycleRuleFilter {
                    prefix: self.prefix.clone(),
                    tag: self.tags.first().map(tag),
                    object_size_greater_than: self.above,
                    object_size_less_than: self.below,
                    and: None,
                };
                (None, Some(filter))
            }
            Form::And => {
                let and = LifecycleRuleAndOperator {
                    prefix: self.prefix.clone(),
                    tags: (!self.tags.is_empty()).then(|| tags::to_api(&self.tags)),
                    object_size_greater_than: self.above,
                    object_size_less_than: self.below,
                };
                (None, Some(LifecycleRuleFilter { and: Some(and), ..Default::default() }))
            }
        }
    }
}
