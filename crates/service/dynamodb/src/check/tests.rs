//! Damage that the check has to find, made behind the service's back.

use api_dynamodb::{
    AttributeDefinition, AttributeValue, BillingMode, Client, CreateTableInput,
    GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType, PutItemInput,
    ScalarAttributeType, StreamSpecification, StreamViewType,
};
use bytes::Bytes;
use kernel::{Config, Ctx, Kernel, Principal};
use store::{Key, RawTable, Scan, StoreError, WriteTx};

use super::{Report, check};
use crate::index::ENTRIES;
use crate::table::ITEMS;
use crate::ttl::EXPIRIES;

/// A cloud with a table of ten items, an index over two attributes and a stream.
async fn filled() -> Ctx {
    let kernel = Kernel::new(Config::memory());
    kernel.start(vec![crate::service()]);
    let root = Principal::Root { account: "111122223333".into() };
    let ctx = Ctx::new(&kernel, "eu-west-1", root, "request".into());
    let client = ctx.client::<Client>();
    let key = |name: &str, key_type| KeySchemaElement { attribute_name: name.into(), key_type };
    let definition = |name: &str| AttributeDefinition {
        attribute_name: name.into(),
        attribute_type: ScalarAttributeType::S,
    };
    let index = GlobalSecondaryIndex {
        index_name: "by".into(),
        key_schema: vec![key("g", KeyType::Hash)],
        projection: Projection {
            projection_type: Some(ProjectionType::KeysOnly),
            non_key_attributes: None,
        },
        on_demand_throughput: None,
        provisioned_throughput: None,
        warm_throughput: None,
    };
    let table = CreateTableInput {
        table_name: "Flights".into(),
        attribute_definitions: Some(vec![definition("id"), definition("g")]),
        key_schema: Some(vec![key("id", KeyType::Hash)]),
        billing_mode: Some(BillingMode::PayPerRequest),
        global_secondary_indexes: Some(vec![index]),
        stream_specification: Some(StreamSpecification {
            stream_enabled: true,
            stream_view_type: Some(StreamViewType::NewAndOldImages),
        }),
        ..CreateTableInput::default()
    };
    client.create_table(table).await.unwrap();
    for n in 0..10 {
        let text = |text: String| AttributeValue::S(text);
        let item = [("id", text(n.to_string())), ("g", text("x".repeat(n + 1)))];
        let put = PutItemInput {
            table_name: "Flights".into(),
            item: item.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            ..PutItemInput::default()
        };
        client.put_item(put).await.unwrap();
    }
    ctx
}

/// The first key of a table of the store.
fn first(ctx: &Ctx, table: &RawTable) -> Key {
    let mut first = None;
    let visit = &mut |key: &[u8], _| {
        first = Some(Key::from_bytes(key));
        std::ops::ControlFlow::Break(())
    };
    ctx.store().read(|tx| tx.scan_raw(table, &Scan::all().limit(1), visit)).unwrap();
    first.unwrap()
}

/// Does damage; the check must find problems that contain these texts, in any order, and no
/// others. Answers the context.
async fn damaged(
    damage: impl Fn(&Ctx, &mut WriteTx) -> Result<(), StoreError> + Send + Sync,
    expected: &[&str],
) -> Ctx {
    let ctx = filled().await;
    ctx.store().write(|tx| damage(&ctx, tx)).await.unwrap();
    let found = check(ctx.store(), false).unwrap();
    assert_eq!(found.problem_count, expected.len() as u64, "{found:?}");
    for text in expected {
        assert!(found.problems.iter().any(|problem| problem.contains(text)), "{text}: {found:?}");
    }
    ctx
}

/// The indexes can be repaired, after which nothing is wrong any more.
fn repaired(ctx: &Ctx, expected: u64) {
    assert_eq!(check(ctx.store(), true).unwrap().repaired, expected);
    let found = check(ctx.store(), false).unwrap();
    assert_eq!(found.problems, Vec::<String>::new());
}

#[tokio::test]
async fn sound_data_has_no_problems() {
    let ctx = damaged(|_, _| Ok(()), &[]).await;
    let Report { tables, items, index_entries, stream_records, stream_items, leftovers, .. } =
        check(ctx.store(), true).unwrap();
    assert_eq!((tables, items, index_entries), (1, 10, 10));
    assert_eq!((stream_records, stream_items, leftovers), (10, 10, 0));
}

