//! What a target gets: the event, a part of it, a constant, or a text with parts in it.

use kernel::Timestamp;
use serde_json::Value as Json;

use crate::event::Event;
use crate::path::Path;
use crate::record::{Target, Transformer};

/// Longest text made of a template.
const BYTES_MAX: usize = 1024 * 1024;

/// What the reserved placeholders stand for.
pub(crate) struct Facts<'a> {
    pub rule_arn: &'a str,
    pub rule_name: &'a str,
    pub ingested_ms: u64,
}

/// The payload of a target; nothing where it would become too long.
pub(crate) fn payload(event: &Event, target: &Target, facts: &Facts<'_>) -> Option<String> {
    if let Some(input) = &target.input {
        return Some(input.clone());
    }
    if let Some(path) = &target.input_path {
        let found = Path::parse(path).and_then(|path| path.of(&event.json()));
        return Some(found.unwrap_or(Json::Null).to_string());
    }
    let Some(Transformer { paths, template }) = &target.transformer else {
        return Some(event.text());
    };
    let json = event.json();
    let value = |name: &str| -> Json {
        if let Some(path) = paths.as_ref().and_then(|paths| paths.get(name)) {
            // What is not there is an empty text, so that the rest stays JSON.
            let found = Path::parse(path).and_then(|path| path.of(&json));
            return found.unwrap_or_else(|| "".into());
        }
        match name {
            "aws.events.rule-arn" => facts.rule_arn.into(),
            "aws.events.rule-name" => facts.rule_name.into(),
            "aws.events.event.ingestion-time" => {
                let at = Timestamp::from_ms(facts.ingested_ms as i64);
                at.civil("%Y-%m-%dT%H:%M:%SZ").into()
            }
            "aws.events.event" => event.head(),
            _ => json.clone(),
        }
    };
    let mut out = String::new();
    for piece in pieces(template) {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Place { name, quoted: false } => out.push_str(&value(name).to_string()),
            Piece::Place { name, quoted: true } => out.push_str(&within_quotes(&value(name))),
        }
        if out.len() > BYTES_MAX {
            return None;
        }
    }
    Some(out)
}

/// A value in the middle of a JSON string: lists and objects lose their quotes there.
fn within_quotes(value: &Json) -> String {
    let text = value.to_string();
    match value {
        Json::String(_) => text[1..text.len() - 1].to_owned(),
        Json::Array(_) | Json::Object(_) => text.replace(['"', '\\'], ""),
        _ => text,
    }
}

/// Refuses what is no transformer, with AWS's text.
pub(crate) fn check(id: &str, transformer: &Transformer) -> Result<(), String> {
    let paths = transformer.paths.as_ref();
    for (name, path) in paths.into_iter().flatten() {
        if name.to_ascii_lowercase().starts_with("aws") {
            return Err(format!("InputPathsMap for target {id} contains reserved key {name}."));
        }
        if Path::parse(path).is_none() {
            return Err(format!("InputPath {path} for target {id} is not a valid JSON path."));
        }
    }
    let reserved = [
        "aws.events.rule-arn",
        "aws.events.rule-name",
        "aws.events.event.ingestion-time",
        "aws.events.event",
        "aws.events.event.json",
    ];
    let mut sample = String::new();
    for piece in pieces(&transformer.template) {
        match piece {
            Piece::Text(text) => sample.push_str(text),
            Piece::Place { name, .. } => {
                if !reserved.contains(&name) && !paths.is_some_and(|p| p.contains_key(name)) {
                    return Err(format!(
                        "InputTemplate for target {id} contains invalid placeholder {name}."
                    ));
                }
                sample.push('0');
            }
        }
    }
    let values = serde_json::Deserializer::from_str(&sample).into_iter::<Json>();
    match values.collect::<Result<Vec<_>, _>>() {
        Ok(values) if !values.is_empty() => Ok(()),
        Ok(_) => Err(format!("Invalid InputTemplate for target {id} : it is empty.")),
        Err(error) => Err(format!("Invalid InputTemplate for target {id} : {error}")),
    }
}

