//! GetLogEvents.

use api_logs::{GetLogEventsRequest, GetLogEventsResponse};

use super::*;

fn of_stream() -> GetLogEventsRequest {
    GetLogEventsRequest {
        log_group_name: Some("/app".into()),
        log_stream_name: "one".into(),
        ..Default::default()
    }
}

/// A world with events at 0, 1, … 9 of messages "0" … "9".
async fn ten() -> World {
    let world = World::new().await;
    world.stream("one").await.unwrap();
    let names: Vec<String> = (0..10).map(|n| n.to_string()).collect();
    let events: Vec<(i64, &str)> = (0..).zip(names.iter().map(String::as_str)).collect();
    world.put("one", &events).await.unwrap();
    world
}

fn messages(page: &GetLogEventsResponse) -> String {
    page.events.iter().flatten().filter_map(|event| event.message.as_deref()).collect()
}

impl World {
    async fn get(&self, input: GetLogEventsRequest) -> GetLogEventsResponse {
        self.logs.get_log_events(input).await.unwrap()
    }

    async fn turn(&self, token: &Option<String>, limit: i32) -> GetLogEventsResponse {
        let (next_token, limit) = (token.clone(), Some(limit));
        self.get(GetLogEventsRequest { next_token, limit, ..of_stream() }).await
    }
}

#[tokio::test]
async fn forward_to_the_end_and_on() {
    let world = ten().await;
    let first = GetLogEventsRequest { start_from_head: Some(true), limit: Some(4), ..of_stream() };
    let page = world.get(first).await;
    assert_eq!(messages(&page), "0123");
    let page = world.turn(&page.next_forward_token, 4).await;
    assert_eq!(messages(&page), "4567");
    let page = world.turn(&page.next_forward_token, 4).await;
    assert_eq!(messages(&page), "89");
    let end = world.turn(&page.next_forward_token, 4).await;
    assert_eq!(messages(&end), "");
    assert_eq!(end.next_forward_token, page.next_forward_token);
    let back = world.turn(&end.next_backward_token, 3).await;
    assert_eq!(messages(&back), "789");
    world.put("one", &[(20, "later")]).await.unwrap();
    assert_eq!(messages(&world.turn(&end.next_forward_token, 4).await), "later");
}

#[tokio::test]
async fn backward_from_the_newest() {
    let world = ten().await;
    let page = world.get(GetLogEventsRequest { limit: Some(4), ..of_stream() }).await;
    assert_eq!(messages(&page), "6789");
    let page = world.turn(&page.next_backward_token, 4).await;
    assert_eq!(messages(&page), "2345");
    assert_eq!(messages(&world.turn(&page.next_forward_token, 2).await), "67");
    let page = world.turn(&page.next_backward_token, 4).await;
    assert_eq!(messages(&page), "01");
    let end = world.turn(&page.next_backward_token, 4).await;
    assert_eq!(messages(&end), "");
    assert_eq!(end.next_backward_token, page.next_backward_token);
    assert_eq!(messages(&world.turn(&end.next_forward_token, 4).await), "0123");
}

#[tokio::test]
async fn times_bound_what_is_read() {
    let world = ten().await;
    let check = async |start: Option<i64>, end: Option<i64>, expected: &str| {
        for start_from_head in [None, Some(true)] {
            let (start_time, end_time) = (start.map(|t| NOW_MS + t), end.map(|t| NOW_MS + t));
            let input =
                GetLogEventsRequest { start_time, end_time, start_from_head, ..of_stream() };
            assert_eq!(messages(&world.get(input).await), expected);
        }
    };
    check(None, None, "0123456789").await;
    check(Some(3), Some(6), "345").await;
    check(Some(9), None, "9").await;
    check(Some(6), Some(3), "").await;
    check(Some(100), None, "").await;
}

#[tokio::test]
async fn late_events_and_equal_times_are_in_order() {
    let world = World::new().await;
    world.stream("one").await.unwrap();
    world.put("one", &[(5, "a"), (5, "b"), (9, "e")]).await.unwrap();
    world.pass(1);
    world.put("one", &[(1, "0"), (5, "c"), (7, "d")]).await.unwrap();
    let page = world.get(of_stream()).await;
    assert_eq!(messages(&page), "0abcde");
    let event = &page.events.unwrap()[3];
    assert_eq!((event.timestamp, event.ingestion_time), (Some(NOW_MS + 5), Some(NOW_MS + 1)));
}

#[tokio::test]
async fn a_page_has_one_mebibyte() {
    let world = World::new().await;
    world.stream("one").await.unwrap();
    let large = "x".repeat(400_000);
    for at_ms in 0..5 {
        world.put("one", &[(at_ms, &large)]).await.unwrap();
    }
    let page = world.get(of_stream()).await;
    assert_eq!(page.events.as_ref().unwrap().len(), 2);
    let page = world.turn(&page.next_backward_token, 10_000).await;
    assert_eq!(page.events.unwrap().len(), 2);
}

#[tokio::test]
async fn an_empty_stream_has_tokens() {
    let world = World::new().await;
    world.stream("one").await.unwrap();
    let page = world.get(of_stream()).await;
    assert_eq!(messages(&page), "");
    world.put("one", &[(0, "first")]).await.unwrap();
    assert_eq!(messages(&world.turn(&page.next_forward_token, 9).await), "first");
}

#[tokio::test]
async fn the_group_by_identifier_and_the_refusals() {
    let world = ten().await;
    let by = |name: Option<&str>, identifier: Option<&str>, token: Option<&str>| {
        world.logs.get_log_events(GetLogEventsRequest {
            log_group_name: name.map(str::to_owned),
            log_group_identifier: identifier.map(str::to_owned),
            next_token: token.map(str::to_owned),
            ..of_stream()
        })
    };
    let arn = "arn:aws:logs:ap-northeast-2:111122223333:log-group:/app";
    for identifier in ["/app", arn] {
        assert_eq!(messages(&by(None, Some(identifier), None).await.unwrap()), "0123456789");
    }
    let missing = refused("ResourceNotFoundException", "The specified log group does not exist.");
    assert_eq!(refusal(by(None, Some(&arn.replace("1111", "9999")), None).await), missing);
    assert_eq!(refusal(by(Some("/none"), None, None).await), missing);
    assert_eq!(refusal(by(None, None, None).await).0, "InvalidParameterException");
    assert_eq!(refusal(by(Some("/app"), Some("/app"), None).await).0, "InvalidParameterException");
    let bad = refused("InvalidParameterException", "The specified nextToken is invalid.");
    let page = by(Some("/app"), None, None).await.unwrap();
    let token = page.next_forward_token.unwrap();
    let changed = format!("f/B{}", &token[3..]);
    for wrong in ["", "f/", "x", "f/한글", &token[2..], &changed, &token[..20]] {
        assert_eq!(refusal(by(Some("/app"), None, Some(wrong)).await), bad, "{wrong}");
    }
    world.stream("two").await.unwrap();
    let other = GetLogEventsRequest {
        log_stream_name: "two".into(),
        next_token: Some(token),
        ..of_stream()
    };
    assert_eq!(refusal(world.logs.get_log_events(other).await), bad);
}
