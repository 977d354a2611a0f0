//! Reading and refusing lifecycle configurations, with S3's texts.

use std::collections::BTreeSet;

use api_s3::{
    BucketLifecycleConfiguration, ExpirationStatus, LifecycleRule, LifecycleRuleFilter,
    NoncurrentVersionExpiration, NoncurrentVersionTransition, Transition,
    TransitionDefaultMinimumObjectSize, TransitionStorageClass,
};
use kernel::{Fault, Random};

use super::super::refusal::{invalid_argument, invalid_request, malformed_xml};
use super::super::tags;
use super::{Filter, Form, Lifecycle, Noncurrent, Rule, When, rule_id};

/// S3's limit.
const RULES_MAX: usize = 1000;
const ID_CHARS_MAX: usize = 255;
const PREFIX_BYTES_MAX: usize = 1024;
const KEEP_MAX: i32 = 100;
const DAY_MS: i64 = 86_400_000;

impl Lifecycle {
    /// Checks a configuration; rules without an id are given one.
    pub fn from_api(
        input: BucketLifecycleConfiguration,
        minimum: Option<TransitionDefaultMinimumObjectSize>,
        random: &dyn Random,
    ) -> Result<Self, Fault> {
        if input.rules.is_empty() || input.rules.len() > RULES_MAX {
            return Err(malformed_xml());
        }
        let mut ids = BTreeSet::new();
        let mut rules = Vec::with_capacity(input.rules.len());
        for rule in input.rules {
            let rule = Rule::from_api(rule, random)?;
            if !ids.insert(rule.id.clone()) {
                return Err(invalid_argument(
                    "Rule ID must be unique. Found same ID for more than one rule",
                ));
            }
            rules.push(rule);
        }
        Ok(Self {
            rules,
            run: random.u64(),
            minimum: minimum.map(|minimum| minimum.as_str().to_owned()),
        })
    }
}

impl Rule {
    fn from_api(input: LifecycleRule, random: &dyn Random) -> Result<Self, Fault> {
        let id = match input.id.filter(|id| !id.is_empty()) {
            Some(id) if id.chars().count() > ID_CHARS_MAX => {
                return Err(invalid_argument("ID length should not exceed allowed limit of 255"));
            }
            Some(id) => id,
            None => rule_id(random),
        };
        let (filter, form) = match (input.prefix, input.filter) {
            (Some(_), Some(_)) | (None, None) => return Err(malformed_xml()),
            (Some(prefix), None) => {
                (Filter { prefix: Some(prefix), ..Filter::default() }, Form::Prefix)
            }
            (None, Some(filter)) => Filter::from_api(filter)?,
        };
        filter.check()?;
        let (expiration, markers) = match input.expiration {
            None => (None, None),
            Some(input) => match (input.days, input.date, input.expired_object_delete_marker) {
                (Some(days), None, None) if days > 0 => (Some(When::Days(days)), None),
                (Some(_), None, None) => return Err(not_positive("Days", "Expiration")),
                (None, Some(date), None) => (Some(midnight(date.epoch_ms)?), None),
                (None, None, Some(markers)) => (None, Some(markers)),
                _ => return Err(malformed_xml()),
            },
        };
        let abort_days = match input.abort_incomplete_multipart_upload {
            None => None,
            Some(input) => match input.days_after_initiation {
                None => return Err(malformed_xml()),
                Some(days) if days > 0 => Some(days),
                Some(_) => {
                    let action = "AbortIncompleteMultipartUpload";
                    return Err(not_positive("DaysAfterInitiation", action));
                }
            },
        };
        let rule = Self {
            id,
            enabled: input.status == ExpirationStatus::Enabled,
            filter,
            form,
            expiration,
            markers,
            transitions: transitions(input.transitions.unwrap_or_default())?,
            noncurrent_expiration: input
                .noncurrent_version_expiration
                .map(noncurrent_expiration)
                .transpose()?,
            noncurrent_transitions: input
                .noncurrent_version_transitions
                .unwrap_or_default()
                .into_iter()
                .map(noncurrent_transition)
                .collect::<Result<_, _>>()?,
            abort_days,
        };
        rule.check()?;
        Ok(rule)
    }

