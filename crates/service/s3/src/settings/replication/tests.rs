//! Configurations that are refused, and which rules send what where.

use std::collections::BTreeMap;

use api_s3::{
    DeleteMarkerReplication, DeleteMarkerReplicationStatus, Destination, EncryptionConfiguration,
    Metrics, MetricsStatus, ReplicationConfiguration, ReplicationRule, ReplicationRuleAndOperator,
    ReplicationRuleFilter, ReplicationRuleStatus, SourceSelectionCriteria, SseKmsEncryptedObjects,
    SseKmsEncryptedObjectsStatus, Tag,
};
use kernel::SeededRandom;

use super::{Replication, Subject};

const ROLE: &str = "arn:aws:iam::111122223333:role/copies";

/// A rule of the second schema.
fn rule(id: &str, priority: i32, to: &str) -> ReplicationRule {
    ReplicationRule {
        id: Some(id.into()),
        priority: Some(priority),
        filter: Some(ReplicationRuleFilter::default()),
        status: ReplicationRuleStatus::Enabled,
        destination: Destination { bucket: format!("arn:aws:s3:::{to}"), ..Destination::default() },
        delete_marker_replication: markers(false),
        ..ReplicationRule::default()
    }
}

fn first(prefix: &str, to: &str) -> ReplicationRule {
    ReplicationRule {
        prefix: Some(prefix.into()),
        priority: None,
        filter: None,
        delete_marker_replication: None,
        ..rule(prefix, 0, to)
    }
}

fn markers(on: bool) -> Option<DeleteMarkerReplication> {
    let status = Some(match on {
        true => DeleteMarkerReplicationStatus::Enabled,
        false => DeleteMarkerReplicationStatus::Disabled,
    });
    Some(DeleteMarkerReplication { status })
}

fn tagged(prefix: Option<&str>, tags: &[(&str, &str)]) -> Option<ReplicationRuleFilter> {
    let tag = |(key, value): &(&str, &str)| Tag { key: (*key).into(), value: (*value).into() };
    let (prefix, tags) = (prefix.map(str::to_owned), Some(tags.iter().map(tag).collect()));
    let and = Some(ReplicationRuleAndOperator { prefix, tags });
    Some(ReplicationRuleFilter { and, ..ReplicationRuleFilter::default() })
}

fn read(role: &str, rules: Vec<ReplicationRule>) -> Result<Replication, String> {
    let input = ReplicationConfiguration { role: role.into(), rules };
    Replication::from_api(input, &SeededRandom::new(1)).map_err(|fault| fault.to_string())
}

#[test]
fn what_is_refused() {
    let check = |change: &dyn Fn(&mut ReplicationRule), expected: &str| {
        let mut rules = vec![rule("a", 1, "there"), rule("b", 2, "elsewhere")];
        change(&mut rules[1]);
        let got = read(ROLE, rules).map_or_else(|text| text, |_| "accepted".to_owned());
        assert!(got.contains(expected), "{got} lacks {expected}");
    };
    check(&|_| {}, "accepted");
    check(&|it| it.id = Some("a".into()), "Found same Id");
    check(&|it| it.id = Some("x".repeat(256)), "255");
    check(&|it| it.priority = Some(1), "Found same priority");
    check(&|it| it.priority = None, "Priority must be specified for this version");
    check(&|it| it.priority = Some(-1), "MalformedXML");
    check(&|it| it.delete_marker_replication = None, "DeleteMarkerReplication must be specified");
    check(&|it| it.prefix = Some("both".into()), "MalformedXML");
    check(&|it| it.destination.bucket = "name".into(), "Invalid bucket ARN");
    check(&|it| *it = first("p", "there"), "Filter must be specified");
    check(&|it| it.filter = tagged(None, &[("a", "b")]), "MalformedXML");
    check(&|it| it.filter = tagged(Some("p"), &[]), "MalformedXML");
    check(
        &|it| {
            it.filter = tagged(Some("p"), &[("a", "b")]);
            it.delete_marker_replication = markers(true);
        },
        "not supported if any Tag filter",
    );
    let status = MetricsStatus::Enabled;
    check(
        &|it| {
            it.destination.metrics = Some(Metrics { status: status.clone(), event_threshold: None })
        },
        "Metrics",
    );
    let key = || Some(EncryptionConfiguration { replica_kms_key_id: Some("arn".into()) });
    check(
        &|it| it.destination.encryption_configuration = key(),
        "SseKmsEncryptedObjects must be specified",
    );
    let status = SseKmsEncryptedObjectsStatus::Enabled;
    let criteria = SourceSelectionCriteria {
        sse_kms_encrypted_objects: Some(SseKmsEncryptedObjects { status }),
        replica_modifications: None,
    };
    check(
        &|it| it.source_selection_criteria = Some(criteria.clone()),
        "ReplicaKmsKeyID must be specified",
    );
    for role in ["", "copies", "arn:aws:iam::111122223333:user/copies"] {
        assert!(read(role, vec![rule("a", 1, "there")]).is_err(), "{role}");
    }
    assert!(read(ROLE, Vec::new()).is_err());
    let overlap = read(ROLE, vec![first("a", "there"), first("ab", "there")]);
    assert!(overlap.is_err_and(|text| text.contains("overlapping prefixes 'a' and 'ab'")));
    let two = read(ROLE, vec![first("a", "there"), first("b", "elsewhere")]);
    assert!(two.is_err_and(|text| text.contains("cannot exceed 1")));
}

#[test]
fn the_way_of_an_object() {
    let mut rules = vec![rule("all", 1, "there"), rule("red", 2, "there"), rule("b", 3, "else")];
    rules[1].filter = tagged(Some("p/"), &[("color", "red")]);
    rules[2].delete_marker_replication = markers(true);
    let replication = read(ROLE, rules).expect("it is right");
    let check = |key: &str, tags: &[(&str, &str)], is_marker: bool, expected: &str| {
        let tags: BTreeMap<String, String> =
            tags.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
        let subject = Subject { key, tags: &tags, is_marker, is_kms: false, is_replica: false };
        let ways = replication.ways(&subject);
        let ids: Vec<&str> = ways.iter().map(|rule| rule.id.as_str()).collect();
        assert_eq!(ids.join(" "), expected, "{key}");
        // What is under a key of KMS, or a replica, goes nowhere unless a rule says so.
        for (is_kms, is_replica) in [(true, false), (false, true)] {
            let subject = Subject { is_kms, is_replica, ..Subject { ..subject } };
            assert_eq!(replication.ways(&subject).len(), 0);
        }
    };
    check("k", &[], false, "b all");
    check("k", &[("color", "red")], false, "b all");
    check("p/k", &[("color", "red"), ("x", "y")], false, "b red");
    check("p/k", &[("color", "blue")], false, "b all");
    check("k", &[], true, "b");
    let shown = replication.to_api();
    assert_eq!(read(ROLE, shown.rules), Ok(replication));
}

#[test]
fn the_first_schema_copies_delete_markers() {
    let replication = read(ROLE, vec![first("p/", "there")]).expect("it is right");
    let tags = BTreeMap::new();
    for (key, expected) in [("p/k", 1), ("k", 0)] {
        let subject =
            Subject { key, tags: &tags, is_marker: true, is_kms: false, is_replica: false };
        assert_eq!(replication.ways(&subject).len(), expected, "{key}");
    }
    assert_eq!(replication.onward("p/k", "there").map(|it| it.id.as_str()), Some("p/"));
    assert_eq!(replication.onward("p/k", "elsewhere"), None);
}
