//! Notifications, read and written.

use api_s3::{
    FilterRule, NotificationConfiguration, NotificationConfigurationFilter, QueueConfiguration,
    S3KeyFilter,
};
use kernel::{SeededRandom, Timestamp};

use super::{Happening, Notifications, records, test_event};

const QUEUE: &str = "arn:aws:sqs:us-east-1:000000000000:q";

fn queue(arn: &str, events: &str, rules: &[(&str, &str)]) -> QueueConfiguration {
    let rule = |(name, value): &(&str, &str)| FilterRule {
        name: Some((*name).to_owned()),
        value: Some((*value).to_owned()),
    };
    let filter_rules = Some(rules.iter().map(rule).collect());
    QueueConfiguration {
        id: None,
        queue_arn: arn.into(),
        events: events.split_whitespace().map(Into::into).collect(),
        filter: (!rules.is_empty())
            .then_some(NotificationConfigurationFilter { key: Some(S3KeyFilter { filter_rules }) }),
    }
}

fn read(queues: Vec<QueueConfiguration>) -> Result<Notifications, kernel::Fault> {
    let queue_configurations = Some(queues);
    let input = NotificationConfiguration { queue_configurations, ..Default::default() };
    Notifications::from_api(input, &SeededRandom::new(1))
}

#[test]
fn configurations_are_checked() {
    let check = |queues: Vec<QueueConfiguration>, expected: &str| {
        let got = read(queues).map_or_else(|fault| fault.to_string(), |_| "fine".into());
        assert!(got.contains(expected), "{got} lacks {expected}");
    };
    const PUT: &str = "s3:ObjectCreated:Put";
    const ANY: &str = "s3:ObjectCreated:*";
    check(vec![], "fine");
    check(vec![queue(QUEUE, PUT, &[("prefix", "a"), ("Suffix", "b")])], "fine");
    check(vec![queue("nonsense", PUT, &[])], "The ARN could not be parsed");
    check(vec![queue("arn:aws:sns:us-east-1:0:t", PUT, &[])], "Unable to validate");
    check(vec![queue("arn:aws:sqs:us-east-1:0:q.fifo", PUT, &[])], "Unable to validate");
    check(vec![queue(QUEUE, "s3:Nothing", &[])], "The event is not supported");
    check(vec![queue(QUEUE, "", &[])], "MalformedXML");
    check(vec![queue(QUEUE, PUT, &[("infix", "a")])], "must be either prefix or suffix");
    check(vec![queue(QUEUE, PUT, &[("prefix", "a"), ("Prefix", "b")])], "more than one prefix");
    check(vec![queue(QUEUE, PUT, &[("prefix", &"a".repeat(1025))])], "cannot exceed 1024");
    check(vec![queue(QUEUE, PUT, &[]), queue(QUEUE, ANY, &[])], "overlap");
    let two = |a, b| vec![queue(QUEUE, ANY, &[a]), queue(QUEUE, ANY, &[b])];
    check(two(("prefix", "a"), ("prefix", "b")), "fine");
    check(two(("prefix", "a"), ("prefix", "ab")), "overlap");
    check(two(("suffix", ".jpg"), ("suffix", ".png")), "fine");
    check(two(("prefix", "a"), ("suffix", ".png")), "overlap");
    check(vec![queue(QUEUE, ANY, &[]), queue(QUEUE, "s3:ObjectRemoved:*", &[])], "fine");
}

#[test]
fn events_find_their_destinations() {
    let found = read(vec![
        queue(QUEUE, "s3:ObjectCreated:*", &[("prefix", "in/"), ("suffix", ".jpg")]),
        queue(QUEUE, "s3:ObjectRemoved:Delete", &[]),
    ])
    .expect("fine");
    let check = |event: &str, key: &str, expected: usize| {
        assert_eq!(found.of(event, key).count(), expected, "{event} {key}");
    };
    check("ObjectCreated:Put", "in/a.jpg", 1);
    check("ObjectCreated:Put", "in/a.png", 0);
    check("ObjectCreated:Put", "out/a.jpg", 0);
    check("ObjectRemoved:Delete", "x", 1);
    check("ObjectRemoved:DeleteMarkerCreated", "x", 0);
}

#[test]
fn messages_have_s3s_form() {
    let happening = Happening {
        event: "ObjectCreated:Put".into(),
        region: "eu-west-1".into(),
        bucket: "b".into(),
        owner: "o".into(),
        key: "a b/ü+.txt".into(),
        size: Some(3),
        etag: Some("e".into()),
        version: None,
        at_ms: 1_700_000_000_007,
        principal: "AIDA".into(),
        source_ip: "127.0.0.1".into(),
        request_id: "r".into(),
        restored: None,
        not_replicated: None,
        sequence: 0xAB,
    };
    let message = records(&happening, "c");
    let record = &message["Records"][0];
    assert_eq!(record["eventTime"], "2023-11-14T22:13:20.007Z");
    assert_eq!(record["eventVersion"], "2.1");
    assert_eq!(record["s3"]["object"]["key"], "a+b/%C3%BC%2B.txt");
    assert_eq!(record["s3"]["object"]["sequencer"], "0000000000000000AB");
    assert_eq!(record["s3"]["object"].get("versionId"), None);
    assert_eq!(record["s3"]["bucket"]["arn"], "arn:aws:s3:::b");
    assert_eq!(record["s3"]["configurationId"], "c");
    let test = test_event("b", Timestamp::from_ms(0), "r");
    assert_eq!(test["Time"], "1970-01-01T00:00:00.000Z");
}
