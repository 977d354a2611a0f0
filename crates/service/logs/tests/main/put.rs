//! CreateLogGroup, CreateLogStream, PutLogEvents.

use super::*;

const INVALID: &str = "InvalidParameterException";
const MISSING: &str = "ResourceNotFoundException";
const EXISTS: &str = "ResourceAlreadyExistsException";
const HOUR_MS: i64 = 60 * 60 * 1000;
const DAY_MS: i64 = 24 * HOUR_MS;

#[tokio::test]
async fn names_exist_once() {
    let world = World::new().await;
    let text = "The specified log group already exists";
    assert_eq!(refusal(world.group("/app").await), refused(EXISTS, text));
    let text = "Log groups starting with AWS/ are reserved for AWS.";
    assert_eq!(refusal(world.group("aws/app").await), refused(INVALID, text));
    world.group("/aws/lambda/app").await.unwrap();
    world.stream("one").await.unwrap();
    let text = "The specified log stream already exists";
    assert_eq!(refusal(world.stream("one").await), refused(EXISTS, text));
    let elsewhere =
        CreateLogStreamRequest { log_group_name: "/other".into(), log_stream_name: "one".into() };
    assert_eq!(
        refusal(world.logs.create_log_stream(elsewhere).await),
        refused(MISSING, "The specified log group does not exist."),
    );
}

#[tokio::test]
async fn what_is_not_served_says_so() {
    let world = World::new().await;
    let check = async |input: CreateLogGroupRequest, parameter: &str| {
        let (code, message) = refusal(world.logs.create_log_group(input).await);
        assert_eq!(code, "NotImplementedException");
        assert!(message.contains(parameter), "{message}");
    };
    let input = || CreateLogGroupRequest { log_group_name: "/new".into(), ..Default::default() };
    check(CreateLogGroupRequest { kms_key_id: Some("key".into()), ..input() }, "kmsKeyId").await;
    let class = Some(api_logs::LogGroupClass::InfrequentAccess);
    check(CreateLogGroupRequest { log_group_class: class, ..input() }, "logGroupClass").await;
    world.stream("one").await.unwrap();
    let input = PutLogEventsRequest {
        log_group_name: "/app".into(),
        log_stream_name: "one".into(),
        entity: Some(Default::default()),
        ..Default::default()
    };
    let (code, message) = refusal(world.logs.put_log_events(input).await);
    assert_eq!(code, "NotImplementedException");
    assert!(message.contains("entity"), "{message}");
}

#[tokio::test]
async fn a_batch_has_limits() {
    let world = World::new().await;
    let text = "The specified log stream does not exist.";
    assert_eq!(refusal(world.put("one", &[(0, "a")]).await), refused(MISSING, text));
    world.stream("one").await.unwrap();
    let text = "Log events in a single PutLogEvents request must be in chronological order.";
    assert_eq!(refusal(world.put("one", &[(1, "a"), (0, "b")]).await), refused(INVALID, text));
    let text =
        "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.";
    let wide = [(-DAY_MS - 1, "a"), (0, "b")];
    assert_eq!(refusal(world.put("one", &wide).await), refused(INVALID, text));
    world.put("one", &[(-DAY_MS, "a"), (0, "b")]).await.unwrap();
    let large = "x".repeat(1_048_576 - 25);
    let text = "Upload too large: 1048577 bytes exceeds limit of 1048576";
    assert_eq!(refusal(world.put("one", &[(0, &large)]).await), refused(INVALID, text));
    world.put("one", &[(0, &large[1..])]).await.unwrap();
}

#[tokio::test]
async fn events_out_of_time_are_rejected_one_by_one() {
    let world = World::new().await;
    world.stream("one").await.unwrap();
    let check = async |events: &[(i64, &str)], expected: Option<(Option<i32>, Option<i32>)>| {
        let info = world.put("one", events).await.unwrap().rejected_log_events_info;
        let found = info.map(|i| (i.too_old_log_event_end_index, i.too_new_log_event_start_index));
        assert_eq!(found, expected, "{events:?}");
    };
    let (old, new) = (-14 * DAY_MS, 2 * HOUR_MS);
    check(&[(old, "oldest"), (old + 1, "old")], None).await;
    check(&[(new - 1, "new"), (new, "newest")], None).await;
    check(&[(old - 2, "x"), (old - 1, "x"), (old, "kept")], Some((Some(2), None))).await;
    check(&[(0, "kept"), (new + 1, "x")], Some((None, Some(1)))).await;
    check(&[(old - 1, "x"), (0, "kept"), (new + 1, "x")], Some((Some(1), Some(2)))).await;
    check(&[(old - 1, "x")], Some((Some(1), None))).await;
    let input = api_logs::FilterLogEventsRequest {
        log_group_name: Some("/app".into()),
        filter_pattern: Some("x".into()),
        ..Default::default()
    };
    assert!(world.logs.filter_log_events(input).await.unwrap().events.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_writers_of_one_stream_lose_nothing() {
    let world = Arc::new(World::new().await);
    world.stream("one").await.unwrap();
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let world = world.clone();
        writers.spawn(async move {
            for _ in 0..25 {
                let answer = world.put("one", &[(0, "a"), (0, "b")]).await.unwrap();
                assert_eq!(answer.next_sequence_token.map(|token| token.len()), Some(56));
            }
        });
    }
    writers.join_all().await;
    let input = api_logs::GetLogEventsRequest {
        log_group_name: Some("/app".into()),
        log_stream_name: "one".into(),
        ..Default::default()
    };
    assert_eq!(world.logs.get_log_events(input).await.unwrap().events.unwrap().len(), 400);
}
