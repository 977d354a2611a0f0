//! Object lock: a bucket's default, what an object's retention and legal hold forbid.

use api_s3::{
    DefaultRetention, ObjectLockConfiguration, ObjectLockEnabled, ObjectLockRetention,
    ObjectLockRetentionMode, ObjectLockRule,
};
use kernel::{Fault, Timestamp};
use serde::{Deserialize, Serialize};

use super::refusal::{access_denied, invalid_argument, malformed_xml};

const DAY_MS: i64 = 86_400_000;
/// S3's limits: a hundred years.
const DAYS_MAX: i32 = 36_500;
const YEARS_MAX: i32 = 100;

/// How a lock is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Mode {
    /// Who may bypass it and says so, may.
    Governance,
    /// Nobody may.
    Compliance,
}

/// A bucket's default retention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DefaultLength {
    pub mode: Mode,
    days: Option<i32>,
    years: Option<i32>,
}

/// A bucket's object lock.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BucketLock {
    default: Option<DefaultLength>,
}

/// A version's retention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Retention {
    pub mode: Mode,
    /// Milliseconds since 1970.
    pub until_ms: i64,
}

impl Mode {
    /// Reads a mode.
    pub fn from_api(mode: &ObjectLockRetentionMode) -> Result<Self, Fault> {
        match mode {
            ObjectLockRetentionMode::Governance => Ok(Self::Governance),
            ObjectLockRetentionMode::Compliance => Ok(Self::Compliance),
            ObjectLockRetentionMode::Unknown(_) => Err(malformed_xml()),
        }
    }

    /// As the API shows it.
    pub fn to_api(self) -> ObjectLockRetentionMode {
        match self {
            Self::Governance => ObjectLockRetentionMode::Governance,
            Self::Compliance => ObjectLockRetentionMode::Compliance,
        }
    }
}

impl BucketLock {
    /// Checks a configuration.
    pub fn from_api(input: ObjectLockConfiguration) -> Result<Self, Fault> {
        if input.object_lock_enabled != Some(ObjectLockEnabled::Enabled) {
            return Err(malformed_xml());
        }
        let Some(rule) = input.rule else { return Ok(Self::default()) };
        let retention = rule.default_retention.ok_or_else(malformed_xml)?;
        let mode = Mode::from_api(&retention.mode.ok_or_else(malformed_xml)?)?;
        let (days, years) = (retention.days, retention.years);
        if days.is_some() == years.is_some() {
            return Err(malformed_xml());
        }
        if days.or(years).is_some_and(|length| length <= 0) {
            let text = "Default retention period must be a positive integer value.";
            return Err(invalid_argument(text));
        }
        if days.is_some_and(|days| days > DAYS_MAX) || years.is_some_and(|years| years > YEARS_MAX)
        {
            let text = "Default retention period too long; it can be at most 36500 days or 100 \
                        years.";
            return Err(invalid_argument(text));
        }
        Ok(Self { default: Some(DefaultLength { mode, days, years }) })
    }

    /// As `GetObjectLockConfiguration` shows it.
    pub fn to_api(&self) -> ObjectLockConfiguration {
        let retention = |default: DefaultLength| DefaultRetention {
            mode: Some(default.mode.to_api()),
            days: default.days,
            years: default.years,
            ..DefaultRetention::default()
        };
        let rule = |default| ObjectLockRule { default_retention: Some(retention(default)) };
        ObjectLockConfiguration {
            object_lock_enabled: Some(ObjectLockEnabled::Enabled),
            rule: self.default.map(rule),
        }
    }

    /// The retention of an object that is written now and brings none.
    pub fn default_retention(&self, now: Timestamp) -> Option<Retention> {
        let default = self.default?;
        let days = i64::from(default.days.unwrap_or(0))
            .saturating_add(i64::from(default.years.unwrap_or(0)) * 365);
        let until_ms = now.epoch_ms.saturating_add(days.saturating_mul(DAY_MS));
        Some(Retention { mode: default.mode, until_ms })
    }
}

