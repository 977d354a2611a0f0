//! Functions over text and lists.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::evaluate::Stack;
use crate::naming;
use crate::node::{Error, Node, Position, Value};

/// Text that functions make may not grow beyond this.
const TEXT_BYTES_MAX: usize = 1 << 20;

/// Carries out a function whose arguments are evaluated already.
pub(crate) fn call(
    stack: &Stack<'_>,
    name: &str,
    at: Position,
    argument: &Node,
) -> Result<Node, Error> {
    let wrong = |what: &str| Error::new(argument.at, format!("{name} takes {what}"));
    let text = |node: &Node, what: &str| node.as_text().ok_or_else(|| wrong(what));
    let made = |text: String| match text.len() <= TEXT_BYTES_MAX {
        true => Ok(Node::text(at, text)),
        false => Err(Error::new(at, format!("{name} makes more than {TEXT_BYTES_MAX} bytes"))),
    };
    match (name, argument.items()) {
        ("Fn::Base64", _) => made(BASE64.encode(text(argument, "text")?)),
        ("Fn::Join", [delimiter, list]) => {
            let what = "a delimiter and a list of texts";
            if !matches!(list.value, Value::List(_)) {
                return Err(wrong(what));
            }
            let parts: Result<Vec<String>, Error> =
                list.items().iter().map(|item| text(item, what)).collect();
            made(parts?.join(&text(delimiter, what)?))
        }
        ("Fn::Join", _) => Err(wrong("a delimiter and a list of texts")),
        ("Fn::Split", [delimiter, source]) => {
            let (delimiter, source) = (
                text(delimiter, "a delimiter and a text")?,
                text(source, "a delimiter and a text")?,
            );
            if delimiter.is_empty() {
                return Err(wrong("a delimiter that is not empty"));
            }
            let parts = source.split(delimiter.as_str()).map(|part| Node::text(at, part)).collect();
            Ok(Node { at, value: Value::List(parts) })
        }
        ("Fn::Split", _) => Err(wrong("a delimiter and a text")),
        ("Fn::Select", [index, list]) => {
            let number = index.as_i64().and_then(|number| usize::try_from(number).ok());
            let number = number.ok_or_else(|| wrong("an index from 0 and a list"))?;
            let length = list.items().len();
            list.items().get(number).cloned().ok_or_else(|| {
                Error::new(index.at, format!("Fn::Select: there is no item {number} of {length}"))
            })
        }
        ("Fn::Select", _) => Err(wrong("an index from 0 and a list")),
        ("Fn::Length", _) => match &argument.value {
            Value::List(items) => Ok(Node { at, value: Value::Number(items.len().to_string()) }),
            _ => Err(wrong("a list")),
        },
        ("Fn::ToJsonString", _) => made(argument.to_json().to_string()),
        ("Fn::GetAZs", _) => {
            let region = argument.as_text().filter(|region| !region.is_empty());
            let region = region.unwrap_or_else(|| stack.inputs.region.clone());
            let zones = ["a", "b", "c"].map(|zone| Node::text(at, format!("{region}{zone}")));
            Ok(Node { at, value: Value::List(zones.into()) })
        }
        ("Fn::ImportValue", _) => {
            let export = text(argument, "the name of an export")?;
            match stack.inputs.imports.get(&export) {
                Some(value) => made(value.clone()),
                None if stack.inputs.lenient => made(stack.guess(export)),
                None => Err(Error::new(at, format!("no stack exports {export}"))),
            }
        }
        ("Fn::Cidr", [block, count, bits @ ..]) => blocks(at, block, count, bits.first())
            .ok_or_else(|| wrong("an IPv4 block, a count to 256 and bits")),
        _ => Err(Error::new(at, unknown(name))),
    }
}

fn unknown(name: &str) -> String {
    let word = name.strip_prefix("Fn::").unwrap_or(name);
    let meant = naming::meant(word, crate::yaml::FUNCTIONS.iter().copied());
    format!("{name} is no function that can be carried out here{meant}")
}

fn blocks(at: Position, block: &Node, count: &Node, bits: Option<&Node>) -> Option<Node> {
    let bits = bits.map_or(Some(8), Node::as_i64);
    let blocks = cidr(&block.as_text().unwrap_or_default(), count.as_i64(), bits)?;
    let blocks = blocks.into_iter().map(|block| Node::text(at, block)).collect();
    Some(Node { at, value: Value::List(blocks) })
}

/// `count` blocks with `bits` host bits at the start of `block`.
fn cidr(block: &str, count: Option<i64>, bits: Option<i64>) -> Option<Vec<String>> {
    let (address, length) = block.split_once('/')?;
    let start = u32::from(address.parse::<std::net::Ipv4Addr>().ok()?);
    let (length, bits) = (length.parse::<u32>().ok()?, u32::try_from(bits?).ok()?);
    let count = count.filter(|count| (1..=256).contains(count))? as u64;
    if length > 32 || !(1..=31).contains(&bits) || (count << bits) > 1u64 << (32 - length) {
        return None;
    }
    let one = |number: u64| {
        let address = std::net::Ipv4Addr::from(start.wrapping_add((number << bits) as u32));
        format!("{address}/{}", 32 - bits)
    };
    Some((0..count).map(one).collect())
}