enum Piece<'a> {
    Text(&'a str),
    Place { name: &'a str, quoted: bool },
}

/// A template cut at its `<placeholders>`.
fn pieces(template: &str) -> Vec<Piece<'_>> {
    let bytes = template.as_bytes();
    let mut pieces = Vec::new();
    let (mut from, mut at, mut quoted) = (0, 0, false);
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if quoted => at += 1,
            b'"' => quoted = !quoted,
            b'<' => {
                let rest = &template[at + 1..];
                let name = rest.find('>').map(|end| &rest[..end]).filter(|name| is_name(name));
                if let Some(name) = name {
                    pieces.push(Piece::Text(&template[from..at]));
                    pieces.push(Piece::Place { name, quoted });
                    at += name.len() + 1;
                    from = at + 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    pieces.push(Piece::Text(&template[from..]));
    pieces
}

fn is_name(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    !text.is_empty() && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn event() -> Event {
        Event {
            id: "i".into(),
            detail_type: "t".into(),
            source: "s".into(),
            account: "111122223333".into(),
            at_ms: 1_700_000_000_123,
            region: "eu-west-1".into(),
            resources: vec!["r".into()],
            detail: r#"{"n": 1.50, "who": "a \"b\"", "list": ["x", 1], "o": {"k": "v"}}"#.into(),
            replay: None,
        }
    }

    const FACTS: Facts<'_> = Facts { rule_arn: "arn", rule_name: "rule", ingested_ms: 0 };

    #[test]
    fn the_event_itself_has_awss_form() {
        let expected = r#"{"version":"0","id":"i","detail-type":"t","source":"s","account":"111122223333","time":"2023-11-14T22:13:20Z","region":"eu-west-1","resources":["r"],"detail":{"n": 1.50, "who": "a \"b\"", "list": ["x", 1], "o": {"k": "v"}}}"#;
        assert_eq!(payload(&event(), &Target::default(), &FACTS).unwrap(), expected);
    }

    #[test]
    fn parts_and_constants() {
        let check = |path: Option<&str>, input: Option<&str>, expected: &str| {
            let (input, input_path) = (input.map(Into::into), path.map(Into::into));
            let target = Target { input, input_path, ..Target::default() };
            assert_eq!(payload(&event(), &target, &FACTS).unwrap(), expected);
        };
        check(Some("$.detail.o"), None, r#"{"k":"v"}"#);
        check(Some("$.source"), None, r#""s""#);
        check(Some("$.none"), None, "null");
        check(None, Some("[1, 2]"), "[1, 2]");
    }

    #[test]
    fn templates() {
        use super::check as sound;
        let check = |template: &str, expected: &str| {
            let paths = [("who", "$.detail.who"), ("o", "$.detail.o"), ("none", "$.detail.x")];
            let paths = paths.map(|(name, path)| (name.to_owned(), path.to_owned()));
            let transformer =
                Transformer { paths: Some(BTreeMap::from(paths)), template: template.into() };
            let found = sound("t", &transformer).map(|()| {
                let target = Target { transformer: Some(transformer), ..Target::default() };
                payload(&event(), &target, &FACTS).unwrap()
            });
            assert_eq!(found.unwrap_or_else(|why| why), expected, "{template}");
        };
        check(r#"{"a": <who>, "b": <o>}"#, r#"{"a": "a \"b\"", "b": {"k":"v"}}"#);
        check(r#""<who> is <o>""#, r#""a \"b\" is {k:v}""#);
        check(r#"{"a": <none>}"#, r#"{"a": ""}"#);
        check(r#"{"a": <aws.events.rule-name>}"#, r#"{"a": "rule"}"#);
        check(r#""<aws.events.event.ingestion-time>""#, r#""1970-01-01T00:00:00Z""#);
        check(r#""1 < 2 \" <who>""#, r#""1 < 2 \" a \"b\"""#);
        check("\"a\"\n\"<none>b\"", "\"a\"\n\"b\"");
        check("<x>", "InputTemplate for target t contains invalid placeholder x.");
        let why = "Invalid InputTemplate for target t : expected value at line 1 column 1";
        check("hello", why);
    }
}
