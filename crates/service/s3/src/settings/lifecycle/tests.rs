//! Lifecycle rules, read and applied.

use std::collections::BTreeMap;

use api_s3::{
    AbortIncompleteMultipartUpload, BucketLifecycleConfiguration, ExpirationStatus,
    LifecycleExpiration, LifecycleRule, LifecycleRuleAndOperator, LifecycleRuleFilter,
    NoncurrentVersionExpiration, Tag, Transition,
};
use kernel::{Fault, SeededRandom, Timestamp};

use super::{Act, Lifecycle, Subject};

const DAY: i64 = 86_400_000;
const HOUR: i64 = 3_600_000;
static NO_TAGS: BTreeMap<String, String> = BTreeMap::new();

fn rule(filter: LifecycleRuleFilter) -> LifecycleRule {
    LifecycleRule {
        id: Some("r".into()),
        filter: Some(filter),
        status: ExpirationStatus::Enabled,
        ..LifecycleRule::default()
    }
}

fn days(days: i32) -> Option<LifecycleExpiration> {
    Some(LifecycleExpiration { days: Some(days), ..LifecycleExpiration::default() })
}

fn transition(days: i32, class: &str) -> Transition {
    Transition { days: Some(days), date: None, storage_class: Some(class.into()) }
}

fn prefix(prefix: &str) -> LifecycleRuleFilter {
    LifecycleRuleFilter { prefix: Some(prefix.into()), ..LifecycleRuleFilter::default() }
}

fn lifecycle(rules: Vec<LifecycleRule>) -> Result<Lifecycle, Fault> {
    let input = BucketLifecycleConfiguration { rules };
    Lifecycle::from_api(input, None, &SeededRandom::new(7))
}

fn subject(key: &str) -> Subject<'_> {
    Subject {
        key,
        size: 200_000,
        tags: &NO_TAGS,
        storage_class: "STANDARD",
        created_ms: 10 * DAY + HOUR,
        is_marker: false,
        noncurrent: None,
        is_only: true,
    }
}

#[test]
fn configurations_are_checked() {
    let check = |change: &dyn Fn(&mut LifecycleRule), expected: &str| {
        let mut input = LifecycleRule { expiration: days(1), ..rule(prefix("")) };
        change(&mut input);
        let got = lifecycle(vec![input]).map_or_else(|f| f.to_string(), |_| "fine".into());
        assert!(got.contains(expected), "{got} lacks {expected}");
    };
    let tag = || Tag { key: "k".into(), value: "v".into() };
    check(&|_| {}, "fine");
    check(&|rule| rule.filter = None, "MalformedXML");
    check(&|rule| rule.prefix = Some(String::new()), "MalformedXML");
    check(&|rule| rule.expiration = None, "At least one action");
    check(&|rule| rule.expiration = days(0), "'Days' for Expiration action must be a positive");
    check(&|rule| rule.expiration = Some(LifecycleExpiration::default()), "MalformedXML");
    check(
        &|rule| {
            let date = Some(Timestamp::from_ms(DAY + 1));
            rule.expiration = Some(LifecycleExpiration { date, ..Default::default() });
        },
        "'Date' must be at midnight GMT",
    );
    check(&|rule| rule.id = Some("x".repeat(256)), "ID length");
    check(&|rule| rule.filter.as_mut().expect("a filter").tag = Some(tag()), "MalformedXML");
    check(
        &|rule| {
            let and = LifecycleRuleAndOperator { tags: Some(vec![tag()]), ..Default::default() };
            rule.filter = Some(LifecycleRuleFilter { and: Some(and), ..Default::default() });
        },
        "MalformedXML",
    );
    check(
        &|rule| {
            rule.filter = Some(LifecycleRuleFilter { tag: Some(tag()), ..Default::default() });
            let days_after_initiation = Some(1);
            rule.abort_incomplete_multipart_upload =
                Some(AbortIncompleteMultipartUpload { days_after_initiation });
        },
        "AbortIncompleteMultipartUpload cannot be specified with Tags",
    );
    check(&|rule| rule.transitions = Some(vec![transition(29, "STANDARD_IA")]), "equal to 30");
    check(&|rule| rule.transitions = Some(vec![transition(1, "GLACIER")]), "must be greater than");
    check(
        &|rule| {
            rule.expiration = days(90);
            rule.transitions = Some(vec![transition(1, "GLACIER"), transition(2, "GLACIER")]);
        },
        "'StorageClass' must be different",
    );
    check(
        &|rule| {
            rule.noncurrent_version_expiration = Some(NoncurrentVersionExpiration {
                noncurrent_days: Some(0),
                newer_noncurrent_versions: None,
            });
        },
        "'NoncurrentDays' for NoncurrentVersionExpiration",
    );
    let same = vec![LifecycleRule { expiration: days(1), ..rule(prefix("")) }; 2];
    let fault = lifecycle(same).expect_err("the same id twice");
    assert!(fault.message.contains("Rule ID must be unique"), "{fault}");
}

#[test]
fn the_form_of_a_filter_is_kept() {
    let filters = [
        LifecycleRuleFilter::default(),
        prefix("a/"),
        LifecycleRuleFilter {
            and: Some(LifecycleRuleAndOperator {
                prefix: Some("a/".into()),
                object_size_less_than: Some(5),
                ..Default::default()
            }),
            ..Default::default()
        },
    ];
    for filter in filters {
        let input = LifecycleRule { expiration: days(1), ..rule(filter) };
        let shown = lifecycle(vec![input.clone()]).expect("fine").to_api().remove(0);
        assert_eq!(format!("{:?}", shown.filter), format!("{:?}", input.filter));
        assert_eq!(shown.prefix, None);
    }
}

