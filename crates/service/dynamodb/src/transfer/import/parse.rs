//! Records as items.

use api_dynamodb::AttributeValue;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use shape::Blob;

use super::Format;
use crate::convert::{self, Attributes};
use crate::invalid::Invalid;
use crate::table::{KeyType, TableRecord};
use crate::write::Action;

/// Reads the records of an object.
pub(super) struct Parser<'a> {
    format: &'a Format,
    table: &'a TableRecord,
    /// The names of the columns, once they are known.
    header: Option<Vec<String>>,
}

impl<'a> Parser<'a> {
    pub fn new(format: &'a Format, table: &'a TableRecord) -> Parser<'a> {
        let header = match format {
            Format::Csv { header, .. } => header.clone(),
            Format::Json => None,
        };
        Parser { format, table, header }
    }

    /// The write of a record's item; nothing if the record is a header.
    ///
    /// # Errors
    /// If it is no item of the table.
    pub fn read(&mut self, record: &[u8]) -> Result<Option<Action>, Invalid> {
        let attributes = match self.format {
            Format::Json => json(record)?,
            Format::Csv { delimiter, .. } => {
                let delimiter = delimiter.as_deref().and_then(|text| text.bytes().next());
                let fields = fields(record, delimiter.unwrap_or(b','))?;
                match &self.header {
                    Some(header) => self.row(header, fields)?,
                    None => {
                        self.header = Some(fields);
                        return Ok(None);
                    }
                }
            }
        };
        let item = convert::item(attributes)?;
        self.table.check_item(&item)?;
        Action::put(item).map(Some)
    }

    /// A row's attributes: texts, but for keys of other types.
    fn row(&self, header: &[String], fields: Vec<String>) -> Result<Attributes, Invalid> {
        if fields.len() != header.len() {
            let (found, wanted) = (fields.len(), header.len());
            return Err(Invalid(format!("The row has {found} columns instead of {wanted}")));
        }
        let value = |name: &String, text: String| -> Result<AttributeValue, Invalid> {
            Ok(match self.key_type(name) {
                Some(KeyType::N) => AttributeValue::N(text),
                Some(KeyType::B) => AttributeValue::B(blob(&text)?),
                _ => AttributeValue::S(text),
            })
        };
        let pairs = header.iter().zip(fields);
        pairs.map(|(name, text)| Ok((name.clone(), value(name, text)?))).collect()
    }

    fn key_type(&self, name: &str) -> Option<KeyType> {
        let of_indexes = self.table.indexes.iter().flat_map(|index| index.keys());
        let mut keys = self.table.keys().chain(of_indexes);
        keys.find(|key| key.name == name).map(|key| key.key_type)
    }
}

/// A record as text.
pub(in crate::transfer) fn text(record: &[u8]) -> Result<&str, Invalid> {
    std::str::from_utf8(record).map_err(|_| Invalid::new("The record is not UTF-8"))
}

/// The fields of a row (RFC 4180).
fn fields(record: &[u8], delimiter: u8) -> Result<Vec<String>, Invalid> {
    let mut rest = text(record)?.chars().peekable();
    let delimiter = char::from(delimiter);
    let mut fields = Vec::new();
    loop {
        let mut field = String::new();
        if rest.next_if_eq(&'"').is_some() {
            loop {
                match rest.next() {
                    Some('"') if rest.next_if_eq(&'"').is_some() => field.push('"'),
                    Some('"') => break,
                    Some(c) => field.push(c),
                    None => return Err(Invalid::new("A quotation does not end")),
                }
            }
        } else {
            while let Some(c) = rest.next_if(|c| *c != delimiter) {
                field.push(c);
            }
        }
        fields.push(field);
        match rest.next() {
            None => return Ok(fields),
            Some(c) if c == delimiter => {}
            Some(_) => return Err(Invalid::new("There is something between two columns")),
        }
    }
}

/// `{"Item": {"pk": {"S": "a"}}}`.
fn json(record: &[u8]) -> Result<Attributes, Invalid> {
    let value: Value = serde_json::from_str(text(record)?)
        .map_err(|error| Invalid(format!("The record is not JSON: {error}")))?;
    match value {
        Value::Object(mut members) if members.len() == 1 => match members.remove("Item") {
            Some(Value::Object(item)) => map(item),
            _ => Err(Invalid::new("The record has no member Item")),
        },
        _ => Err(Invalid::new("The record has no member Item")),
    }
}

