//! From YAML or JSON text to nodes: short forms become long ones, aliases are copied, within limits.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};

use crate::advice::advice;
use crate::naming;
use crate::node::{Error, Key, Node, Position, Value};

/// CloudFormation's limit for a template's text, in bytes.
pub(crate) const TEXT_BYTES_MAX: usize = 1 << 20;
/// Lists and maps within each other.
pub(crate) const DEPTH_MAX: usize = 100;
/// All values together, those of aliases counted each time.
const NODES_MAX: usize = 200_000;

/// Tags that are functions; the rest of the tag follows `Fn::`.
pub(crate) const FUNCTIONS: &[&str] = &[
    "And",
    "Base64",
    "Cidr",
    "Equals",
    "FindInMap",
    "GetAZs",
    "GetAtt",
    "If",
    "ImportValue",
    "Join",
    "Length",
    "Not",
    "Or",
    "Select",
    "Split",
    "Sub",
    "ToJsonString",
    "Transform",
];

/// Reads one document.
pub(crate) fn read(text: &str) -> Result<Node, Error> {
    if text.len() > TEXT_BYTES_MAX {
        let start = Position { line: 1, column: 1 };
        return Err(Error::new(start, format!("it is longer than {TEXT_BYTES_MAX} bytes")));
    }
    let mut reader = Reader::default();
    let mut root = None;
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| {
            let mark = error.marker();
            let column = mark.col() as u32 + 1;
            let at = Position { line: mark.line() as u32, column };
            Error::new(at, format!("{}{}", error.info(), advice(text, at, error.info())))
        })?;
        if matches!(event, Event::StreamEnd) {
            break;
        }
        if let Some(done) = reader.take(event, &span)? {
            if root.is_some() {
                return Err(Error::new(done.at, "a second document: a template is one"));
            }
            root = Some(done);
        }
    }
    root.ok_or_else(|| Error::new(Position { line: 1, column: 1 }, "it is empty"))
}

#[derive(Default)]
struct Reader {
    open: Vec<Open>,
    anchors: HashMap<usize, (Node, usize)>,
    count: usize,
}

/// A list or map that is being read.
struct Open {
    at: Position,
    anchor: usize,
    tag: Option<String>,
    content: Content,
    count_before: usize,
}

enum Content {
    List(Vec<Node>),
    Map { entries: Vec<(Key, Node)>, merged: Vec<Node>, key: Option<Key> },
}

impl Reader {
    /// Takes an event; the document, when it is complete.
    fn take(&mut self, event: Event<'_>, span: &Span) -> Result<Option<Node>, Error> {
        let start = &span.start;
        let at = Position { line: start.line() as u32, column: start.col() as u32 + 1 };
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let before = self.count;
                let value = scalar(&text, style, tag.as_deref());
                let tag = function_tag(tag.as_deref(), at)?;
                self.complete(wrap(Node { at, value }, tag), anchor, before)
            }
            Event::Alias(anchor) => {
                let found = self.anchors.get(&anchor).cloned();
                let (mut node, count) = found
                    .ok_or_else(|| Error::new(at, "this alias stands within what it stands for"))?;
                node.at = at;
                self.count += count;
                let before = self.count;
                self.complete(node, 0, before)
            }
            Event::SequenceStart(anchor, tag) => {
                let content = Content::List(Vec::new());
                self.begin(at, anchor, function_tag(tag.as_deref(), at)?, content)
            }
            Event::MappingStart(anchor, tag) => {
                let content = Content::Map { entries: Vec::new(), merged: Vec::new(), key: None };
                self.begin(at, anchor, function_tag(tag.as_deref(), at)?, content)
            }
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(open) => {
                    let value = match open.content {
                        Content::List(items) => Value::List(items),
                        Content::Map { entries, merged, .. } => Value::Map(merge(entries, &merged)),
                    };
                    let node = wrap(Node { at: open.at, value }, open.tag);
                    self.complete(node, open.anchor, open.count_before)
                }
                None => Ok(None),
            },
            _ => Ok(None),
        }
    }

    fn begin(
        &mut self,
        at: Position,
        anchor: usize,
        tag: Option<String>,
        content: Content,
    ) -> Result<Option<Node>, Error> {
        if self.open.len() >= DEPTH_MAX {
            return Err(Error::new(at, format!("more than {DEPTH_MAX} levels")));
        }
        let count_before = self.count;
        self.open.push(Open { at, anchor, tag, content, count_before });
        Ok(None)
    }

    /// Puts a complete value into what is open around it.
    fn complete(
        &mut self,
        node: Node,
        anchor: usize,
        before: usize,
    ) -> Result<Option<Node>, Error> {
        self.count += 1;
        if self.count > NODES_MAX {
            return Err(Error::new(node.at, format!("more than {NODES_MAX} values")));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), self.count - before));
            // A copy is kept: it counts, too.
            self.count += self.count - before;
        }
        let Some(open) = self.open.last_mut() else { return Ok(Some(node)) };
        match &mut open.content {
            Content::List(items) => items.push(node),
            Content::Map { entries, merged, key } => match key.take() {
                Some(name) if name.text == "<<" => merged.push(node),
                Some(name) if node.is_null() && is_glued(&name.text) => {
                    let message =
                        format!("{:?} has no value; put a space after its colon", name.text);
                    return Err(Error::new(name.at, message));
                }
                Some(name) => entries.push((name, node)),
                None => {
                    let text = node.as_text().or_else(|| node.is_null().then(String::new));
                    let text = text.ok_or_else(|| Error::new(node.at, "a key must be text"))?;
                    if let Some((first, _)) = entries.iter().find(|(first, _)| first.text == text) {
                        let line = first.at.line;
                        let message = format!(
                            "the key {text:?} is already in line {line}; rename or remove one of them"
                        );
                        return Err(Error::new(node.at, message));
                    }
                    *key = Some(Key { at: node.at, text });
                }
            },
        }
        Ok(None)
    }
}

