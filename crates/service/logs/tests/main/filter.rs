//! FilterLogEvents.

use api_logs::{FilterLogEventsRequest, FilterLogEventsResponse};

use super::*;

fn of_group() -> FilterLogEventsRequest {
    FilterLogEventsRequest { log_group_name: Some("/app".into()), ..Default::default() }
}

/// Three streams whose events interleave: times 0 … 8, messages "a0 b1 c2 a3 …".
async fn three() -> World {
    let world = World::new().await;
    for (n, stream) in (0..).zip(["a", "b", "c"]) {
        world.stream(stream).await.unwrap();
        let texts: Vec<String> = (0..3).map(|i| format!("{stream}{}", n + 3 * i)).collect();
        let events: Vec<(i64, &str)> =
            (0..3).map(|i| (n + 3 * i, texts[i as usize].as_str())).collect();
        world.put(stream, &events).await.unwrap();
        world.pass(1);
    }
    world
}

fn messages(page: &FilterLogEventsResponse) -> Vec<&str> {
    page.events.iter().flatten().filter_map(|event| event.message.as_deref()).collect()
}

impl World {
    async fn filter(&self, input: FilterLogEventsRequest) -> FilterLogEventsResponse {
        self.logs.filter_log_events(input).await.unwrap()
    }

    /// All pages; each has at most `limit` events.
    async fn filter_all(&self, input: FilterLogEventsRequest, limit: i32) -> String {
        let mut input = FilterLogEventsRequest { limit: Some(limit), ..input };
        let mut all = Vec::new();
        loop {
            let page = self.filter(input.clone()).await;
            assert!(messages(&page).len() <= limit as usize);
            all.extend(messages(&page).into_iter().map(str::to_owned));
            match page.next_token {
                Some(token) => input.next_token = Some(token),
                None => return all.join(" "),
            }
        }
    }
}

#[tokio::test]
async fn streams_are_one_in_either_direction_at_any_page_size() {
    let world = three().await;
    for limit in 1..=10 {
        assert_eq!(world.filter_all(of_group(), limit).await, "a0 b1 c2 a3 b4 c5 a6 b7 c8");
        let newest = FilterLogEventsRequest { start_from_head: Some(false), ..of_group() };
        assert_eq!(world.filter_all(newest, limit).await, "c8 b7 a6 c5 b4 a3 c2 b1 a0");
    }
}

#[tokio::test]
async fn equal_times_keep_the_order_of_arrival() {
    let world = World::new().await;
    for stream in ["a", "b", "c"] {
        world.stream(stream).await.unwrap();
    }
    for (n, stream) in ["b", "a", "c", "a", "b", "b"].iter().enumerate() {
        let text = n.to_string();
        world.put(stream, &[(5, &text), (5, &text)]).await.unwrap();
        world.pass(1);
    }
    for limit in 1..=13 {
        assert_eq!(world.filter_all(of_group(), limit).await, "0 0 1 1 2 2 3 3 4 4 5 5");
    }
}

#[tokio::test]
async fn choice_of_streams_times_and_messages() {
    let world = three().await;
    world.stream("empty").await.unwrap();
    let check = async |input: FilterLogEventsRequest, expected: &str| {
        assert_eq!(world.filter_all(input, 2).await, expected);
    };
    let names = |names: &[&str]| Some(names.iter().map(|&name| name.to_owned()).collect());
    check(
        FilterLogEventsRequest { log_stream_names: names(&["c", "a", "a", "empty"]), ..of_group() },
        "a0 c2 a3 c5 a6 c8",
    )
    .await;
    check(
        FilterLogEventsRequest { log_stream_name_prefix: Some("b".into()), ..of_group() },
        "b1 b4 b7",
    )
    .await;
    let (start_time, end_time) = (Some(NOW_MS + 3), Some(NOW_MS + 5));
    check(FilterLogEventsRequest { start_time, end_time, ..of_group() }, "a3 b4 c5").await;
    check(FilterLogEventsRequest { filter_pattern: Some("?a3 ?c8".into()), ..of_group() }, "a3 c8")
        .await;
}

#[tokio::test]
async fn what_an_event_says() {
    let world = three().await;
    let page = world.filter(of_group()).await;
    assert_eq!(page.searched_log_streams.map(|list| list.len()), Some(0));
    let events = page.events.unwrap();
    let event = &events[1];
    assert_eq!(event.log_stream_name.as_deref(), Some("b"));
    assert_eq!(event.timestamp, Some(NOW_MS + 1));
    assert_eq!(event.ingestion_time, Some(NOW_MS + 1));
    let ids: std::collections::BTreeSet<_> =
        events.iter().map(|event| event.event_id.clone().unwrap()).collect();
    assert_eq!(ids.len(), 9);
    assert!(ids.iter().all(|id| id.len() == 56 && id.bytes().all(|b| b.is_ascii_digit())));
}

#[tokio::test]
async fn a_search_in_vain_ends_in_pages() {
    let world = World::new().await;
    world.stream("one").await.unwrap();
    let batch: Vec<(i64, &str)> = (0..10_000).map(|n| (n, "nothing")).collect();
    for _ in 0..5 {
        world.put("one", &batch).await.unwrap();
    }
    world.put("one", &[(10_000, "needle")]).await.unwrap();
    let input = FilterLogEventsRequest { filter_pattern: Some("needle".into()), ..of_group() };
    let first = world.filter(input.clone()).await;
    assert!(messages(&first).is_empty());
    assert!(first.next_token.is_some());
    assert_eq!(world.filter_all(input, 9).await, "needle");
}

#[tokio::test]
async fn refusals() {
    let world = three().await;
    let check = async |input: FilterLogEventsRequest, code: &str, message: &str| {
        let found = refusal(world.logs.filter_log_events(input).await);
        assert_eq!(found, refused(code, message));
    };
    let missing = "ResourceNotFoundException";
    let group = Some("/none".to_owned());
    let text = "The specified log group does not exist.";
    check(FilterLogEventsRequest { log_group_name: group, ..of_group() }, missing, text).await;
    let names = Some(vec!["a".to_owned(), "none".to_owned()]);
    let text = "The specified log stream does not exist.";
    check(FilterLogEventsRequest { log_stream_names: names, ..of_group() }, missing, text).await;
    let invalid = "InvalidParameterException";
    let pattern =
        |text: &str| FilterLogEventsRequest { filter_pattern: Some(text.into()), ..of_group() };
    check(pattern("a:b"), invalid, "Invalid filter pattern").await;
    let text = "If a filter pattern starts with '{' it must end with '}'";
    check(pattern("{ $.a = 1"), invalid, text).await;
    let text = "The specified nextToken is invalid.";
    let next_token = Some("forged".to_owned());
    check(FilterLogEventsRequest { next_token, ..of_group() }, invalid, text).await;
    let both = FilterLogEventsRequest {
        log_stream_names: Some(vec!["a".into()]),
        log_stream_name_prefix: Some("a".into()),
        ..of_group()
    };
    assert_eq!(refusal(world.logs.filter_log_events(both).await).0, invalid);
    let early =
        FilterLogEventsRequest { start_from_head: Some(false), start_time: Some(0), ..of_group() };
    assert_eq!(refusal(world.logs.filter_log_events(early).await).0, invalid);
}