#[test]
fn current_versions_expire_at_midnight() {
    let rules = lifecycle(vec![
        LifecycleRule { expiration: days(3), ..rule(prefix("logs/")) },
        LifecycleRule { expiration: days(1), id: Some("tmp".into()), ..rule(prefix("logs/tmp")) },
    ])
    .expect("fine");
    let check = |key: &str, now_ms: i64, expected: Option<Act>| {
        assert_eq!(rules.act(&subject(key), now_ms), expected, "{key} at {now_ms}");
    };
    check("logs/a", 14 * DAY - 1, None);
    check("logs/a", 14 * DAY, Some(Act::Expire));
    check("logs/tmp", 12 * DAY, Some(Act::Expire));
    check("other", 99 * DAY, None);
    let expiry = rules.expiry(&subject("logs/tmp")).expect("an expiry");
    assert_eq!((expiry.at_ms, expiry.rule.as_str()), (12 * DAY, "tmp"));
}

#[test]
fn filters_select() {
    let tag = |key: &str| Tag { key: key.into(), value: "1".into() };
    let and = LifecycleRuleAndOperator {
        prefix: None,
        tags: Some(vec![tag("a"), tag("b")]),
        object_size_greater_than: Some(100),
        object_size_less_than: None,
    };
    let filter = LifecycleRuleFilter { and: Some(and), ..Default::default() };
    let rules = lifecycle(vec![LifecycleRule { expiration: days(1), ..rule(filter) }]).expect("ok");
    let check = |tags: &str, size: i64, expected: bool| {
        let tags: BTreeMap<String, String> =
            tags.split_whitespace().map(|tag| (tag.to_owned(), "1".to_owned())).collect();
        let subject = Subject { tags: &tags, size, ..subject("k") };
        assert_eq!(rules.act(&subject, 99 * DAY).is_some(), expected, "{tags:?} {size}");
    };
    check("a b", 101, true);
    check("a b", 100, false);
    check("a", 101, false);
}

#[test]
fn noncurrent_versions_go_but_the_newest_stay() {
    let when = NoncurrentVersionExpiration {
        noncurrent_days: Some(2),
        newer_noncurrent_versions: Some(1),
    };
    let input = LifecycleRule { noncurrent_version_expiration: Some(when), ..rule(prefix("")) };
    let rules = lifecycle(vec![input]).expect("fine");
    let check = |noncurrent: Option<(i64, usize)>, now_ms: i64, expected: Option<Act>| {
        let subject = Subject { noncurrent, is_only: false, ..subject("k") };
        assert_eq!(rules.act(&subject, now_ms), expected, "{noncurrent:?} {now_ms}");
    };
    check(None, 99 * DAY, None);
    check(Some((10 * DAY, 0)), 99 * DAY, None);
    check(Some((10 * DAY, 1)), 12 * DAY - 1, None);
    check(Some((10 * DAY, 1)), 12 * DAY, Some(Act::Remove));
}

#[test]
fn lonely_delete_markers_go() {
    let markers =
        LifecycleExpiration { expired_object_delete_marker: Some(true), ..Default::default() };
    let input = LifecycleRule { expiration: Some(markers), ..rule(prefix("")) };
    let rules = lifecycle(vec![input]).expect("fine");
    let check = |is_marker: bool, is_only: bool, expected: Option<Act>| {
        let subject = Subject { is_marker, is_only, ..subject("k") };
        assert_eq!(rules.act(&subject, 11 * DAY), expected, "{is_marker} {is_only}");
    };
    check(true, true, Some(Act::Remove));
    check(true, false, None);
    check(false, true, None);
}

#[test]
fn classes_only_go_down() {
    let transitions = Some(vec![transition(30, "STANDARD_IA"), transition(60, "GLACIER")]);
    let input = LifecycleRule { transitions, ..rule(prefix("")) };
    let rules = lifecycle(vec![input]).expect("fine");
    let check = |class: &str, size: i64, day: i64, expected: Option<&str>| {
        let subject = Subject { storage_class: class, size, ..subject("k") };
        let act = rules.act(&subject, day * DAY);
        assert_eq!(act, expected.map(|class| Act::Transition(class.into())), "{class} {day}");
    };
    check("STANDARD", 200_000, 40, None);
    check("STANDARD", 200_000, 41, Some("STANDARD_IA"));
    check("STANDARD_IA", 200_000, 50, None);
    check("STANDARD", 200_000, 71, Some("GLACIER"));
    check("DEEP_ARCHIVE", 200_000, 99, None);
    check("STANDARD", 1000, 99, None);
}

#[test]
fn unfinished_uploads_are_aborted() {
    let days_after_initiation = Some(7);
    let abort = Some(AbortIncompleteMultipartUpload { days_after_initiation });
    let input = LifecycleRule { abort_incomplete_multipart_upload: abort, ..rule(prefix("u/")) };
    let rules = lifecycle(vec![input]).expect("fine");
    assert_eq!(rules.abort("u/x", HOUR).map(|expiry| expiry.at_ms), Some(8 * DAY));
    assert_eq!(rules.abort("v/x", HOUR), None);
}