/// `Key:value`, which is one word to YAML.
fn is_glued(text: &str) -> bool {
    let parts = text.split_once(':');
    parts.is_some_and(|(key, value)| {
        let word = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric());
        word && !value.is_empty() && !value.starts_with(':')
    })
}

/// Adds what `<<` names, where the map has no such key itself.
fn merge(mut entries: Vec<(Key, Node)>, merged: &[Node]) -> Vec<(Key, Node)> {
    let maps = merged.iter().flat_map(|node| match &node.value {
        Value::List(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    });
    for (key, node) in maps.flat_map(Node::entries) {
        if !entries.iter().any(|(own, _)| own.text == key.text) {
            entries.push((key.clone(), node.clone()));
        }
    }
    entries
}

/// The long name of a short form.
fn function_tag(tag: Option<&Tag>, at: Position) -> Result<Option<String>, Error> {
    let Some(tag) = tag.filter(|tag| tag.handle == "!") else { return Ok(None) };
    match tag.suffix.as_str() {
        "Ref" | "Condition" => Ok(Some(tag.suffix.clone())),
        known if FUNCTIONS.contains(&known) => Ok(Some(format!("Fn::{known}"))),
        other => {
            let known = FUNCTIONS.iter().copied().chain(["Ref", "Condition"]);
            let meant = naming::meant(other, known);
            Err(Error::new(at, format!("!{other} is no function of CloudFormation{meant}")))
        }
    }
}

fn wrap(node: Node, tag: Option<String>) -> Node {
    let Some(tag) = tag else { return node };
    let at = node.at;
    let node = match (&node.value, tag.as_str()) {
        // !GetAtt Resource.Attribute: the attribute may hold further dots.
        (Value::Text(text), "Fn::GetAtt") => {
            let parts = text.splitn(2, '.').map(|part| Node::text(at, part)).collect();
            Node { at, value: Value::List(parts) }
        }
        _ => node,
    };
    Node::single(at, &tag, node)
}

fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Value {
    if let Some(tag) = tag.filter(|tag| tag.is_yaml_core_schema()) {
        return match tag.suffix.as_str() {
            "str" => Value::Text(text.to_owned()),
            "int" | "float" => Value::Number(text.to_owned()),
            _ => plain(text),
        };
    }
    if style == ScalarStyle::Plain { plain(text) } else { Value::Text(text.to_owned()) }
}

fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        _ if is_number(text) => Value::Number(text.to_owned()),
        _ => Value::Text(text.to_owned()),
    }
}

fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let begins = digits.bytes().next().is_some_and(|byte| byte.is_ascii_digit() || byte == b'.');
    begins
        && digits.bytes().any(|byte| byte.is_ascii_digit())
        && digits.bytes().all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte))
        && text.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let found = match read(text) {
            Ok(node) => node.to_json().to_string(),
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn values() {
        check("a: 1\nb: [x, 'y', \"z\\n\", 2.5, ~]\n", r#"{"a":1,"b":["x","y","z\n",2.5,null]}"#);
        check("{\"a\": {\"b\": [true, \"012\", \"\\u00e9\"]}}", r#"{"a":{"b":[true,"012","é"]}}"#);
        check("id: 012345678901\nday: 2012-10-17\n", r#"{"id":"012345678901","day":"2012-10-17"}"#);
        check(
            "a: &x {k: 1}\nb: *x\nc:\n  <<: *x\n  l: 2\n",
            r#"{"a":{"k":1},"b":{"k":1},"c":{"l":2,"k":1}}"#,
        );
    }

    #[test]
    fn short_forms() {
        check("a: !Ref b", r#"{"a":{"Ref":"b"}}"#);
        check("a: !GetAtt b.Outputs.c", r#"{"a":{"Fn::GetAtt":["b","Outputs.c"]}}"#);
        check(
            "a: !Join ['', [!Ref b, !Sub '${c}']]",
            r#"{"a":{"Fn::Join":["",[{"Ref":"b"},{"Fn::Sub":"${c}"}]]}}"#,
        );
        check(
            "a: !If [c, 1, !Ref AWS::NoValue]",
            r#"{"a":{"Fn::If":["c",1,{"Ref":"AWS::NoValue"}]}}"#,
        );
        check(
            "a:\n  b: !Reff c",
            "line 2, column 6: !Reff is no function of CloudFormation; Ref is meant?",
        );
    }

    #[test]
    fn hostile_texts() {
        check(
            "a: 1\na: 2\n",
            "line 2, column 1: the key \"a\" is already in line 1; rename or remove one of them",
        );
        check("", "line 1, column 1: it is empty");
        check(
            "a: *x",
            "line 1, column 4: while parsing node, found unknown anchor; * begins an alias: write the value in quotes, '*x'",
        );
        let deep = format!("{}{}", "[".repeat(150), "]".repeat(150));
        assert!(read(&deep).is_err());
        let deep = "a:\n".to_owned()
            + &(1..150).map(|n| format!("{}a:\n", " ".repeat(n))).collect::<String>();
        assert!(read(&deep).expect_err("too deep").message.contains("levels"));
        let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for n in 1..20 {
            let list = vec![format!("*a{}", n - 1); 10].join(", ");
            laughs += &format!("a{n}: &a{n} [{list}]\n");
        }
        assert!(read(&laughs).expect_err("too many").message.contains("values"));
    }
}
