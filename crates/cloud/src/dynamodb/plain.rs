//! Plain JSON as attribute values, and the other way. Numbers keep all their digits, so the text
//! is read here: JSON libraries round numbers.

use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

/// DynamoDB's own limit is 32.
const DEPTH_MAX: usize = 40;

/// The attributes that a JSON object means.
pub fn item(text: &str) -> Result<Map<String, Value>, String> {
    // What follows relies on it being JSON.
    serde_json::from_str::<IgnoredAny>(text).map_err(|e| e.to_string())?;
    match Reader(text).value(0)? {
        Value::Object(mut value) => match value.remove("M") {
            Some(Value::Object(item)) => Ok(item),
            _ => Err("not a JSON object".into()),
        },
        _ => Err("not a JSON object".into()),
    }
}

/// The attribute value that JSON means.
pub fn value(text: &str) -> Result<Value, String> {
    serde_json::from_str::<IgnoredAny>(text).map_err(|e| e.to_string())?;
    Reader(text).value(0)
}

struct Reader<'a>(&'a str);

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<Value, String> {
        if depth > DEPTH_MAX {
            return Err("nested deeper than an item can be".into());
        }
        match self.peek() {
            Some('{') => Ok(json!({ "M": self.object(depth)? })),
            Some('[') => Ok(json!({ "L": self.array(depth)? })),
            Some('"') => Ok(json!({ "S": self.string()? })),
            Some(_) => {
                let end = self.0.find([',', ']', '}', ' ', '\t', '\r', '\n']);
                Ok(match self.take(end.unwrap_or(self.0.len())) {
                    "true" => json!({ "BOOL": true }),
                    "false" => json!({ "BOOL": false }),
                    "null" => json!({ "NULL": true }),
                    number => json!({ "N": number }),
                })
            }
            None => Err("ends too early".into()),
        }
    }

    fn object(&mut self, depth: usize) -> Result<Map<String, Value>, String> {
        let mut members = Map::new();
        self.take(1);
        while self.peek() == Some('"') {
            let name = self.string()?;
            self.skip(':');
            members.insert(name, self.value(depth + 1)?);
            self.skip(',');
        }
        self.skip('}');
        Ok(members)
    }

    fn array(&mut self, depth: usize) -> Result<Vec<Value>, String> {
        let mut elements = Vec::new();
        self.take(1);
        while !matches!(self.peek(), Some(']') | None) {
            elements.push(self.value(depth + 1)?);
            self.skip(',');
        }
        self.skip(']');
        Ok(elements)
    }

    fn string(&mut self) -> Result<String, String> {
        let mut is_escaped = false;
        let end = self.0.bytes().skip(1).position(|byte| {
            let ends = byte == b'"' && !is_escaped;
            is_escaped = byte == b'\\' && !is_escaped;
            ends
        });
        let text = self.take(end.map_or(self.0.len(), |end| end + 2));
        serde_json::from_str(text).map_err(|e| e.to_string())
    }

    fn peek(&mut self) -> Option<char> {
        self.0 = self.0.trim_start();
        self.0.chars().next()
    }

    fn skip(&mut self, expected: char) {
        if self.peek() == Some(expected) {
            self.take(1);
        }
    }

    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.0.split_at(bytes);
        self.0 = rest;
        taken
    }
}

/// Writes an item as plain JSON.
pub fn write_item(item: &Map<String, Value>, out: &mut String) {
    out.push('{');
    for (i, (name, value)) in item.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        out.push_str(&Value::from(name.as_str()).to_string());
        out.push(':');
        write_value(value, out);
    }
    out.push('}');
}

/// Writes an attribute value as plain JSON; one of a type that is unknown as it is.
fn write_value(value: &Value, out: &mut String) {
    let typed = value.as_object().and_then(|value| value.iter().next());
    match typed.map(|(name, value)| (name.as_str(), value)) {
        Some(("N", Value::String(number))) => out.push_str(number),
        Some(("M", Value::Object(members))) => write_item(members, out),
        Some(("L", Value::Array(elements))) => write_list(elements, out, write_value),
        Some(("NS", Value::Array(numbers))) => write_list(numbers, out, |number, out| {
            out.push_str(number.as_str().unwrap_or_default());
        }),
        Some(("NULL", _)) => out.push_str("null"),
        Some(("S" | "B" | "BOOL" | "SS" | "BS", value)) => out.push_str(&value.to_string()),
        _ => out.push_str(&value.to_string()),
    }
}

fn write_list(elements: &[Value], out: &mut String, write: impl Fn(&Value, &mut String)) {
    out.push('[');
    for (i, element) in elements.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        write(element, out);
    }
    out.push(']');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Value) {
        let found = item(text).unwrap();
        assert_eq!(Value::Object(found.clone()), expected, "{text}");
        let mut written = String::new();
        write_item(&found, &mut written);
        assert_eq!(item(&written).unwrap(), found, "{written}");
    }

    #[test]
    fn reads_plain_json() {
        check("{}", json!({}));
        check(
            " { \"a\\\"\" : \"x\\\\\" , \"b\":[ ] } ",
            json!({"a\"": {"S": "x\\"}, "b": {"L": []}}),
        );
        check(
            r#"{"n": 12345678901234567890123456789012345678, "m": {"f": 1e-5, "t": true, "z": null}}"#,
            json!({
                "n": {"N": "12345678901234567890123456789012345678"},
                "m": {"M": {"f": {"N": "1e-5"}, "t": {"BOOL": true}, "z": {"NULL": true}}},
            }),
        );
        check(
            r#"{"l": [1, "김서연", [], {}, false]}"#,
            json!({"l": {"L": [
                {"N": "1"}, {"S": "김서연"}, {"L": []}, {"M": {}}, {"BOOL": false},
            ]}}),
        );
    }

    #[test]
    fn refuses_what_is_no_item() {
        for wrong in ["", "[]", "1", "{", "{\"a\":}", "{\"a\":1}x", "{a:1}", "{\"a\":01}"] {
            assert!(item(wrong).is_err(), "{wrong}");
        }
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(item(&deep), Err("nested deeper than an item can be".into()));
    }

    #[test]
    fn writes_sets_as_lists() {
        let item = json!({"s": {"SS": ["a"]}, "n": {"NS": ["1", "2.5"]}, "b": {"B": "AA=="}});
        let mut out = String::new();
        write_item(item.as_object().unwrap(), &mut out);
        assert_eq!(out, r#"{"s":["a"],"n":[1,2.5],"b":"AA=="}"#);
    }
}
