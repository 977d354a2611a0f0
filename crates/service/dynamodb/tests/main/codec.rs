//! Attribute values read themselves; whatever they are given, they read what the general codec
//! would, complain as it would, and are left as it would leave them.

use api_dynamodb::{MODEL, PutItemInput};
use bytes::Bytes;
use shape::{Dynamic, Reading, Struct, validate};

/// Reads one body: what came of it, or the complaint, as one text.
fn read(body: &str, input: &mut dyn Struct) -> String {
    let op = &MODEL.operations[MODEL.operation_index("PutItem").unwrap()];
    let headers = http::HeaderMap::new();
    let request = wire::Request {
        method: "POST",
        path: "/",
        query: "",
        headers: &headers,
        body: Bytes::copy_from_slice(body.as_bytes()),
    };
    let mut reading = Reading::default();
    match wire::read_request(*MODEL, op, &request, input, &mut reading) {
        Err(error) => format!("refused: {error}"),
        Ok(()) => {
            let problems = validate(input, &reading);
            if !problems.is_empty() {
                // No handler will see the input.
                return format!("{problems:?}");
            }
            String::from_utf8(wire::door::write(op, input)).unwrap()
        }
    }
}

fn check(item: &str) -> String {
    let body = format!(r#"{{"TableName": "Simple", "Item": {item}, "ConditionExpression": "x"}}"#);
    let op = &MODEL.operations[MODEL.operation_index("PutItem").unwrap()];
    let mut general = Dynamic::of(op.input.shape());
    let expected = read(&body, general.as_struct());
    assert_eq!(read(&body, &mut PutItemInput::default()), expected, "{body}");
    expected
}

/// Every member of the union, and texts that are the least bit unusual.
const VALUES: &[&str] = &[
    r#"{"S":"a"}"#,
    r#"{"S":""}"#,
    r#" { "S" : "a\n\"\u00e9\ud83d\ude00\/" } "#,
    r#"{"S":"가나다라마바사아자차"}"#,
    r#"{"N":"-1.50"}"#,
    r#"{"N":"not a number"}"#,
    r#"{"N":5}"#,
    r#"{"B":"AQID"}"#,
    r#"{"B":"AQI"}"#,
    r#"{"B":"AQIDB==="}"#,
    r#"{"BOOL":true}"#,
    r#"{"BOOL":"false"}"#,
    r#"{"BOOL":1}"#,
    r#"{"NULL":true}"#,
    r#"{"NULL":false}"#,
    r#"{"NULL":null}"#,
    r#"{"SS":["a","b","a"]}"#,
    r#"{"SS":[]}"#,
    r#"{"SS":[null]}"#,
    r#"{"SS":"a"}"#,
    r#"{"NS":["1","1.0"]}"#,
    r#"{"BS":["AQ==",""]}"#,
    r#"{"L":[{"S":"a"},{"L":[]},{"M":{}}]}"#,
    r#"{"L":[null]}"#,
    r#"{"L":[{}]}"#,
    r#"{"L":{}}"#,
    r#"{"M":{"a":{"N":"1"},"b":{"M":{"c":{"NULL":true}}},"a":{"S":"again"}}}"#,
    r#"{"M":{"a":null}}"#,
    r#"{"M":[]}"#,
    r#"{}"#,
    r#"null"#,
    r#"[]"#,
    r#""S""#,
    r#"{"S":null}"#,
    r#"{"S":"a","N":"1"}"#,
    r#"{"S":"a","S":"b"}"#,
    r#"{"S":"a","X":"b"}"#,
    r#"{"X":"b"}"#,
    r#"{"s":"a"}"#,
    r#"{"S":"a",}"#,
    r#"{"S" "a"}"#,
    r#"{"S":"a"#,
    "{\"S\":\"a\u{1}\"}",
    r#"{"S":"\ud800"}"#,
];

#[test]
fn values_are_read_as_the_general_codec_reads_them() {
    for value in VALUES {
        for item in [
            format!(r#"{{"pk":{value}}}"#),
            format!(r#"{{"pk":{{"S":"a"}},"x":{value},"y":{{"L":[{value}]}},"z":{value}}}"#),
            format!(r#"{{"x":{{"M":{{"y":{{"M":{{"z":{value}}}}}}}}},"pk":{{"S":"a"}}}}"#),
            format!(r#"{{"a":{{"S":"1"}},"":{value},"a":{value}}}"#),
            (*value).to_owned(),
        ] {
            check(&item);
        }
    }
}

#[test]
fn long_names_are_checked() {
    let name = "a".repeat(70_000);
    assert!(check(&format!(r#"{{"{name}":{{"S":"a"}}}}"#)).contains("MaxLength"));
}

#[test]
fn nesting_is_followed_as_deep() {
    for depth in [1, 31, 32, 33, 40, 41, 62, 63, 64, 65, 1000] {
        let maps = format!(r#"{}{{"S":"a"}}{}"#, r#"{"M":{"m":"#.repeat(depth), "}}".repeat(depth));
        let lists = format!(r#"{}{{"S":"a"}}{}"#, r#"{"L":["#.repeat(depth), "]}".repeat(depth));
        check(&format!(r#"{{"pk":{maps}}}"#));
        check(&format!(r#"{{"pk":{lists}}}"#));
    }
}

#[test]
fn damaged_text_is_refused_as_the_general_codec_refuses_it() {
    let item = r#"{"pk":{"S":"a\n"},"b":{"B":"AQID"},"l":{"L":[{"N":"1"},{"BOOL":true}]},"m":{"M":{"s":{"SS":["x"]}}}}"#;
    for cut in 0..item.len() {
        check(&item[..cut]);
        for replaced in ["\"", "}", "]", ",", ":", "x", "null", " ", ""] {
            check(&format!("{}{replaced}{}", &item[..cut], &item[cut + 1..]));
        }
    }
}
