//! Constraint messages, as a client would read them.

use shape::{Dynamic, Fields, Reading, Scalar, problems_message, validate};

/// Reads JSON into the input of the only operation, as a codec would, and returns the message.
fn check(shapes: &str, input: serde_json::Value, expected: &str) {
    let model = format!(
        r#"{{"metadata": {{"endpointPrefix": "x", "protocol": "json"}}, "shapes": {shapes},
            "operations": {{"Op": {{"name": "Op", "http": {{}}, "input": {{"shape": "In"}}}}}}}}"#
    );
    let model = shape::botocore::load(&serde_json::from_str(&model).unwrap(), &|_| true);
    let model = model.unwrap().leak();
    let mut reading = Reading::default();
    let mut value = Dynamic::new(&model.operations[0].input);
    read(&mut value, &input, &mut reading);
    let problems = validate(value.as_struct(), &reading);
    let message = if problems.is_empty() { String::new() } else { problems_message(&problems) };
    assert_eq!(message, expected, "{input}");
}

fn read(value: &mut dyn shape::Value, json: &serde_json::Value, reading: &mut Reading) {
    use serde_json::Value as Json;
    match json {
        Json::String(s) => value.put(Scalar::Str(s.into())).unwrap(),
        Json::Number(n) => value.put(Scalar::Int(n.as_i64().unwrap())).unwrap(),
        Json::Bool(b) => value.put(Scalar::Bool(*b)).unwrap(),
        Json::Array(items) => {
            let list = value.list().unwrap();
            for (i, item) in items.iter().enumerate() {
                assert!(reading.enter_element(i));
                read(list.push(), item, reading);
                reading.leave();
            }
        }
        Json::Object(members) => match value.structure() {
            Ok(target) => {
                let mut fields = Fields::new(target);
                for (name, member) in members {
                    let index = fields.shape().member_index(name).unwrap();
                    assert!(reading.enter_member(name));
                    read(fields.get(index), member, reading);
                    reading.leave();
                }
                fields.finish(reading);
            }
            Err(_) => {
                let map = value.map().unwrap();
                for (key, member) in members {
                    assert!(reading.enter_entry(key));
                    read(map.insert(key), member, reading);
                    reading.leave();
                }
            }
        },
        Json::Null => {}
    }
}

const TABLE: &str = r#"{
    "In": {"type": "structure", "required": ["TableName", "Keys"], "members": {
        "TableName": {"shape": "Name"}, "Keys": {"shape": "Keys"}, "Limit": {"shape": "Limit"},
        "Secret": {"shape": "Secret"}, "Tags": {"shape": "Tags"}}},
    "Name": {"type": "string", "min": 3, "max": 5, "pattern": "[a-z]+"},
    "Limit": {"type": "integer", "min": 1, "max": 100},
    "Secret": {"type": "string", "max": 2, "sensitive": true},
    "Keys": {"type": "list", "min": 1, "max": 2, "member": {"shape": "Key"}},
    "Key": {"type": "structure", "required": ["Type"], "members": {"Type": {"shape": "Type"}}},
    "Type": {"type": "string", "enum": ["HASH", "RANGE"]},
    "Tags": {"type": "map", "key": {"shape": "Name"}, "value": {"shape": "Limit"}}
}"#;

#[test]
fn messages() {
    let ok = serde_json::json!([{"Type": "HASH"}]);
    check(TABLE, serde_json::json!({"TableName": "abc", "Keys": ok}), "");
    check(
        TABLE,
        serde_json::json!({}),
        "2 validation errors detected: Value null at 'tableName' failed to satisfy constraint: \
         Member must not be null; Value null at 'keys' failed to satisfy constraint: \
         Member must not be null",
    );
    check(
        TABLE,
        serde_json::json!({"TableName": "A1", "Keys": ok}),
        "2 validation errors detected: Value 'A1' at 'tableName' failed to satisfy constraint: \
         Member must have length greater than or equal to 3; Value 'A1' at 'tableName' failed to \
         satisfy constraint: Member must satisfy regular expression pattern: [a-z]+",
    );
    check(
        TABLE,
        serde_json::json!({"TableName": "abc", "Keys": [{"Type": "HASH"}, {"Type": "SORT"}]}),
        "1 validation error detected: Value 'SORT' at 'keys.2.member.type' failed to satisfy \
         constraint: Member must satisfy enum value set: [HASH, RANGE]",
    );
    check(
        TABLE,
        serde_json::json!({"TableName": "abc", "Keys": [{}]}),
        "1 validation error detected: Value null at 'keys.1.member.type' failed to satisfy \
         constraint: Member must not be null",
    );
    check(
        TABLE,
        serde_json::json!({"TableName": "abc", "Keys": ok, "Limit": 101}),
        "1 validation error detected: Value '101' at 'limit' failed to satisfy constraint: \
         Member must have value less than or equal to 100",
    );
    check(
        TABLE,
        serde_json::json!({"TableName": "abc", "Keys": ok, "Tags": {"abc": 0}}),
        "1 validation error detected: Value '0' at 'tags.abc.member' failed to satisfy \
         constraint: Member must have value greater than or equal to 1",
    );
}

#[test]
fn a_sensitive_value_is_never_quoted() {
    let input = serde_json::json!({
        "TableName": "abc", "Keys": [{"Type": "HASH"}], "Secret": "do not print this"
    });
    check(
        TABLE,
        input,
        "1 validation error detected: Value at 'secret' failed to satisfy constraint: \
         Member must have length less than or equal to 2",
    );
}

#[test]
fn classes_of_patterns_are_those_of_ascii() {
    let check = |pattern: &str, text: &str, fits: bool| {
        let found = shape::Pattern::new(pattern).regex().map(|regex| regex.is_match(text));
        assert_eq!(found, Some(fits), "{pattern} {text:?}");
    };
    check(r"[\w+=,.@-]+", "kim_+=,.@-9", true);
    check(r"[\w+=,.@-]+", "김", false);
    check(r"[\w+=,.@-]+", "é", false);
    check(r"\w", "_", true);
    check(r"\w", "é", false);
    check(r"\d{2}", "12", true);
    check(r"\d{2}", "١٢", false);
    check(r"[^\s]+", "a\u{a0}b", true);
    check(r"[^\s]+", "a\tb", false);
    check(r"[\w-_]*", "a-_", true);
    check(r"[\s\S]*", "\n김", true);
    check(r"[\W\S_]*", "a \n김", true);
    check(r"[.\-\w]+", "a.-", true);
    check(r"\\w", "\\w", true);
    check(r"[:\w]+", ":a", true);
    check(r"(^[\S].*[\S]$)|(^[\S]$)", " a", false);
}
