//! What a bucket's rules mean for one version of an object, and when.
//!
//! S3 counts whole days: creation plus days, rounded up to the next midnight UTC.

use std::collections::BTreeMap;

use super::{Filter, Lifecycle, Noncurrent, Rule, When};

const DAY_MS: i64 = 86_400_000;
/// Smaller objects change their class only if the filter names a size.
const TRANSITION_BYTES_MIN: i64 = 128 * 1024;

/// One version of an object, as rules look at it.
#[derive(Debug, Clone)]
pub(crate) struct Subject<'a> {
    pub key: &'a str,
    /// Bytes.
    pub size: i64,
    pub tags: &'a BTreeMap<String, String>,
    pub storage_class: &'a str,
    /// Creation of this version, milliseconds since 1970.
    pub created_ms: i64,
    pub is_marker: bool,
    /// Set for versions that are not current: since when, and how many noncurrent ones are newer.
    pub noncurrent: Option<(i64, usize)>,
    /// There is no other version of this key.
    pub is_only: bool,
}

/// What is to be done with a version now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Act {
    /// Delete the object, as a `DeleteObject` without version would.
    Expire,
    /// Remove this very version (or delete marker) for good.
    Remove,
    /// Give it this storage class.
    Transition(String),
}

/// When an object will go, and by which rule: the `x-amz-expiration` header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expiry {
    /// Milliseconds since 1970.
    pub at_ms: i64,
    pub rule: String,
}

impl Lifecycle {
    /// What is due at `now_ms`. Removal wins over a change of class, as with S3.
    pub fn act(&self, subject: &Subject<'_>, now_ms: i64) -> Option<Act> {
        let rules = || self.fitting(subject);
        match subject.noncurrent {
            Some((since_ms, newer)) => {
                let due = |when: &Noncurrent| {
                    newer >= when.keep as usize && days_after(since_ms, when.days) <= now_ms
                };
                if rules().any(|rule| rule.noncurrent_expiration.as_ref().is_some_and(due)) {
                    return Some(Act::Remove);
                }
                let classes = rules().flat_map(|rule| {
                    rule.noncurrent_transitions
                        .iter()
                        .filter(|(when, _)| self.transits(subject, rule) && due(when))
                        .map(|(when, class)| (days_after(since_ms, when.days), class))
                });
                transition(subject, classes)
            }
            None if subject.is_marker => {
                let due = |rule: &Rule| {
                    rule.markers == Some(true)
                        || rule.expiration.is_some_and(|when| when.at_ms(subject) <= now_ms)
                };
                (subject.is_only && rules().any(due)).then_some(Act::Remove)
            }
            None => {
                if self.expiry(subject).is_some_and(|expiry| expiry.at_ms <= now_ms) {
                    return Some(Act::Expire);
                }
                let classes = rules().flat_map(|rule| {
                    rule.transitions
                        .iter()
                        .filter(|_| self.transits(subject, rule))
                        .map(|(when, class)| (when.at_ms(subject), class))
                });
                transition(subject, classes.filter(|(at_ms, _)| *at_ms <= now_ms))
            }
        }
    }

    /// When a current version will expire: the earliest rule decides.
    pub fn expiry(&self, subject: &Subject<'_>) -> Option<Expiry> {
        if subject.is_marker || subject.noncurrent.is_some() {
            return None;
        }
        let expiries = self.fitting(subject).filter_map(|rule| {
            let at_ms = rule.expiration?.at_ms(subject);
            Some(Expiry { at_ms, rule: rule.id.clone() })
        });
        expiries.min_by_key(|expiry| expiry.at_ms)
    }

    /// When an upload begun at `begun_ms` is aborted, and by which rule.
    pub fn abort(&self, key: &str, begun_ms: i64) -> Option<Expiry> {
        let fits = |rule: &&Rule| rule.enabled && rule.filter.fits_key(key);
        let aborts = self.rules.iter().filter(fits).filter_map(|rule| {
            let at_ms = days_after(begun_ms, rule.abort_days?);
            Some(Expiry { at_ms, rule: rule.id.clone() })
        });
        aborts.min_by_key(|expiry| expiry.at_ms)
    }

    fn fitting<'a>(&'a self, subject: &'a Subject<'_>) -> impl Iterator<Item = &'a Rule> {
        self.rules.iter().filter(|rule| rule.enabled && rule.filter.fits(subject))
    }

    /// Small objects stay where they are, unless the rule or the bucket says otherwise.
    fn transits(&self, subject: &Subject<'_>, rule: &Rule) -> bool {
        let sized = rule.filter.above.is_some() || rule.filter.below.is_some();
        let varies = self.minimum.as_deref() == Some("varies_by_storage_class");
        !subject.is_marker && (subject.size >= TRANSITION_BYTES_MIN || sized || varies)
    }
}

/// The latest class that is due, unless the object already has it or went further down.
fn transition<'a>(
    subject: &Subject<'_>,
    classes: impl Iterator<Item = (i64, &'a String)>,
) -> Option<Act> {
    let (_, class) = classes.max_by_key(|(at_ms, class)| (*at_ms, depth(class)))?;
    (depth(class) > depth(subject.storage_class)).then(|| Act::Transition(class.clone()))
}

/// S3's waterfall: transitions only go down.
fn depth(class: &str) -> usize {
    const CLASSES: [&str; 6] = [
        "STANDARD_IA",
        "INTELLIGENT_TIERING",
        "ONEZONE_IA",
        "GLACIER_IR",
        "GLACIER",
        "DEEP_ARCHIVE",
    ];
    CLASSES.iter().position(|known| *known == class).map_or(0, |at| at + 1)
}

impl When {
    fn at_ms(self, subject: &Subject<'_>) -> i64 {
        match self {
            When::Days(days) => days_after(subject.created_ms, days),
            When::Date(ms) => ms,
        }
    }
}

/// The midnight at or after `from_ms` plus so many days.
fn days_after(from_ms: i64, days: i32) -> i64 {
    let exact = from_ms.saturating_add(i64::from(days).saturating_mul(DAY_MS));
    exact.saturating_add(DAY_MS - 1).div_euclid(DAY_MS).saturating_mul(DAY_MS)
}

impl Filter {
    fn fits_key(&self, key: &str) -> bool {
        self.prefix.as_ref().is_none_or(|prefix| key.starts_with(prefix.as_str()))
    }

    fn fits(&self, subject: &Subject<'_>) -> bool {
        // A delete marker has neither size nor tags, so only rules without such filters mean it.
        let plain = self.tags.is_empty() && self.above.is_none() && self.below.is_none();
        self.fits_key(subject.key)
            && (plain || !subject.is_marker)
            && self.tags.iter().all(|(key, value)| subject.tags.get(key) == Some(value))
            && self.above.is_none_or(|above| subject.size > above)
            && self.below.is_none_or(|below| subject.size < below)
    }
}
