//! Stored items as the API's JSON, written without decoding them first.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use shape::json::push_text;

use super::{
    Attributes, B, BS, Corrupt, Cursor, FALSE, L, M, N, NS, NULL, S, SS, StoredItem, StoredValue,
    TRUE,
};
use crate::number::Number;
use crate::value::NESTING_MAX;

impl StoredItem<'_> {
    /// The item as the API's JSON: `{"pk":{"S":"a"}}`.
    ///
    /// # Errors
    /// If the bytes are no item.
    pub fn to_json(self) -> Result<String, Corrupt> {
        // Names and types take about as much again as small values.
        let mut out = Vec::with_capacity(self.size_bytes + self.size_bytes / 4 + 64);
        push_map(self.attributes(), 0, &mut out)?;
        // Names and texts were written as they are, and everything else is ASCII.
        String::from_utf8(out).map_err(|_| Corrupt)
    }
}

fn push_map(map: Attributes<'_>, depth: usize, out: &mut Vec<u8>) -> Result<(), Corrupt> {
    out.push(b'{');
    let Attributes { mut cursor, left } = map;
    for i in 0..left.ok_or(Corrupt)? {
        let (name, value) = (cursor.sized()?, cursor.value()?);
        if i > 0 {
            out.push(b',');
        }
        push_text(out, name);
        out.push(b':');
        push_value(value, depth, out)?;
    }
    out.push(b'}');
    Ok(())
}

fn push_value(value: StoredValue<'_>, depth: usize, out: &mut Vec<u8>) -> Result<(), Corrupt> {
    if depth > NESTING_MAX + 1 {
        return Err(Corrupt);
    }
    let mut cursor = Cursor(value.body);
    let before: &[u8] = match value.tag {
        S => b"{\"S\":",
        N => b"{\"N\":",
        B => b"{\"B\":",
        TRUE => b"{\"BOOL\":true",
        FALSE => b"{\"BOOL\":false",
        NULL => b"{\"NULL\":true",
        L => b"{\"L\":",
        M => b"{\"M\":",
        SS => b"{\"SS\":",
        NS => b"{\"NS\":",
        BS => b"{\"BS\":",
        _ => return Err(Corrupt),
    };
    out.extend_from_slice(before);
    match value.tag {
        S => push_text(out, value.body),
        N => push_number(out, cursor.number()?),
        B => push_binary(out, value.body),
        M => push_map(Attributes::new(value.body), depth + 1, out)?,
        L => {
            let mut elements = value.elements();
            push_list(out, |out| match elements.next() {
                Some(element) => push_value(element?, depth + 1, out).map(|()| true),
                None => Ok(false),
            })?;
        }
        SS => push_set(&mut cursor, out, |c, out| {
            push_text(out, c.sized()?);
            Ok(())
        })?,
        NS => push_set(&mut cursor, out, |c, out| {
            push_number(out, c.number()?);
            Ok(())
        })?,
        BS => push_set(&mut cursor, out, |c, out| {
            push_binary(out, c.sized()?);
            Ok(())
        })?,
        _ => {}
    }
    out.push(b'}');
    Ok(())
}

fn push_set(
    cursor: &mut Cursor<'_>,
    out: &mut Vec<u8>,
    push: impl Fn(&mut Cursor<'_>, &mut Vec<u8>) -> Result<(), Corrupt>,
) -> Result<(), Corrupt> {
    let mut left = cursor.length()?;
    push_list(out, |out| {
        let Some(rest) = left.checked_sub(1) else { return Ok(false) };
        left = rest;
        push(cursor, out).map(|()| true)
    })
}

/// Writes what `next` writes, as long as it writes anything, as a list.
fn push_list(
    out: &mut Vec<u8>,
    mut next: impl FnMut(&mut Vec<u8>) -> Result<bool, Corrupt>,
) -> Result<(), Corrupt> {
    out.push(b'[');
    let start = out.len();
    while next(out)? {
        out.push(b',');
    }
    if out.len() > start {
        out.pop();
    }
    out.push(b']');
    Ok(())
}

fn push_number(out: &mut Vec<u8>, number: Number) {
    out.push(b'"');
    number.push_text(out);
    out.push(b'"');
}

fn push_binary(out: &mut Vec<u8>, bytes: &[u8]) {
    push_text(out, STANDARD.encode(bytes).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::super::encode;
    use super::super::tests::sample;
    use super::*;
    use crate::convert;
    use shape::Value as _;
    use shape::json::Cursor as Json;

    #[test]
    fn it_is_what_the_api_would_write() {
        let bytes = encode(&sample());
        let json = StoredItem::new(&bytes).unwrap().to_json().unwrap();
        let mut read = convert::Attributes::default();
        assert!(read.read_json(&mut Json::new(&json, 0)));
        assert_eq!(convert::item(read), Ok(sample()));
        assert!(json.contains(r#""n":{"N":"-12.5"}"#), "{json}");
        assert!(json.contains(r#""bs":{"BS":["","AQ=="]}"#), "{json}");
        assert!(json.contains(r#""l":{"L":[{"NULL":true},{"N":"7"},{"L":[]}]}"#), "{json}");
    }

    #[test]
    fn damaged_bytes_are_refused_without_a_panic() {
        let bytes = encode(&sample());
        for cut in 0..bytes.len() {
            let read = StoredItem::new(&bytes[..cut]).and_then(StoredItem::to_json);
            assert_eq!(read, Err(Corrupt), "cut at {cut}");
        }
    }
}
