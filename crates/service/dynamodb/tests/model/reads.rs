//! Reads, compared with what the oracle has.

use std::collections::BTreeMap;

use api_dynamodb::{
    AttributeValue, Client, Get, GetItemInput, QueryInput, ScanInput, TransactGetItem,
    TransactGetItemsInput,
};

use crate::dice::Dice;
use crate::oracle::{Oracle, Slot, TABLES};
use crate::simulation::{random_slot, tag};
use crate::value::{Attributes, Value, from_api, text, to_api};

/// One read of a random kind.
pub async fn check_random(client: &Client, oracle: &Oracle, dice: &mut Dice) {
    match dice.below(7) {
        0 | 1 => check_get(client, oracle, &random_slot(dice)).await,
        2 => check_transact_get(client, oracle, dice).await,
        3 => check_query(client, oracle, dice).await,
        4 => check_scan(client, oracle, dice).await,
        5 => check_tagged(client, oracle, dice).await,
        _ => check_local(client, oracle, dice).await,
    }
}

async fn check_get(client: &Client, oracle: &Oracle, slot: &Slot) {
    let input = GetItemInput {
        table_name: TABLES[slot.table].to_owned(),
        key: to_api(&slot.key()),
        ..Default::default()
    };
    let found = client.get_item(input).await.unwrap().item.map(from_api);
    assert_eq!(found.as_ref(), oracle.items.get(slot), "get {slot:?}");
}

async fn check_transact_get(client: &Client, oracle: &Oracle, dice: &mut Dice) {
    let mut slots: Vec<Slot> = (0..1 + dice.below(4)).map(|_| random_slot(dice)).collect();
    slots.sort();
    slots.dedup();
    let get = |slot: &Slot| TransactGetItem {
        get: Get {
            table_name: TABLES[slot.table].to_owned(),
            key: to_api(&slot.key()),
            ..Default::default()
        },
    };
    let transact_items = slots.iter().map(get).collect();
    let input = TransactGetItemsInput { transact_items, ..Default::default() };
    let responses = client.transact_get_items(input).await.unwrap().responses.unwrap();
    let found: Vec<_> = responses.into_iter().map(|response| response.item.map(from_api)).collect();
    let expected: Vec<_> = slots.iter().map(|slot| oracle.items.get(slot).cloned()).collect();
    assert_eq!(found, expected, "transactional get of {slots:?}");
}

/// Runs a query to its end, page by page; answers the items, and how many were looked at.
async fn query_all(client: &Client, mut input: QueryInput) -> (Vec<Attributes>, i64) {
    let (mut items, mut scanned) = (Vec::new(), 0);
    loop {
        let page = client.query(input.clone()).await.unwrap();
        let limit = input.limit.map_or(i64::MAX, i64::from);
        let count = i64::from(page.scanned_count.unwrap_or_default());
        assert!(count <= limit, "more than the limit");
        scanned += count;
        items.extend(page.items.unwrap_or_default().into_iter().map(from_api));
        match page.last_evaluated_key {
            None => return (items, scanned),
            last => input.exclusive_start_key = last,
        }
    }
}

type Values = BTreeMap<String, AttributeValue>;

fn values(values: &[(&str, Value)]) -> Option<Values> {
    Some(values.iter().map(|(name, value)| ((*name).to_owned(), value.to_api())).collect())
}

/// The number of an item, if it has one.
fn n(item: &Attributes) -> Option<i64> {
    match item.get("n") {
        Some(Value::Number(n)) => Some(*n),
        _ => None,
    }
}

fn random_limit(dice: &mut Dice) -> Option<i32> {
    (!dice.once_in(3)).then(|| 1 + dice.below(5) as i32)
}

async fn check_query(client: &Client, oracle: &Oracle, dice: &mut Dice) {
    let pk = random_slot(dice).pk;
    let low = dice.below(4) as i64;
    let high = low + dice.below(3) as i64;
    let backward = dice.once_in(2);
    let above = dice.once_in(3).then(|| dice.below(20) as i64 - 5);
    let mut given =
        vec![(":p", text(&pk)), (":a", Value::Number(low)), (":b", Value::Number(high))];
    if let Some(above) = above {
        given.push((":n", Value::Number(above)));
    }
    let (found, scanned) = query_all(
        client,
        QueryInput {
            table_name: TABLES[0].to_owned(),
            key_condition_expression: Some("pk = :p AND sk BETWEEN :a AND :b".into()),
            filter_expression: above.map(|_| "n > :n".to_owned()),
            expression_attribute_values: values(&given),
            scan_index_forward: Some(!backward),
            limit: random_limit(dice),
            ..Default::default()
        },
    )
    .await;
    let of_range =
        |slot: &Slot| slot.table == 0 && slot.pk == pk && (low..=high).contains(&slot.sk);
    let mut expected: Vec<_> =
        oracle.items.iter().filter(|(slot, _)| of_range(slot)).map(|(_, item)| item).collect();
    assert_eq!(scanned as usize, expected.len(), "looked at by the query of {pk}");
    if backward {
        expected.reverse();
    }
    let passes = |item: &&&Attributes| above.is_none_or(|above| n(item).is_some_and(|n| n > above));
    let expected: Vec<_> = expected.iter().filter(passes).map(|item| (*item).clone()).collect();
    assert_eq!(found, expected, "query of {pk} from {low} to {high}, backward: {backward}");
}

