//! Nodes as YAML text: blocks for lists and maps, JSON's quotes for text that needs any.

use crate::node::{Node, Value};

/// Writes a node so that reading it gives the same values again.
pub fn to_yaml(node: &Node) -> String {
    let mut out = String::new();
    write(node, 0, &mut out);
    if !out.ends_with('\n') {
        out.push('\n');
    }
    out
}

fn write(node: &Node, indent: usize, out: &mut String) {
    match &node.value {
        Value::Map(entries) if !entries.is_empty() => {
            for (key, value) in entries {
                out.push_str(&" ".repeat(indent));
                out.push_str(&text(&key.text));
                out.push(':');
                below(value, indent, out);
            }
        }
        Value::List(items) if !items.is_empty() => {
            for item in items {
                out.push_str(&" ".repeat(indent));
                out.push('-');
                below(item, indent, out);
            }
        }
        _ => {
            out.push_str(&scalar(node));
            out.push('\n');
        }
    }
}

fn below(value: &Node, indent: usize, out: &mut String) {
    let nested = match &value.value {
        Value::Map(entries) => !entries.is_empty(),
        Value::List(items) => !items.is_empty(),
        _ => false,
    };
    if nested {
        out.push('\n');
        write(value, indent + 2, out);
    } else {
        out.push(' ');
        out.push_str(&scalar(value));
        out.push('\n');
    }
}

fn scalar(node: &Node) -> String {
    match &node.value {
        Value::Null => "null".into(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(text) => text.clone(),
        Value::Text(plain) => text(plain),
        Value::List(_) => "[]".into(),
        Value::Map(_) => "{}".into(),
    }
}

/// Plain where nothing can be mistaken, else quoted.
fn text(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_/.-:".contains(&byte);
    let word = !text.is_empty() && text.bytes().all(plain);
    let letter = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic());
    let reserved = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let mistaken = reserved.iter().any(|other| text.eq_ignore_ascii_case(other));
    if word && letter && !mistaken && !text.ends_with(':') {
        text.to_owned()
    } else {
        serde_json::Value::from(text).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_back() {
        for source in [
            "a: {b: [1, '2', {c: [d, []]}], 'true': 'no'}\n\"x: y\": \"line\\nline\"\nz: {}\n",
            "- 012\n- [[a]]\n- 'AWS::Region'\n",
        ] {
            let node = crate::yaml::read(source).expect("sound");
            let again = crate::yaml::read(&to_yaml(&node)).expect("sound");
            assert_eq!(node.to_json(), again.to_json(), "{}", to_yaml(&node));
        }
    }
}