    /// What the actions of a rule ask of each other and of its filter.
    fn check(&self) -> Result<(), Fault> {
        let acts = self.expiration.is_some()
            || self.markers.is_some()
            || !self.transitions.is_empty()
            || self.noncurrent_expiration.is_some()
            || !self.noncurrent_transitions.is_empty()
            || self.abort_days.is_some();
        if !acts {
            return Err(invalid_request("At least one action needs to be specified in a rule"));
        }
        let selective = !self.filter.tags.is_empty()
            || self.filter.above.is_some()
            || self.filter.below.is_some();
        if self.abort_days.is_some() && !self.filter.tags.is_empty() {
            let text = "AbortIncompleteMultipartUpload cannot be specified with Tags.";
            return Err(invalid_request(text));
        }
        if self.abort_days.is_some() && selective {
            let text = "AbortIncompleteMultipartUpload cannot be specified with Object Size.";
            return Err(invalid_request(text));
        }
        if self.markers.is_some() && !self.filter.tags.is_empty() {
            let text = "ExpiredObjectDeleteMarker cannot be specified with Tags.";
            return Err(invalid_request(text));
        }
        let shown = format!("'(prefix={})'", self.filter.prefix.as_deref().unwrap_or_default());
        let moments = self.expiration.iter().chain(self.transitions.iter().map(|(when, _)| when));
        let dated = moments.clone().filter(|when| matches!(when, When::Date(_))).count();
        if dated > 0 && dated < moments.count() {
            return Err(invalid_request(format!(
                "Found mixed 'Date' and 'Days' based Expiration and Transition actions in \
                 lifecycle rule for filter {shown}"
            )));
        }
        for (when, _) in &self.transitions {
            let late = match (when, self.expiration) {
                (When::Days(days), Some(When::Days(end))) => *days >= end,
                (When::Date(at), Some(When::Date(end))) => *at >= end,
                _ => false,
            };
            if late {
                return Err(invalid_argument(format!(
                    "'Days' in the Expiration action for filter {shown} must be greater than \
                     'Days' in the Transition action"
                )));
            }
        }
        distinct(self.transitions.iter().map(|(_, class)| class), "Transition", &shown)?;
        let noncurrent = self.noncurrent_transitions.iter().map(|(_, class)| class);
        distinct(noncurrent, "NoncurrentVersionTransition", &shown)
    }
}

fn distinct<'a>(
    classes: impl Iterator<Item = &'a String>,
    action: &str,
    shown: &str,
) -> Result<(), Fault> {
    let mut seen = BTreeSet::new();
    for class in classes {
        if !seen.insert(class) {
            return Err(invalid_request(format!(
                "'StorageClass' must be different for '{action}' actions in same 'Rule' with \
                 filter {shown}"
            )));
        }
    }
    Ok(())
}

impl Filter {
    fn from_api(input: LifecycleRuleFilter) -> Result<(Self, Form), Fault> {
        let direct = usize::from(input.prefix.is_some())
            + usize::from(input.tag.is_some())
            + usize::from(input.object_size_greater_than.is_some())
            + usize::from(input.object_size_less_than.is_some());
        let Some(and) = input.and else {
            if direct > 1 {
                return Err(malformed_xml());
            }
            let filter = Self {
                prefix: input.prefix,
                tags: tags::of_object(input.tag.into_iter().collect())?,
                above: input.object_size_greater_than,
                below: input.object_size_less_than,
            };
            return Ok((filter, Form::Filter));
        };
        let tags = tags::of_object(and.tags.unwrap_or_default())?;
        let filter = Self {
            prefix: and.prefix,
            tags,
            above: and.object_size_greater_than,
            below: and.object_size_less_than,
        };
        let predicates = usize::from(filter.prefix.is_some())
            + filter.tags.len()
            + usize::from(filter.above.is_some())
            + usize::from(filter.below.is_some());
        match direct == 0 && predicates > 1 {
            true => Ok((filter, Form::And)),
            false => Err(malformed_xml()),
        }
    }

