//! DescribeLogGroups and DescribeLogStreams.

use api_logs::{DescribeLogGroupsRequest, DescribeLogStreamsRequest, OrderBy};

use super::*;

/// Names on all pages.
async fn groups(logs: &Client, input: DescribeLogGroupsRequest) -> String {
    let mut input = input;
    let mut names = Vec::new();
    loop {
        let page = logs.describe_log_groups(input.clone()).await.unwrap();
        names.extend(page.log_groups.into_iter().flatten().filter_map(|g| g.log_group_name));
        match page.next_token {
            Some(token) => input.next_token = Some(token),
            None => return names.join(" "),
        }
    }
}

async fn streams(logs: &Client, input: DescribeLogStreamsRequest) -> String {
    let mut input = DescribeLogStreamsRequest { log_group_name: Some("/app".into()), ..input };
    let mut names = Vec::new();
    loop {
        let page = logs.describe_log_streams(input.clone()).await.unwrap();
        names.extend(page.log_streams.into_iter().flatten().filter_map(|s| s.log_stream_name));
        match page.next_token {
            Some(token) => input.next_token = Some(token),
            None => return names.join(" "),
        }
    }
}

#[tokio::test]
async fn groups_by_prefix_pattern_and_identifier() {
    let world = World::new().await;
    for name in ["/aws/lambda/a", "/aws/lambda/b", "DataLogs", "/x/DataLogs", "/app2"] {
        world.group(name).await.unwrap();
    }
    let logs = &world.logs;
    for limit in [Some(1), Some(2), None] {
        let check = async |input: DescribeLogGroupsRequest, expected: &str| {
            let input = DescribeLogGroupsRequest { limit, ..input };
            assert_eq!(groups(logs, input).await, expected);
        };
        let all = "/app /app2 /aws/lambda/a /aws/lambda/b /x/DataLogs DataLogs";
        check(DescribeLogGroupsRequest::default(), all).await;
        let prefix = |prefix: &str| DescribeLogGroupsRequest {
            log_group_name_prefix: Some(prefix.into()),
            ..Default::default()
        };
        check(prefix("/aws/lambda/"), "/aws/lambda/a /aws/lambda/b").await;
        check(prefix("/app"), "/app /app2").await;
        let pattern = Some("DataLogs".to_owned());
        check(
            DescribeLogGroupsRequest { log_group_name_pattern: pattern, ..Default::default() },
            "/x/DataLogs DataLogs",
        )
        .await;
        let arn = "arn:aws:logs:ap-northeast-2:111122223333:log-group:DataLogs".to_owned();
        let identifiers = Some(vec!["/app".to_owned(), "/none".to_owned(), arn]);
        check(
            DescribeLogGroupsRequest { log_group_identifiers: identifiers, ..Default::default() },
            "/app DataLogs",
        )
        .await;
    }
    let forged = DescribeLogGroupsRequest { next_token: Some("/app".into()), ..Default::default() };
    assert_eq!(
        refusal(logs.describe_log_groups(forged).await),
        refused("InvalidParameterException", "The specified nextToken is invalid."),
    );
}

#[tokio::test]
async fn accounts_and_regions_are_apart() {
    let world = World::new().await;
    for (account, region) in [("111122223333", "us-east-1"), ("999922223333", "ap-northeast-2")] {
        let other = client(&world.kernel, account, region);
        assert_eq!(groups(&other, DescribeLogGroupsRequest::default()).await, "");
    }
}

#[tokio::test]
async fn what_a_group_says() {
    let world = World::new().await;
    world.stream("one").await.unwrap();
    world.put("one", &[(0, "1234"), (1, "한")]).await.unwrap();
    let page = world.logs.describe_log_groups(Default::default()).await.unwrap();
    let group = &page.log_groups.unwrap()[0];
    let arn = "arn:aws:logs:ap-northeast-2:111122223333:log-group:/app";
    assert_eq!(group.log_group_arn.as_deref(), Some(arn));
    assert_eq!(group.arn, Some(format!("{arn}:*")));
    assert_eq!((group.creation_time, group.stored_bytes), (Some(NOW_MS), Some(4 + 3 + 2 * 26)));
    assert_eq!((group.retention_in_days, group.metric_filter_count), (None, Some(0)));
}

#[tokio::test]
async fn streams_by_name_and_by_time() {
    let world = World::new().await;
    for name in ["b", "a", "c", "ab"] {
        world.stream(name).await.unwrap();
    }
    world.put("c", &[(1, "x"), (10, "x")]).await.unwrap();
    world.pass(7);
    world.put("a", &[(20, "x")]).await.unwrap();
    world.put("a", &[(3, "x")]).await.unwrap();
    for limit in [Some(1), Some(3), None] {
        let check = async |input: DescribeLogStreamsRequest, expected: &str| {
            let input = DescribeLogStreamsRequest { limit, ..input };
            assert_eq!(streams(&world.logs, input).await, expected);
        };
        let none = DescribeLogStreamsRequest::default;
        check(none(), "a ab b c").await;
        check(DescribeLogStreamsRequest { descending: Some(true), ..none() }, "c b ab a").await;
        let prefix = Some("a".to_owned());
        check(DescribeLogStreamsRequest { log_stream_name_prefix: prefix, ..none() }, "a ab").await;
        let by_time =
            || DescribeLogStreamsRequest { order_by: Some(OrderBy::LastEventTime), ..none() };
        check(by_time(), "ab b c a").await;
        check(DescribeLogStreamsRequest { descending: Some(true), ..by_time() }, "a c b ab").await;
    }
    let input = DescribeLogStreamsRequest {
        log_group_identifier: Some("/app".into()),
        ..Default::default()
    };
    let found = world.logs.describe_log_streams(input).await.unwrap().log_streams.unwrap();
    let times = |i: usize| {
        let s = &found[i];
        [s.creation_time, s.first_event_timestamp, s.last_event_timestamp, s.last_ingestion_time]
            .map(|time| time.map(|time| time - NOW_MS))
    };
    assert_eq!(times(0), [Some(0), Some(3), Some(20), Some(7)]);
    assert_eq!(times(1), [Some(0), None, None, None]);
    assert_eq!(
        found[0].arn.as_deref(),
        Some("arn:aws:logs:ap-northeast-2:111122223333:log-group:/app:log-stream:a"),
    );
    assert_eq!(found[0].stored_bytes, Some(0));
}

#[tokio::test]
async fn refusals() {
    let world = World::new().await;
    let check = async |input: DescribeLogStreamsRequest, code: &str, message: &str| {
        let found = refusal(world.logs.describe_log_streams(input).await);
        assert_eq!(found, refused(code, message));
    };
    let of = |group: &str| DescribeLogStreamsRequest {
        log_group_name: Some(group.into()),
        ..Default::default()
    };
    let text = "The specified log group does not exist.";
    check(of("/none"), "ResourceNotFoundException", text).await;
    let text = "Cannot order by LastEventTime with a logStreamNamePrefix.";
    let both = DescribeLogStreamsRequest {
        order_by: Some(OrderBy::LastEventTime),
        log_stream_name_prefix: Some("a".into()),
        ..of("/app")
    };
    check(both, "InvalidParameterException", text).await;
    let linked =
        DescribeLogGroupsRequest { include_linked_accounts: Some(true), ..Default::default() };
    let (code, message) = refusal(world.logs.describe_log_groups(linked).await);
    assert_eq!(code, "NotImplementedException");
    assert!(message.contains("includeLinkedAccounts"), "{message}");
}
