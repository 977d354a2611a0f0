//! CSV (RFC 4180) as attribute values.
//!
//! As with ImportTable, keys have the types of the table's and everything else is a string, unless
//! `--types` says otherwise. A field without anything is an attribute that is not there; `""`
//! is an empty string.

use serde_json::{Map, Value, json};

use super::args::Column;
use super::plain;

/// A field, and whether it was in quotes.
#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    /// What it says.
    pub text: String,
    /// Whether it was in quotes.
    pub is_quoted: bool,
}

/// The fields of a record.
pub fn fields(record: &str, delimiter: char) -> Result<Vec<Field>, String> {
    let mut fields = Vec::new();
    let mut rest = record;
    loop {
        let (field, after) =
            field(rest, delimiter).map_err(|why| format!("field {} {why}", fields.len() + 1))?;
        fields.push(field);
        match after {
            Some(after) => rest = after,
            None => return Ok(fields),
        }
    }
}

/// The first field, and what is behind the delimiter, if there is one.
fn field(text: &str, delimiter: char) -> Result<(Field, Option<&str>), &'static str> {
    let Some(mut rest) = text.strip_prefix('"') else {
        let (text, after) = match text.split_once(delimiter) {
            Some((text, after)) => (text, Some(after)),
            None => (text, None),
        };
        if text.contains('"') {
            return Err("has a quote, but does not begin with one");
        }
        return Ok((Field { text: text.to_owned(), is_quoted: false }, after));
    };
    let mut content = String::new();
    loop {
        let (part, after) = rest.split_once('"').ok_or("has a quote that is not closed")?;
        content.push_str(part);
        if let Some(after) = after.strip_prefix('"') {
            content.push('"');
            rest = after;
            continue;
        }
        let field = Field { text: content, is_quoted: true };
        return match after.strip_prefix(delimiter) {
            Some(after) => Ok((field, Some(after))),
            None if after.is_empty() => Ok((field, None)),
            None => Err("goes on behind its closing quote"),
        };
    }
}

/// The names in the first line as columns with their types.
pub fn columns(
    names: Vec<String>,
    keys: &[Column],
    types: &[Column],
) -> Result<Vec<Column>, String> {
    for (i, name) in names.iter().enumerate() {
        if name.is_empty() {
            return Err(format!("column {} has no name", i + 1));
        }
        if names[..i].contains(name) {
            return Err(format!("there are two columns {name:?}"));
        }
    }
    for wanted in keys.iter().chain(types) {
        if !names.contains(&wanted.name) {
            return Err(format!("there is no column {:?}", wanted.name));
        }
    }
    let typed = |name: String| {
        let known = keys.iter().chain(types).find(|column| column.name == name);
        let attribute_type = known.map_or("S", |column| &column.attribute_type).to_owned();
        Column { name, attribute_type }
    };
    Ok(names.into_iter().map(typed).collect())
}

/// The item that a record means.
pub fn item(
    record: &str,
    delimiter: char,
    columns: &[Column],
) -> Result<Map<String, Value>, String> {
    let fields = fields(record, delimiter)?;
    if fields.len() != columns.len() {
        return Err(format!("{} fields, but there are {} columns", fields.len(), columns.len()));
    }
    let mut item = Map::new();
    for (column, field) in columns.iter().zip(fields) {
        if field.text.is_empty() && !field.is_quoted {
            continue;
        }
        let value = value(&column.attribute_type, field.text)
            .map_err(|why| format!("column {:?}: {why}", column.name))?;
        item.insert(column.name.clone(), value);
    }
    Ok(item)
}

fn value(attribute_type: &str, text: String) -> Result<Value, String> {
    match attribute_type {
        "BOOL" => match text.to_ascii_lowercase().as_str() {
            "true" => Ok(json!({ "BOOL": true })),
            "false" => Ok(json!({ "BOOL": false })),
            _ => Err(format!("{text:?} is neither true nor false")),
        },
        "NULL" => Ok(json!({ "NULL": true })),
        "SS" | "BS" => {
            let set = serde_json::from_str::<Vec<String>>(&text).map_err(|e| e.to_string())?;
            Ok(json!({ attribute_type: set }))
        }
        "NS" => match &plain::value(&text)?["L"] {
            Value::Array(numbers) => {
                let set: Vec<&Value> = numbers.iter().map(|number| &number["N"]).collect();
                Ok(json!({ "NS": set }))
            }
            _ => Err("not a JSON list".into()),
        },
        "L" | "M" => match plain::value(&text)? {
            value if value.get(attribute_type).is_some() => Ok(value),
            _ => Err(format!("JSON, but not of type {attribute_type}")),
        },
        "N" => Ok(json!({ "N": text.trim() })),
        _ => Ok(json!({ attribute_type: text })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str, attribute_type: &str) -> Column {
        Column { name: name.into(), attribute_type: attribute_type.into() }
    }

    #[track_caller]
    fn check(record: &str, expected: Result<&[&str], &str>) {
        let found = fields(record, ',');
        let found = found.map(|all| all.into_iter().map(|field| field.text).collect::<Vec<_>>());
        let expected = expected.map(|all| all.iter().map(|text| (*text).to_owned()).collect());
        assert_eq!(found, expected.map_err(str::to_owned), "{record}");
    }

    #[test]
    fn reads_fields() {
        check("", Ok(&[""]));
        check("a,,b,", Ok(&["a", "", "b", ""]));
        check("\"a,\"\"b\"\"\nc\",\"\"", Ok(&["a,\"b\"\nc", ""]));
        check("\"a", Err("field 1 has a quote that is not closed"));
        check("x,\"a\"b", Err("field 2 goes on behind its closing quote"));
        check("a\"b", Err("field 1 has a quote, but does not begin with one"));
    }

    #[test]
    fn reads_items() {
        let columns = [
            column("id", "N"),
            column("name", "S"),
            column("on", "BOOL"),
            column("tags", "SS"),
            column("sizes", "NS"),
            column("more", "M"),
        ];
        let record = "1,\"\",TRUE,\"[\"\"a\"\"]\",\"[1,2.50]\",\"{\"\"x\"\":null}\"";
        assert_eq!(
            Value::Object(item(record, ',', &columns).unwrap()),
            json!({
                "id": {"N": "1"}, "name": {"S": ""}, "on": {"BOOL": true}, "tags": {"SS": ["a"]},
                "sizes": {"NS": ["1", "2.50"]}, "more": {"M": {"x": {"NULL": true}}},
            })
        );
        assert_eq!(
            Value::Object(item("1,,,,,", ',', &columns).unwrap()),
            json!({"id": {"N": "1"}})
        );
        let failed = |record| item(record, ',', &columns).unwrap_err();
        assert_eq!(failed("1"), "1 fields, but there are 6 columns");
        assert_eq!(failed("1,,ja,,,"), "column \"on\": \"ja\" is neither true nor false");
        assert!(failed("1,,,x,,").starts_with("column \"tags\": "));
        assert_eq!(failed("1,,,,,[]"), "column \"more\": JSON, but not of type M");
    }
}