    fn check(&self) -> Result<(), Fault> {
        if self.prefix.as_ref().is_some_and(|prefix| prefix.len() > PREFIX_BYTES_MAX) {
            return Err(invalid_request("The maximum size of a prefix is 1024."));
        }
        let negative = |size: Option<i64>| size.is_some_and(|size| size < 0);
        if negative(self.above) || negative(self.below) {
            return Err(invalid_request("The object size filter must not be negative"));
        }
        match (self.above, self.below) {
            (Some(above), Some(below)) if below <= above => Err(invalid_request(
                "'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'.",
            )),
            _ => Ok(()),
        }
    }
}

fn not_positive(what: &str, action: &str) -> Fault {
    invalid_argument(format!("'{what}' for {action} action must be a positive integer"))
}

fn midnight(epoch_ms: i64) -> Result<When, Fault> {
    match epoch_ms.rem_euclid(DAY_MS) {
        0 => Ok(When::Date(epoch_ms)),
        _ => Err(invalid_argument("'Date' must be at midnight GMT")),
    }
}

/// The two classes that take nothing younger than a month.
fn min_days(class: &TransitionStorageClass) -> i32 {
    match class {
        TransitionStorageClass::StandardIa | TransitionStorageClass::OnezoneIa => 30,
        _ => 0,
    }
}

fn transitions(input: Vec<Transition>) -> Result<Vec<(When, String)>, Fault> {
    let one = |input: Transition| {
        let class = input.storage_class.ok_or_else(malformed_xml)?;
        let when = match (input.days, input.date) {
            (Some(days), None) if days < 0 => {
                return Err(invalid_argument("'Days' for Transition action must be nonnegative"));
            }
            (Some(days), None) if days < min_days(&class) => {
                return Err(invalid_argument(format!(
                    "'Days' in Transition action must be greater than or equal to 30 for \
                     storageClass '{}'",
                    class.as_str()
                )));
            }
            (Some(days), None) => When::Days(days),
            (None, Some(date)) => midnight(date.epoch_ms)?,
            _ => return Err(malformed_xml()),
        };
        Ok((when, class.as_str().to_owned()))
    };
    input.into_iter().map(one).collect()
}

fn noncurrent_expiration(input: NoncurrentVersionExpiration) -> Result<Noncurrent, Fault> {
    let action = "NoncurrentVersionExpiration";
    match input.noncurrent_days {
        None => Err(malformed_xml()),
        Some(days) if days <= 0 => Err(not_positive("NoncurrentDays", action)),
        Some(days) => Ok(Noncurrent { days, keep: keep(input.newer_noncurrent_versions)? }),
    }
}

fn noncurrent_transition(
    input: NoncurrentVersionTransition,
) -> Result<(Noncurrent, String), Fault> {
    let class = input.storage_class.ok_or_else(malformed_xml)?;
    let days = input.noncurrent_days.ok_or_else(malformed_xml)?;
    if days < 0 {
        let text = "'NoncurrentDays' for NoncurrentVersionTransition action must be nonnegative";
        return Err(invalid_argument(text));
    }
    if days < min_days(&class) {
        return Err(invalid_argument(format!(
            "'NoncurrentDays' in NoncurrentVersionTransition action must be greater than or equal \
             to 30 for storageClass '{}'",
            class.as_str()
        )));
    }
    let when = Noncurrent { days, keep: keep(input.newer_noncurrent_versions)? };
    Ok((when, class.as_str().to_owned()))
}

fn keep(newer: Option<i32>) -> Result<i32, Fault> {
    match newer {
        None => Ok(0),
        Some(newer) if (1..=KEEP_MAX).contains(&newer) => Ok(newer),
        Some(_) => Err(invalid_argument(
            "'NewerNoncurrentVersions' must be a positive integer not greater than 100",
        )),
    }
}
