//! Conditions and projections on an item, in memory and stored.

use serde_json::{Value as Json, json};

use super::super::ExpressionKind::Filter;
use super::{item, placeholders};
use crate::item::{StoredItem, encode};

fn sample() -> Json {
    json!({
        "s": {"S": "hello"}, "n": {"N": "10"}, "b": {"B": "bytes"}, "t": {"BOOL": true},
        "nil": {"NULL": true}, "ss": {"SS": ["a", "b"]}, "ns": {"NS": ["1", "2.50"]},
        "l": {"L": [{"N": "1"}, {"S": "x"}, {"M": {"y": {"S": "deep"}}}]},
        "m": {"M": {"k": {"N": "5"}, "set": {"SS": ["q", "p"]}}}, "s2": {"S": "hello"},
        "한": {"S": "한국"}
    })
}

/// Whether the condition holds, both ways of holding an item agreeing.
fn holds(text: &str, given: &Json) -> bool {
    let item = item(&sample());
    let bytes = encode(&item);
    let stored = StoredItem::new(&bytes).unwrap();
    let condition = placeholders(given).unwrap().condition(Filter, text).unwrap();
    let answer = condition.holds(&item).unwrap();
    assert_eq!(condition.holds(&stored).unwrap(), answer, "{text}");
    answer
}

#[test]
fn conditions() {
    let given = json!({
        ":hello": {"S": "hello"}, ":h": {"S": "h"}, ":z": {"S": "z"}, ":ten": {"N": "1e1"},
        ":five": {"N": "5"}, ":one": {"N": "1.0"}, ":two": {"N": "2"}, ":ss": {"SS": ["b", "a"]},
        ":by": {"B": "by"}, ":S": {"S": "S"}, ":NULL": {"S": "NULL"}, ":a": {"S": "a"},
        ":set": {"M": {"set": {"SS": ["p", "q"]}, "k": {"N": "5.0"}}}, ":true": {"BOOL": true},
        "#k": "한"
    });
    for (text, expected) in [
        ("s = :hello", true),
        ("s = s2", true),
        ("s <> s2", false),
        ("n = :ten", true),
        ("n = :hello", false),
        ("n <> :hello", true),
        ("absent = absent2", false),
        ("absent <> absent2", true),
        ("absent < n", false),
        ("n < absent", false),
        ("ss = :ss", true),
        ("m = :set", true),
        ("t = :true", true),
        ("s > :h and s < :z", true),
        ("l < n", false),
        ("n between :five and :ten", true),
        ("n between :ten and n2", false),
        ("s between :h and :z and n > :five", true),
        ("n in (:hello, :ten)", true),
        ("absent in (:hello)", false),
        ("attribute_exists(l[2].y)", true),
        ("attribute_exists(l[3])", false),
        ("attribute_exists(l.y)", false),
        ("attribute_not_exists(m.x)", true),
        ("attribute_type(s, :S)", true),
        ("attribute_type(nil, :NULL)", true),
        ("attribute_type(:hello, :S)", true),
        ("attribute_type(absent, :S)", false),
        ("begins_with(s, :h)", true),
        ("begins_with(b, :by)", true),
        ("begins_with(n, :h)", false),
        ("begins_with(s, absent)", false),
        ("contains(s, :h)", true),
        ("contains(b, :by)", true),
        ("contains(ss, :a)", true),
        ("contains(ns, :one)", true),
        ("contains(ns, :ten)", false),
        ("contains(l, :one)", true),
        ("contains(m, :five)", false),
        ("contains(:hello, s2)", true),
        ("size(s) = :five", true),
        ("size(ss) = :two", true),
        ("size(#k) = :two", true),
        ("size(l) > size(m)", true),
        ("size(n) = :two", false),
        ("size(absent) < :two", false),
        ("not size(n) = :two", true),
        ("NOT NOT NOT absent = n", true),
        ("s = :z OR n = :ten AND s = :z", false),
        ("s = :hello OR n = :ten AND s = :z", true),
        ("(s = :hello OR n = :ten) AND s = :z", false),
        ("NOT s = :z AND n = :ten", true),
        ("m.k = :five AND l[0] < m.k", true),
    ] {
        assert_eq!(holds(text, &given), expected, "{text}");
    }
}

#[test]
fn bytes_compare_unsigned() {
    let condition = placeholders(&json!({":b": {"B": "\u{7f}"}})).unwrap();
    let mut condition = condition;
    let condition = condition.condition(Filter, "b > :b").unwrap();
    let item = [("b".to_owned(), crate::value::Value::B(vec![0x80]))].into_iter().collect();
    assert!(condition.holds(&item as &crate::value::Item).unwrap());
}

#[test]
fn projections() {
    let item_before = item(&sample());
    let bytes = encode(&item_before);
    let stored = StoredItem::new(&bytes).unwrap();
    for (text, expected) in [
        ("s", json!({"s": {"S": "hello"}})),
        (
            "m.k, l[2].y, l[0]",
            json!({
                "m": {"M": {"k": {"N": "5"}}}, "l": {"L": [{"N": "1"}, {"M": {"y": {"S": "deep"}}}]}
            }),
        ),
        ("absent, m.x, l[9], s.x, n", json!({"n": {"N": "10"}})),
        ("l", json!({"l": sample()["l"]})),
        ("m.x", json!({})),
    ] {
        let projection = placeholders(&json!({})).unwrap().projection(text).unwrap();
        assert_eq!(projection.of(&item_before), item(&expected), "{text}");
        assert_eq!(projection.of_stored(stored).unwrap(), item(&expected), "{text} stored");
    }
}
