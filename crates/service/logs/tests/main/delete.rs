//! DeleteLogGroup, DeleteLogStream, deletion protection; retention and what it takes away.

use api_logs::{
    DeleteLogGroupRequest, DeleteLogStreamRequest, DeleteRetentionPolicyRequest,
    DescribeLogGroupsRequest, FilterLogEventsRequest, GetLogEventsRequest,
    PutLogGroupDeletionProtectionRequest, PutRetentionPolicyRequest,
};
use store::{RawTable, Scan};

use super::*;

const EVENTS: RawTable = RawTable::new("logs/event");
const STREAMS: RawTable = RawTable::new("logs/stream");
const DAY_MS: i64 = 24 * 60 * 60 * 1000;
const MISSING: &str = "ResourceNotFoundException";

impl World {
    fn rows(&self, table: &RawTable) -> usize {
        let mut rows = 0;
        let count = &mut |_: &[u8], _| {
            rows += 1;
            std::ops::ControlFlow::Continue(())
        };
        self.kernel.store().snapshot().scan_raw(table, &Scan::all(), count).unwrap();
        rows
    }

    /// Waits for work that the kernel does by itself.
    async fn until_rows(&self, table: &RawTable, wanted: usize) {
        for _ in 0..20_000 {
            if self.rows(table) == wanted {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("{} rows and not {wanted}", self.rows(table));
    }

    async fn delete_group(&self) -> Result<(), Fault> {
        let input = DeleteLogGroupRequest { log_group_name: "/app".into() };
        self.logs.delete_log_group(input).await.map(drop)
    }

    async fn delete_stream(&self, name: &str) -> Result<(), Fault> {
        let (log_group_name, log_stream_name) = ("/app".into(), name.into());
        let input = DeleteLogStreamRequest { log_group_name, log_stream_name };
        self.logs.delete_log_stream(input).await.map(drop)
    }

    async fn protect(&self, is_on: bool) {
        let input = PutLogGroupDeletionProtectionRequest {
            log_group_identifier: "/app".into(),
            deletion_protection_enabled: is_on,
        };
        self.logs.put_log_group_deletion_protection(input).await.unwrap();
    }

    async fn retain(&self, days: i32) -> Result<(), Fault> {
        let input =
            PutRetentionPolicyRequest { log_group_name: "/app".into(), retention_in_days: days };
        self.logs.put_retention_policy(input).await.map(drop)
    }

    /// Messages by both ways of reading.
    async fn messages(&self, stream: &str) -> String {
        let input = GetLogEventsRequest {
            log_group_name: Some("/app".into()),
            log_stream_name: stream.into(),
            ..Default::default()
        };
        let got = self.logs.get_log_events(input).await.unwrap().events.unwrap();
        let got: Vec<_> = got.into_iter().filter_map(|event| event.message).collect();
        let input = FilterLogEventsRequest {
            log_group_name: Some("/app".into()),
            log_stream_names: Some(vec![stream.into()]),
            ..Default::default()
        };
        let filtered = self.logs.filter_log_events(input).await.unwrap().events.unwrap();
        let filtered: Vec<_> = filtered.into_iter().filter_map(|event| event.message).collect();
        assert_eq!(got, filtered);
        got.join(" ")
    }
}

#[tokio::test]
async fn what_is_deleted_is_gone_at_once_and_cleared_away() {
    let world = World::new().await;
    // More than a step takes.
    let many: Vec<(i64, &str)> = (0..2500).map(|at_ms| (at_ms, "x")).collect();
    for stream in ["one", "two"] {
        world.stream(stream).await.unwrap();
        world.put(stream, &many).await.unwrap();
    }
    assert_eq!(world.rows(&EVENTS), 5000);
    world.delete_stream("one").await.unwrap();
    let text = "The specified log stream does not exist.";
    assert_eq!(refusal(world.put("one", &[(0, "a")]).await), refused(MISSING, text));
    assert_eq!(refusal(world.delete_stream("one").await), refused(MISSING, text));
    world.stream("one").await.unwrap();
    assert_eq!(world.messages("one").await, "", "a new stream has nothing of the old one");
    world.until_rows(&EVENTS, 2500).await;
    world.delete_group().await.unwrap();
    let text = "The specified log group does not exist.";
    assert_eq!(refusal(world.put("two", &[(0, "a")]).await), refused(MISSING, text));
    assert_eq!(refusal(world.delete_group().await), refused(MISSING, text));
    // A new group of the name, while the old one's rows are being cleared away.
    world.group("/app").await.unwrap();
    world.stream("two").await.unwrap();
    world.put("two", &[(0, "new")]).await.unwrap();
    assert_eq!(world.messages("two").await, "new");
    world.until_rows(&EVENTS, 1).await;
    world.until_rows(&STREAMS, 1).await;
    assert_eq!(world.messages("two").await, "new");
}

#[tokio::test]
async fn protection_stands_against_deletion() {
    let world = World::new().await;
    world.stream("one").await.unwrap();
    world.protect(true).await;
    for refused in [world.delete_group().await, world.delete_stream("one").await] {
        assert_eq!(refusal(refused).0, "ValidationException");
    }
    world.protect(false).await;
    world.delete_stream("one").await.unwrap();
    world.delete_group().await.unwrap();
}

#[tokio::test]
async fn events_expire() {
    let world = World::new().await;
    world.stream("one").await.unwrap();
    world.stream("two").await.unwrap();
    world.put("one", &[(-5 * DAY_MS, "old")]).await.unwrap();
    world.put("one", &[(-2 * DAY_MS, "older"), (-2 * DAY_MS + 1, "aging")]).await.unwrap();
    world.put("one", &[(0, "new")]).await.unwrap();
    assert_eq!(world.messages("one").await, "old older aging new");
    let text = "1 validation error detected: Value '2' at 'retentionInDays' failed to satisfy \
                constraint: Member must satisfy enum value set: [1, 3, 5, 7, ";
    let (code, message) = refusal(world.retain(2).await);
    assert_eq!((code.as_str(), message.starts_with(text)), ("InvalidParameterException", true));
    world.retain(3).await.unwrap();
    assert_eq!(world.messages("one").await, "older aging new");
    world.until_rows(&EVENTS, 3).await;
    let described = async || {
        let groups = world.logs.describe_log_groups(DescribeLogGroupsRequest::default()).await;
        let group = groups.unwrap().log_groups.unwrap().remove(0);
        (group.retention_in_days, group.stored_bytes)
    };
    assert_eq!(described().await, (Some(3), Some(5 + 5 + 3 + 3 * 26)));
    // Rejected beside what is too old anyway.
    let answer = world.put("two", &[(-15 * DAY_MS, "x"), (-4 * DAY_MS, "x"), (0, "kept")]).await;
    let rejected = answer.unwrap().rejected_log_events_info.unwrap();
    assert_eq!(
        (rejected.too_old_log_event_end_index, rejected.expired_log_event_end_index),
        (Some(1), Some(2)),
    );
    assert_eq!(world.messages("two").await, "kept");
    // Not read from its moment on, whenever the sweep comes.
    world.pass(DAY_MS as u64);
    assert_eq!(world.messages("one").await, "older aging new");
    world.pass(1);
    assert_eq!(world.messages("one").await, "aging new");
    world.pass(60 * 60 * 1000);
    world.until_rows(&EVENTS, 2).await;
    world.pass(3 * DAY_MS as u64);
    world.until_rows(&EVENTS, 0).await;
    assert_eq!(described().await, (Some(3), Some(0)));
    let input = DeleteRetentionPolicyRequest { log_group_name: "/app".into() };
    world.logs.delete_retention_policy(input).await.unwrap();
    assert_eq!(described().await.0, None);
}

#[tokio::test]
async fn many_expire_in_steps() {
    let world = World::new().await;
    world.stream("one").await.unwrap();
    world.stream("two").await.unwrap();
    let many: Vec<(i64, &str)> = (0..3000).map(|at_ms| (-10 * DAY_MS + at_ms, "x")).collect();
    world.put("one", &many).await.unwrap();
    world.put("two", &many).await.unwrap();
    world.put("two", &[(0, "kept")]).await.unwrap();
    world.retain(7).await.unwrap();
    world.until_rows(&EVENTS, 1).await;
    assert_eq!(
        (world.messages("one").await, world.messages("two").await),
        ("".into(), "kept".into())
    );
}

#[tokio::test]
async fn groups_of_before_deletion_was_served_are_read_and_deleted() {
    let world = World::new().await;
    world.delete_group().await.unwrap();
    let old = ("111122223333", "ap-northeast-2", "/app");
    let put = world
        .kernel
        .store()
        .write(|tx| tx.put_raw(&RawTable::new("logs/group"), old, &b"{\"created_ms\":7}"[..]));
    put.await.unwrap();
    world.stream("one").await.unwrap();
    world.put("one", &[(-5 * DAY_MS, "old"), (-5 * DAY_MS + 1, "aging")]).await.unwrap();
    world.put("one", &[(0, "new")]).await.unwrap();
    assert_eq!(world.messages("one").await, "old aging new");
    world.retain(3).await.unwrap();
    world.until_rows(&EVENTS, 1).await;
    world.delete_group().await.unwrap();
    world.group("/app").await.unwrap();
    world.stream("one").await.unwrap();
    world.until_rows(&EVENTS, 0).await;
    world.until_rows(&STREAMS, 1).await;
    assert_eq!(world.messages("one").await, "");
}