/// Attributes as their JSON has them.
pub(in crate::transfer) fn map(members: Map<String, Value>) -> Result<Attributes, Invalid> {
    members.into_iter().map(|(name, given)| Ok((name, value(given)?))).collect()
}

/// A value; `serde_json` lets none nest too deep for this.
fn value(given: Value) -> Result<AttributeValue, Invalid> {
    let Value::Object(members) = given else { return Err(not_a_value()) };
    let mut members = members.into_iter();
    let (Some((kind, given)), None) = (members.next(), members.next()) else {
        return Err(not_a_value());
    };
    Ok(match (kind.as_str(), given) {
        ("S", Value::String(text)) => AttributeValue::S(text),
        ("N", Value::String(text)) => AttributeValue::N(text),
        ("B", Value::String(text)) => AttributeValue::B(blob(&text)?),
        ("BOOL", Value::Bool(flag)) => AttributeValue::Bool(flag),
        ("NULL", Value::Bool(flag)) => AttributeValue::Null(flag),
        ("SS", Value::Array(set)) => AttributeValue::Ss(texts(set)?),
        ("NS", Value::Array(set)) => AttributeValue::Ns(texts(set)?),
        ("BS", Value::Array(set)) => {
            let set = texts(set)?;
            AttributeValue::Bs(set.iter().map(|text| blob(text)).collect::<Result<_, _>>()?)
        }
        ("L", Value::Array(list)) => {
            AttributeValue::L(list.into_iter().map(value).collect::<Result<_, _>>()?)
        }
        ("M", Value::Object(members)) => AttributeValue::M(map(members)?),
        _ => return Err(not_a_value()),
    })
}

fn texts(set: Vec<Value>) -> Result<Vec<String>, Invalid> {
    let text = |value| match value {
        Value::String(text) => Ok(text),
        _ => Err(not_a_value()),
    };
    set.into_iter().map(text).collect()
}

fn blob(text: &str) -> Result<Blob, Invalid> {
    let bytes = STANDARD.decode(text);
    Ok(Blob(bytes.map_err(|_| Invalid::new("Invalid Base64 character in encoded text"))?.into()))
}

fn not_a_value() -> Invalid {
    Invalid::new(
        "Supplied AttributeValue is empty, \
         must contain exactly one of the supported datatypes",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_fields(row: &str, expected: Option<&[&str]>) {
        let found = fields(row.as_bytes(), b',').ok();
        let expected: Option<Vec<String>> =
            expected.map(|fields| fields.iter().map(|&field| field.to_owned()).collect());
        assert_eq!(found, expected, "{row}");
    }

    #[test]
    fn rows() {
        check_fields("a,b", Some(&["a", "b"]));
        check_fields("a,,", Some(&["a", "", ""]));
        check_fields("\"a,b\",\"c\"\"d\ne\"", Some(&["a,b", "c\"d\ne"]));
        check_fields("a\"b,c", Some(&["a\"b", "c"]));
        check_fields("\"a", None);
        check_fields("\"a\"b,c", None);
    }

    #[test]
    fn json_records() {
        let all = r#"{"Item":{"a":{"M":{"l":{"L":[{"NULL":true},{"BOOL":false}]}}},"b":{"B":"AA=="},
                     "n":{"NS":["1","2"]},"x":{"BS":["AA=="]},"s":{"SS":["a"]}}}"#;
        assert_eq!(json(all.as_bytes()).ok().map(|item| item.len()), Some(5));
        let deep = format!("{{\"Item\":{{\"a\":{}", "{\"L\":[".repeat(100_000));
        for wrong in [
            "",
            "1",
            "{}",
            "[{}]",
            r#"{"Item":1}"#,
            r#"{"Item":{},"x":1}"#,
            r#"{"Item":{"a":{"S":1}}}"#,
            r#"{"Item":{"a":{"S":"","N":"1"}}}"#,
            r#"{"Item":{"a":{"X":"1"}}}"#,
            r#"{"Item":{"a":{"B":"?"}}}"#,
            &deep,
        ] {
            assert!(json(wrong.as_bytes()).is_err(), "{wrong:.60}");
        }
        assert!(json(b"\xff").is_err());
    }
}
