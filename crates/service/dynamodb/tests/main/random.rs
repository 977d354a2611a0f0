//! Random writes, and queries and scans of what they leave, against a plain map.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::Cloud;

/// Random choices from a seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % sides
    }

    /// A sort key: some halves, some negative, some written in other ways.
    fn sort_key(&mut self) -> (i64, String) {
        let halves = self.roll(60) as i64 - 30;
        let text = match self.roll(3) {
            0 => format!("{}", halves as f64 / 2.0),
            1 => format!("{}e-1", halves * 5),
            _ => format!("{:.3}", halves as f64 / 2.0),
        };
        (halves, text)
    }
}

/// Partition, sort key in halves, and a value.
type Oracle = BTreeMap<(String, i64), u64>;

async fn write(cloud: &Cloud, dice: &mut Dice, oracle: &mut Oracle) {
    let pk = format!("p{}", dice.roll(4));
    let (halves, text) = dice.sort_key();
    let key = json!({"pk": {"S": pk}, "sk": {"N": text}});
    let slot = (pk, halves);
    let known = oracle.get(&slot).copied();
    let (operation, request, changes): (_, _, Option<Option<u64>>) = match dice.roll(4) {
        0 => ("DeleteItem", json!({"Key": key}), Some(None)),
        1 => {
            let request = json!({
                "Key": key, "UpdateExpression": "ADD n :n",
                "ExpressionAttributeValues": {":n": {"N": "3"}},
            });
            ("UpdateItem", request, Some(Some(known.unwrap_or(0) + 3)))
        }
        2 => {
            let request = json!({
                "Key": key, "UpdateExpression": "SET n = n + :n",
                "ConditionExpression": "n > :n",
                "ExpressionAttributeValues": {":n": {"N": "3"}},
            });
            ("UpdateItem", request, known.filter(|n| *n > 3).map(|n| Some(n + 3)))
        }
        _ => {
            let n = dice.roll(10);
            let mut item = key;
            item["n"] = json!({"N": n.to_string()});
            ("PutItem", json!({ "Item": item }), Some(Some(n)))
        }
    };
    let mut request = request;
    request["TableName"] = json!("Sorted");
    let answer = cloud.call(operation, request).await;
    match changes {
        None => assert_eq!(answer["message"], "The conditional request failed"),
        Some(change) => {
            assert_eq!(answer, json!({}), "{operation}");
            match change {
                Some(n) => oracle.insert(slot, n),
                None => oracle.remove(&slot),
            };
        }
    }
}

/// All items of all pages as partition, halves and value.
async fn read_all(cloud: &Cloud, operation: &str, mut request: Value) -> Vec<((String, i64), u64)> {
    let mut found = Vec::new();
    loop {
        let answer = cloud.call(operation, request.clone()).await;
        for item in answer["Items"].as_array().unwrap_or_else(|| panic!("{answer}")) {
            let number = |name: &str| item[name]["N"].as_str().unwrap().parse::<f64>().unwrap();
            let pk = item["pk"]["S"].as_str().unwrap().to_owned();
            found.push(((pk, (number("sk") * 2.0) as i64), number("n") as u64));
        }
        match answer.get("LastEvaluatedKey") {
            Some(last) => request["ExclusiveStartKey"] = last.clone(),
            None => return found,
        }
    }
}

async fn check_query(cloud: &Cloud, dice: &mut Dice, oracle: &Oracle) {
    let pk = format!("p{}", dice.roll(4));
    let mut bounds = [dice.sort_key(), dice.sort_key()];
    bounds.sort();
    let [(low, low_text), (high, high_text)] = bounds;
    let (condition, passes): (&str, Box<dyn Fn(i64) -> bool>) = match dice.roll(6) {
        0 => ("sk = :a", Box::new(move |sk| sk == low)),
        1 => ("sk < :a", Box::new(move |sk| sk < low)),
        2 => ("sk <= :a", Box::new(move |sk| sk <= low)),
        3 => ("sk > :a", Box::new(move |sk| sk > low)),
        4 => ("sk >= :a", Box::new(move |sk| sk >= low)),
        _ => ("sk BETWEEN :a AND :b", Box::new(move |sk| low <= sk && sk <= high)),
    };
    let mut values = json!({":p": {"S": pk}, ":a": {"N": low_text}});
    if condition.contains(":b") {
        values[":b"] = json!({ "N": high_text });
    }
    let backward = dice.roll(2) == 0;
    let request = json!({
        "TableName": "Sorted", "KeyConditionExpression": format!("pk = :p AND {condition}"),
        "ExpressionAttributeValues": values, "ScanIndexForward": !backward,
        "Limit": 1 + dice.roll(7),
    });
    let mut expected: Vec<_> = oracle
        .iter()
        .filter(|((partition, sk), _)| *partition == pk && passes(*sk))
        .map(|(slot, n)| (slot.clone(), *n))
        .collect();
    if backward {
        expected.reverse();
    }
    let found = read_all(cloud, "Query", request.clone()).await;
    assert_eq!(found, expected, "{request}");
}

#[tokio::test]
async fn random_writes_and_reads_agree_with_a_map() {
    for seed in [1, 2, 3] {
        let cloud = Cloud::with_tables().await;
        let mut dice = Dice(seed);
        let mut oracle = Oracle::new();
        for _ in 0..150 {
            write(&cloud, &mut dice, &mut oracle).await;
            write(&cloud, &mut dice, &mut oracle).await;
            check_query(&cloud, &mut dice, &oracle).await;
        }
        let request = json!({"TableName": "Sorted", "Limit": 1 + dice.roll(20)});
        let mut found = read_all(&cloud, "Scan", request).await;
        found.sort();
        assert_eq!(found, oracle.into_iter().collect::<Vec<_>>(), "seed {seed}");
    }
}