async fn check_scan(client: &Client, oracle: &Oracle, dice: &mut Dice) {
    let table = dice.below(TABLES.len() as u64) as usize;
    let segments = 1 + dice.below(3) as i32;
    let mut found = Vec::new();
    for segment in 0..segments {
        let mut input = ScanInput {
            table_name: TABLES[table].to_owned(),
            limit: random_limit(dice),
            segment: (segments > 1).then_some(segment),
            total_segments: (segments > 1).then_some(segments),
            ..Default::default()
        };
        loop {
            let page = client.scan(input.clone()).await.unwrap();
            found.extend(page.items.unwrap_or_default().into_iter().map(from_api));
            match page.last_evaluated_key {
                None => break,
                last => input.exclusive_start_key = last,
            }
        }
    }
    check_same(table, found, oracle.items.iter().filter(|(slot, _)| slot.table == table));
}

/// Compares items in whatever order.
fn check_same<'a>(
    table: usize,
    found: Vec<Attributes>,
    expected: impl Iterator<Item = (&'a Slot, &'a Attributes)>,
) {
    let mut found: Vec<_> = found.into_iter().map(|item| (Slot::of(table, &item), item)).collect();
    found.sort();
    let expected: Vec<_> = expected.map(|(slot, item)| (slot.clone(), item.clone())).collect();
    assert_eq!(found, expected);
}

/// The global index: by tag, in the order of numbers; without items that lack either.
async fn check_tagged(client: &Client, oracle: &Oracle, dice: &mut Dice) {
    let tag = tag(dice);
    let backward = dice.once_in(2);
    let (mut found, _) = query_all(
        client,
        QueryInput {
            table_name: TABLES[0].to_owned(),
            index_name: Some("ByTag".into()),
            key_condition_expression: Some("s = :s".into()),
            expression_attribute_values: values(&[(":s", text(&tag))]),
            scan_index_forward: Some(!backward),
            limit: random_limit(dice),
            ..Default::default()
        },
    )
    .await;
    if backward {
        found.reverse();
    }
    assert!(found.is_sorted_by_key(n), "{found:?}");
    let has = |item: &Attributes| item.get("s") == Some(&text(&tag)) && n(item).is_some();
    check_same(0, found, oracle.items.iter().filter(|(slot, item)| slot.table == 0 && has(item)));
}

/// The local index: of one partition, by number.
async fn check_local(client: &Client, oracle: &Oracle, dice: &mut Dice) {
    let pk = random_slot(dice).pk;
    let least = dice.below(10) as i64 - 3;
    let (found, _) = query_all(
        client,
        QueryInput {
            table_name: TABLES[0].to_owned(),
            index_name: Some("ByNumber".into()),
            key_condition_expression: Some("pk = :p AND n >= :n".into()),
            expression_attribute_values: values(&[(":p", text(&pk)), (":n", Value::Number(least))]),
            limit: random_limit(dice),
            ..Default::default()
        },
    )
    .await;
    assert!(found.is_sorted_by_key(n), "{found:?}");
    let has = |slot: &Slot, item: &Attributes| {
        slot.table == 0 && slot.pk == pk && n(item).is_some_and(|n| n >= least)
    };
    check_same(0, found, oracle.items.iter().filter(|(slot, item)| has(slot, item)));
}

/// Everything that is stored, by plain scans; and whether both indexes agree with the table.
pub async fn everything(client: &Client) -> BTreeMap<Slot, Attributes> {
    let mut all = BTreeMap::new();
    for (table, name) in TABLES.into_iter().enumerate() {
        let indexes: &[&str] = if table == 0 { &["ByTag", "ByNumber"] } else { &[] };
        let items = scan(client, name, None).await;
        for index in indexes {
            let keys: &[&str] = if *index == "ByTag" { &["s", "n"] } else { &["n"] };
            let mut entries = scan(client, name, Some(index)).await;
            entries.sort();
            let has_keys = |item: &&Attributes| keys.iter().all(|key| item.contains_key(*key));
            let mut expected: Vec<_> = items.iter().filter(has_keys).cloned().collect();
            expected.sort();
            assert_eq!(entries, expected, "the index {index} is not equal to its table");
        }
        all.extend(items.into_iter().map(|item| (Slot::of(table, &item), item)));
    }
    all
}

async fn scan(client: &Client, table: &str, index: Option<&str>) -> Vec<Attributes> {
    let input = ScanInput {
        table_name: table.to_owned(),
        index_name: index.map(str::to_owned),
        ..Default::default()
    };
    let page = client.scan(input).await.unwrap();
    assert!(page.last_evaluated_key.is_none(), "one page is enough");
    page.items.unwrap_or_default().into_iter().map(from_api).collect()
}