impl Retention {
    /// Reads what a request wants an object's retention to be.
    pub fn new(
        mode: &ObjectLockRetentionMode,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<Self, Fault> {
        let mode = Mode::from_api(mode)?;
        if until.epoch_ms <= now.epoch_ms {
            return Err(invalid_argument("The retain until date must be in the future!"));
        }
        Ok(Self { mode, until_ms: until.epoch_ms })
    }

    /// As `GetObjectRetention` shows it.
    pub fn to_api(self) -> ObjectLockRetention {
        ObjectLockRetention {
            mode: Some(self.mode.to_api()),
            retain_until_date: Some(Timestamp::from_ms(self.until_ms)),
            ..ObjectLockRetention::default()
        }
    }

    fn holds(self, now: Timestamp, bypass: bool) -> bool {
        self.until_ms > now.epoch_ms && !(self.mode == Mode::Governance && bypass)
    }
}

/// Whether a version may be removed for good. `bypass`: the request asks to bypass governance, and
/// its sender may.
pub(crate) fn check_removal(
    retention: Option<Retention>,
    legal_hold: bool,
    bypass: bool,
    now: Timestamp,
) -> Result<(), Fault> {
    match legal_hold || retention.is_some_and(|retention| retention.holds(now, bypass)) {
        true => Err(locked()),
        false => Ok(()),
    }
}

/// Whether a version's retention may become another one: longer and stricter always, anything
/// else only when the old one no longer holds or is bypassed.
pub(crate) fn check_change(
    old: Option<Retention>,
    new: Option<Retention>,
    bypass: bool,
    now: Timestamp,
) -> Result<(), Fault> {
    let Some(old) = old.filter(|old| old.holds(now, bypass)) else { return Ok(()) };
    let stricter = new.is_some_and(|new| {
        new.until_ms >= old.until_ms
            && (new.mode == old.mode
                || old.mode == Mode::Governance && new.mode == Mode::Compliance)
    });
    if stricter { Ok(()) } else { Err(locked()) }
}

fn locked() -> Fault {
    access_denied("Access Denied because object protected by object lock.")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp { epoch_ms: 1_000 };

    fn retention(mode: Mode, until_ms: i64) -> Option<Retention> {
        Some(Retention { mode, until_ms })
    }

    #[test]
    fn locks_hold() {
        let check = |retention: Option<Retention>, hold: bool, bypass: bool, allowed: bool| {
            let got = check_removal(retention, hold, bypass, NOW).is_ok();
            assert_eq!(got, allowed, "{retention:?} {hold} {bypass}");
        };
        check(None, false, false, true);
        check(None, true, true, false);
        check(retention(Mode::Governance, 2_000), false, false, false);
        check(retention(Mode::Governance, 2_000), false, true, true);
        check(retention(Mode::Governance, 2_000), true, true, false);
        check(retention(Mode::Compliance, 2_000), false, true, false);
        check(retention(Mode::Compliance, 1_000), false, false, true);
    }

    #[test]
    fn retentions_only_tighten() {
        use Mode::{Compliance as C, Governance as G};
        let check = |old: (Mode, i64), new: Option<(Mode, i64)>, bypass: bool, allowed: bool| {
            let new = new.and_then(|(mode, until)| retention(mode, until));
            let got = check_change(retention(old.0, old.1), new, bypass, NOW).is_ok();
            assert_eq!(got, allowed, "{old:?} {new:?} {bypass}");
        };
        check((G, 2_000), Some((G, 3_000)), false, true);
        check((G, 2_000), Some((C, 2_000)), false, true);
        check((G, 2_000), Some((G, 1_500)), false, false);
        check((G, 2_000), Some((G, 1_500)), true, true);
        check((G, 2_000), None, false, false);
        check((G, 2_000), None, true, true);
        check((C, 2_000), Some((G, 9_000)), true, false);
        check((C, 2_000), Some((C, 1_999)), true, false);
        check((C, 2_000), Some((C, 2_001)), false, true);
        check((C, 900), None, false, true);
    }

    #[test]
    fn configurations_are_checked() {
        let check = |mode: &str, days: Option<i32>, years: Option<i32>, expected: &str| {
            let default_retention = Some(DefaultRetention {
                mode: Some(mode.into()),
                days,
                years,
                ..Default::default()
            });
            let input = ObjectLockConfiguration {
                object_lock_enabled: Some("Enabled".into()),
                rule: Some(ObjectLockRule { default_retention }),
            };
            let got = BucketLock::from_api(input).map_or_else(
                |fault| fault.to_string(),
                |lock| {
                    let until = lock.default_retention(NOW).map(|r| (r.until_ms - 1000) / DAY_MS);
                    until.map_or_else(String::new, |days| format!("{days} days"))
                },
            );
            assert!(got.contains(expected), "{got} lacks {expected}");
        };
        check("GOVERNANCE", Some(3), None, "3 days");
        check("COMPLIANCE", None, Some(2), "730 days");
        check("COMPLIANCE", Some(1), Some(2), "MalformedXML");
        check("COMPLIANCE", None, None, "MalformedXML");
        check("LOOSE", Some(1), None, "MalformedXML");
        check("GOVERNANCE", Some(0), None, "positive integer");
        check("GOVERNANCE", Some(36_501), None, "too long");
        assert!(BucketLock::from_api(ObjectLockConfiguration::default()).is_err());
    }
}