#[tokio::test]
async fn finds_and_repairs_entries() {
    let missing = |ctx: &Ctx, tx: &mut WriteTx| tx.delete(&ENTRIES, first(ctx, &ENTRIES));
    repaired(&damaged(missing, &["eu-west-1/Flights, index by: the entry"]).await, 1);
    let wrong = |ctx: &Ctx, tx: &mut WriteTx| {
        let item = tx.get_raw(&ITEMS, first(ctx, &ITEMS))?.unwrap_or_default();
        tx.put_raw(&ENTRIES, first(ctx, &ENTRIES), item)
    };
    let ctx = damaged(wrong, &["is not what the item yields", "is not what its item yields"]).await;
    repaired(&ctx, 2);
    let unreadable =
        |ctx: &Ctx, tx: &mut WriteTx| tx.put_raw(&ENTRIES, first(ctx, &ENTRIES), vec![9]);
    let ctx = damaged(unreadable, &["is not what the item yields", "cannot be read"]).await;
    repaired(&ctx, 2);
}

#[tokio::test]
async fn finds_items_that_are_wrong() {
    let gone = |ctx: &Ctx, tx: &mut WriteTx| tx.delete(&ITEMS, first(ctx, &ITEMS));
    damaged(gone, &["is of no item", "is gone, and the stream does not say so"]).await;
    let unreadable = |ctx: &Ctx, tx: &mut WriteTx| tx.put_raw(&ITEMS, first(ctx, &ITEMS), vec![9]);
    damaged(unreadable, &["cannot be read", "is not the last new image of the stream"]).await;
    let misplaced = |ctx: &Ctx, tx: &mut WriteTx| {
        let place = first(ctx, &ITEMS);
        let item = tx.get_raw(&ITEMS, &place)?.unwrap_or_default();
        let other = [place.as_bytes(), b"x"].concat();
        tx.put_raw(&ITEMS, Key::from_bytes(other), item)
    };
    damaged(misplaced, &["has another key than its place"]).await;
    let left = |_: &Ctx, tx: &mut WriteTx| tx.put_raw(&ITEMS, Key::from_bytes([7; 12]), vec![9]);
    let ctx = damaged(left, &[]).await;
    assert_eq!(check(ctx.store(), false).unwrap().leftovers, 1);
}

#[tokio::test]
async fn finds_and_repairs_expiries() {
    let expiring = async || {
        let ctx = filled().await;
        let client = ctx.client::<Client>();
        let specification =
            api_dynamodb::TimeToLiveSpecification { enabled: true, attribute_name: "t".into() };
        let enable = api_dynamodb::UpdateTimeToLiveInput {
            table_name: "Flights".into(),
            time_to_live_specification: specification,
        };
        client.update_time_to_live(enable).await.unwrap();
        for id in ["x", "y"] {
            let attributes = [
                ("id", AttributeValue::S(id.to_owned())),
                ("t", AttributeValue::N("9999999999".to_owned())),
            ];
            let item = attributes.into_iter().map(|(name, value)| (name.to_owned(), value));
            let put = PutItemInput {
                table_name: "Flights".into(),
                item: item.collect(),
                ..PutItemInput::default()
            };
            client.put_item(put).await.unwrap();
        }
        let found = check(ctx.store(), false).unwrap();
        assert_eq!((found.problem_count, found.expiry_entries), (0, 2), "{found:?}");
        ctx
    };
    let ctx = expiring().await;
    let entry = first(&ctx, &EXPIRIES);
    ctx.store().write(|tx| tx.delete(&EXPIRIES, &entry)).await.unwrap();
    let found = check(ctx.store(), false).unwrap();
    assert!(found.problems[0].ends_with("is missing"), "{found:?}");
    repaired(&ctx, 1);
    let other = [entry.as_bytes(), b"x"].concat();
    let surplus =
        |tx: &mut WriteTx| tx.put_raw(&EXPIRIES, Key::from_bytes(&other[..]), Bytes::new());
    ctx.store().write(surplus).await.unwrap();
    let found = check(ctx.store(), false).unwrap();
    assert!(found.problems[0].ends_with("is of no item"), "{found:?}");
    repaired(&ctx, 1);
}
