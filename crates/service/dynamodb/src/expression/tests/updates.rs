//! Updates applied to an item.

use serde_json::{Value as Json, json};

use super::{item, placeholders};
use crate::invalid::Invalid;

/// What an update makes of an item (`null` for none): the item, or a message.
fn check(before: Json, cases: &[(&str, Json, Json)]) {
    for (text, given, expected) in cases {
        let update = placeholders(given).unwrap().update(text).unwrap();
        let exists = !before.is_null();
        let mut after = if exists { item(&before) } else { item(&json!({})) };
        match update.apply(&mut after, exists) {
            Ok(()) => assert!(expected.is_object() && after == item(expected), "{text}: {after:?}"),
            Err(Invalid(message)) => {
                assert_eq!(Some(message.as_str()), expected.as_str(), "{text}")
            }
        }
    }
}

const NO_PATH: &str = "The document path provided in the update expression is invalid for update";
const NO_ATTRIBUTE: &str =
    "The provided expression refers to an attribute that does not exist in the item";
const WRONG_TYPE: &str = "An operand in the update expression has an incorrect data type";

#[test]
fn set_reads_the_item_as_it_was() {
    check(
        json!({"a": {"N": "1"}, "b": {"S": "x"}}),
        &[
            ("SET a = b, b = a", json!({}), json!({"a": {"S": "x"}, "b": {"N": "1"}})),
            (
                "SET c = a + :n, a = a - :n",
                json!({":n": {"N": "0.5"}}),
                json!({"a": {"N": "0.5"}, "b": {"S": "x"}, "c": {"N": "1.5"}}),
            ),
            ("SET x = :v, y = x", json!({":v": {"N": "4"}}), json!(NO_ATTRIBUTE)),
            ("SET b = b + :n", json!({":n": {"N": "1"}}), json!(WRONG_TYPE)),
            (
                "SET z = if_not_exists(z, :v)",
                json!({":v": {"N": "4"}}),
                json!({"a": {"N": "1"}, "b": {"S": "x"}, "z": {"N": "4"}}),
            ),
            (
                "SET a = if_not_exists(a, absent)",
                json!({}),
                json!({"a": {"N": "1"}, "b": {"S": "x"}}),
            ),
            (
                "SET a = (a + :v)",
                json!({":v": {"N": "4"}}),
                json!({"a": {"N": "5"}, "b": {"S": "x"}}),
            ),
            (
                "SET l = list_append(:l, if_not_exists(l, :l))",
                json!({":l": {"L": [{"N": "1"}]}}),
                json!({"a": {"N": "1"}, "b": {"S": "x"}, "l": {"L": [{"N": "1"}, {"N": "1"}]}}),
            ),
            ("SET l = list_append(a, :l)", json!({":l": {"L": []}}), json!(WRONG_TYPE)),
        ],
    );
}

#[test]
fn lists_mean_the_indices_they_had() {
    let list = |elements: &[&str]| json!({"a": {"L": elements.iter().map(|n| json!({"N": n})).collect::<Vec<_>>()}});
    let v = json!({":v": {"N": "9"}});
    check(
        list(&["1", "2", "3", "4"]),
        &[
            ("REMOVE a[1] SET a[3] = :v", v.clone(), list(&["1", "3", "9"])),
            ("SET a[3] = :v REMOVE a[1]", v.clone(), list(&["1", "3", "9"])),
            ("REMOVE a[0], a[2]", json!({}), list(&["2", "4"])),
            ("REMOVE a[17]", json!({}), list(&["1", "2", "3", "4"])),
            ("SET a[9] = :v REMOVE a[4]", v.clone(), list(&["1", "2", "3", "4", "9"])),
            ("SET a[7] = :v", v.clone(), list(&["1", "2", "3", "4", "9"])),
            (
                "SET a[84] = :x, a[37] = :y, a[17] = :z",
                json!({":x": {"N": "7"}, ":y": {"N": "6"}, ":z": {"N": "5"}}),
                list(&["1", "2", "3", "4", "5", "6", "7"]),
            ),
            ("SET a.b = :v", v.clone(), json!(NO_PATH)),
            ("SET a[0].b = :v", v.clone(), json!(NO_PATH)),
            ("REMOVE x[0]", json!({}), json!(NO_PATH)),
        ],
    );
}

