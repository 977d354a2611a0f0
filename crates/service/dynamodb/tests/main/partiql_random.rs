//! SELECT by ranges of keys against SELECT by a scan.
//!
//! `WHERE c` is taken apart into ranges of keys and filters; `WHERE (c) = true` is not, and so
//! looks at everything. Both must find the same.

use serde_json::{Value, json};

use crate::Cloud;
use crate::interpreter::Dice;

const STATEMENTS: u64 = 600;

fn condition(dice: &mut Dice<'_>, levels: usize) -> String {
    if levels > 0 && !dice.one_in(4) {
        let (a, b) = (condition(dice, levels - 1), condition(dice, levels - 1));
        return match dice.roll(5) {
            0..3 => format!("({a} AND {b})"),
            3 => format!("({a} OR {b})"),
            _ => format!("(NOT {a})"),
        };
    }
    let value = dice.roll(6);
    match dice.roll(10) {
        0..3 => format!("pk = '{}'", dice.pick(&["o", "p", "q"])),
        3 => dice.pick(&["pk IN ['o', 'p']", "'p' = pk", "pk > 'o'"]).to_owned(),
        4 | 5 => format!("sk {} {value}", dice.pick(&["=", "<", "<=", ">", ">=", "<>"])),
        6 => format!("sk BETWEEN {value} AND {}", value + dice.roll(3)),
        7 => format!("sk IN [{value}, {}]", value + 1 + dice.roll(3)),
        8 => format!("{value} {} sk", dice.pick(&["=", "<", ">="])),
        _ => format!("n {} {}", dice.pick(&["=", "<", ">="]), dice.roll(3)),
    }
}

fn found(answer: &Value) -> Option<Vec<String>> {
    let items = answer["Items"].as_array()?;
    let mut found: Vec<String> = items.iter().map(Value::to_string).collect();
    found.sort();
    Some(found)
}

/// All pages, of so many items looked at each.
async fn read_all(cloud: &Cloud, statement: &str, limit: Option<usize>) -> Option<Vec<String>> {
    let mut request = json!({"Statement": statement});
    if let Some(limit) = limit {
        request["Limit"] = json!(limit);
    }
    let mut all = Vec::new();
    loop {
        let answer = cloud.call("ExecuteStatement", request.clone()).await;
        let message = answer["message"].as_str().unwrap_or_default();
        let is_refused = message.starts_with("Overlapping conditions")
            || message.starts_with("Too many decomposed");
        if is_refused {
            return None;
        }
        all.extend(found(&answer).unwrap_or_else(|| panic!("{statement}: {answer}")));
        if answer["NextToken"].is_null() {
            all.sort();
            return Some(all);
        }
        request["NextToken"] = answer["NextToken"].clone();
    }
}

#[tokio::test]
async fn ranges_find_what_a_scan_finds() {
    let cloud = Cloud::with_tables().await;
    for pk in ["o", "p", "r"] {
        for sk in 0..6 {
            let item = json!({"pk": {"S": pk}, "sk": {"N": sk.to_string()},
                              "n": {"N": (sk % 3).to_string()}});
            cloud.call("PutItem", json!({"TableName": "Sorted", "Item": item})).await;
        }
    }
    let mut compared = 0;
    for seed in 0..STATEMENTS {
        let mut dice = Dice::seeded(seed);
        let condition = condition(&mut dice, 3);
        let ranges = format!("SELECT pk, sk FROM Sorted WHERE {condition}");
        let scan = format!("SELECT pk, sk FROM Sorted WHERE ({condition}) = true");
        let limit = dice.one_in(2).then(|| 1 + dice.roll(4));
        let Some(by_ranges) = read_all(&cloud, &ranges, limit).await else { continue };
        let by_scan = read_all(&cloud, &scan, None).await;
        assert_eq!(Some(by_ranges), by_scan, "{ranges}");
        compared += 1;
    }
    assert!(compared > STATEMENTS / 2, "{compared}");
}