#[test]
fn maps_are_changed_inside() {
    check(
        json!({"m": {"M": {"l": {"L": [{"N": "1"}, {"M": {"x": {"S": "q"}}}]}, "k": {"S": "v"}}}}),
        &[
            (
                "SET m.l[1].x = :v, m.n = :v",
                json!({":v": {"N": "1"}}),
                json!({"m": {"M": {"l": {"L": [{"N": "1"}, {"M": {"x": {"N": "1"}}}]}, "k": {"S": "v"}, "n": {"N": "1"}}}}),
            ),
            (
                "REMOVE m.l[1].x, m.k",
                json!({}),
                json!({"m": {"M": {"l": {"L": [{"N": "1"}, {"M": {}}]}}}}),
            ),
            (
                "REMOVE m.l[1], m.l[0]",
                json!({}),
                json!({"m": {"M": {"l": {"L": []}, "k": {"S": "v"}}}}),
            ),
            (
                "REMOVE m.q",
                json!({}),
                json!({"m": {"M": {"l": {"L": [{"N": "1"}, {"M": {"x": {"S": "q"}}}]}, "k": {"S": "v"}}}}),
            ),
            ("REMOVE q.r", json!({}), json!(NO_PATH)),
            ("SET m.q.r = :v", json!({":v": {"N": "1"}}), json!(NO_PATH)),
            ("DELETE m.k.r :v", json!({":v": {"SS": ["1"]}}), json!(NO_PATH)),
            (
                "ADD m.q :v",
                json!({":v": {"N": "1"}}),
                json!({"m": {"M": {"l": {"L": [{"N": "1"}, {"M": {"x": {"S": "q"}}}]}, "k": {"S": "v"}, "q": {"N": "1"}}}}),
            ),
        ],
    );
}

#[test]
fn add_and_delete() {
    check(
        json!({"n": {"N": "5"}, "s": {"SS": ["a", "b"]}, "l": {"L": [{"NS": ["1"]}]}}),
        &[
            (
                "ADD n :v",
                json!({":v": {"N": "-6"}}),
                json!({"n": {"N": "-1"}, "s": {"SS": ["a", "b"]}, "l": {"L": [{"NS": ["1"]}]}}),
            ),
            (
                "ADD s :v",
                json!({":v": {"SS": ["b", "c"]}}),
                json!({"n": {"N": "5"}, "s": {"SS": ["a", "b", "c"]}, "l": {"L": [{"NS": ["1"]}]}}),
            ),
            (
                "ADD x :v",
                json!({":v": {"N": "3"}}),
                json!({"n": {"N": "5"}, "s": {"SS": ["a", "b"]}, "l": {"L": [{"NS": ["1"]}]}, "x": {"N": "3"}}),
            ),
            ("ADD n :v", json!({":v": {"SS": ["b"]}}), json!(WRONG_TYPE)),
            ("ADD s :v", json!({":v": {"NS": ["1"]}}), json!(WRONG_TYPE)),
            ("ADD l :v", json!({":v": {"NS": ["1"]}}), json!(WRONG_TYPE)),
            (
                "DELETE s :v",
                json!({":v": {"SS": ["b", "c"]}}),
                json!({"n": {"N": "5"}, "s": {"SS": ["a"]}, "l": {"L": [{"NS": ["1"]}]}}),
            ),
            (
                "DELETE s :v",
                json!({":v": {"SS": ["b", "a"]}}),
                json!({"n": {"N": "5"}, "l": {"L": [{"NS": ["1"]}]}}),
            ),
            (
                "DELETE l[0] :v",
                json!({":v": {"NS": ["1.0"]}}),
                json!({"n": {"N": "5"}, "s": {"SS": ["a", "b"]}, "l": {"L": []}}),
            ),
            ("DELETE s :v", json!({":v": {"NS": ["1"]}}), json!(WRONG_TYPE)),
            (
                "DELETE x :v",
                json!({":v": {"NS": ["1"]}}),
                json!({"n": {"N": "5"}, "s": {"SS": ["a", "b"]}, "l": {"L": [{"NS": ["1"]}]}}),
            ),
            (
                "ADD n :v",
                json!({":v": {"N": "9e125"}}),
                json!(
                    "Number overflow. Attempting to store a number with magnitude larger than supported range"
                ),
            ),
        ],
    );
}

#[test]
fn without_an_item_there_is_nothing_to_remove() {
    check(
        Json::Null,
        &[
            ("REMOVE x.y", json!({}), json!({})),
            ("REMOVE x[0], y", json!({}), json!({})),
            ("DELETE x :v", json!({":v": {"NS": ["1"]}}), json!({})),
            ("SET x.y = :v", json!({":v": {"N": "1"}}), json!(NO_PATH)),
            ("SET x = :v", json!({":v": {"N": "1"}}), json!({"x": {"N": "1"}})),
            ("SET x = y", json!({}), json!(NO_ATTRIBUTE)),
        ],
    );
}
