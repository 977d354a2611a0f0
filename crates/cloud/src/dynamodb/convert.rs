//! Records of a file as items, whatever its format.

use serde_json::{Map, Value};

use super::args::{Column, Format, Import};
use super::records::{Record, Records};
use super::table::Described;
use super::{csv, plain};
use crate::Failure;

/// Makes items of records.
pub enum Converter {
    /// Plain JSON.
    Json,
    /// JSON with types.
    DynamodbJson,
    /// CSV with its columns.
    Csv(char, Vec<Column>),
}

impl Converter {
    /// What fits the file. Reads the names of columns; `first` is a record that was read to see
    /// what it looks like, and has to be imported as well.
    pub fn new<R: std::io::BufRead>(
        import: &Import,
        table: &Described,
        records: &mut Records<R>,
    ) -> Result<(Converter, Option<Record>), Failure> {
        let looks_csv = import.file.to_str().is_some_and(|name| {
            let name = name.strip_suffix(".gz").unwrap_or(name);
            name.ends_with(".csv") || name.ends_with(".tsv")
        });
        let format = match import.format {
            None if looks_csv || !import.header.is_empty() => Some(Format::Csv),
            None => match records.first_character()? {
                Some('[') => {
                    return Err(Failure(
                        "the file is one JSON list, and not an object on each line; \
                         `jq -c '.[]'` makes one of it"
                            .into(),
                    ));
                }
                Some('{') | None => None,
                Some(_) => Some(Format::Csv),
            },
            given => given,
        };
        match format {
            Some(Format::Json) => Ok((Converter::Json, None)),
            Some(Format::DynamodbJson) => Ok((Converter::DynamodbJson, None)),
            Some(Format::Csv) => Converter::csv(import, table, records),
            None => {
                let first = match records.next().transpose()? {
                    Some(Ok(first)) => first,
                    Some(Err(bad)) => {
                        return Err(Failure(format!("line {}: {}", bad.line, bad.why)));
                    }
                    None => return Ok((Converter::Json, None)),
                };
                let is_typed = typed_item(&first.text).is_ok();
                let found = if is_typed { Converter::DynamodbJson } else { Converter::Json };
                Ok((found, Some(first)))
            }
        }
    }

    fn csv<R: std::io::BufRead>(
        import: &Import,
        table: &Described,
        records: &mut Records<R>,
    ) -> Result<(Converter, Option<Record>), Failure> {
        records.quoted();
        let names = if !import.header.is_empty() {
            import.header.clone()
        } else {
            let header = match records.next().transpose()? {
                Some(Ok(header)) => header,
                Some(Err(bad)) => return Err(Failure(format!("line {}: {}", bad.line, bad.why))),
                None => return Err(Failure("the file is empty: not even column names".into())),
            };
            let fields = csv::fields(&header.text, import.delimiter)
                .map_err(|why| Failure(format!("line {}: {why}", header.line)))?;
            fields.into_iter().map(|field| field.text.trim().to_owned()).collect()
        };
        let columns = csv::columns(names, &table.keys, &import.types)
            .map_err(|why| Failure(format!("the column names: {why}")))?;
        Ok((Converter::Csv(import.delimiter, columns), None))
    }

    /// The item that a record means.
    pub fn item(&self, text: &str) -> Result<Map<String, Value>, String> {
        match self {
            Converter::Json => plain::item(text),
            Converter::DynamodbJson => typed_item(text),
            Converter::Csv(delimiter, columns) => csv::item(text, *delimiter, columns),
        }
    }
}

/// Reads JSON with types, with or without "Item" around it.
fn typed_item(text: &str) -> Result<Map<String, Value>, String> {
    let Value::Object(mut found) = serde_json::from_str(text).map_err(|e| e.to_string())? else {
        return Err("not a JSON object".into());
    };
    if found.len() == 1
        && let Some(Value::Object(item)) = found.get_mut("Item")
        && item.iter().all(|(_, value)| is_typed(value))
    {
        return Ok(std::mem::take(item));
    }
    match found.iter().find(|(_, value)| !is_typed(value)) {
        Some((name, _)) => Err(format!("the value of {name:?} has no type like {{\"S\": …}}")),
        None => Ok(found),
    }
}

/// Whether it is an object with one member, which is named as a type is and may be its value.
fn is_typed(value: &Value) -> bool {
    let Some(value) = value.as_object().filter(|value| value.len() == 1) else { return false };
    value.iter().all(|(name, value)| match name.as_str() {
        "S" | "N" | "B" => value.is_string(),
        "BOOL" | "NULL" => value.is_boolean(),
        "SS" | "NS" | "BS" => value.is_array(),
        "L" => value.as_array().is_some_and(|all| all.iter().all(is_typed)),
        "M" => value.as_object().is_some_and(|all| all.iter().all(|(_, value)| is_typed(value))),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<Value, &str>) {
        let found = typed_item(text).map(Value::Object);
        assert_eq!(found, expected.map_err(str::to_owned), "{text}");
    }

    #[test]
    fn reads_json_with_types() {
        check(r#"{"Item": {"a": {"S": "x"}}}"#, Ok(json!({"a": {"S": "x"}})));
        check(r#"{"a": {"L": [{"N": "1"}]}}"#, Ok(json!({"a": {"L": [{"N": "1"}]}})));
        check(
            r#"{"Item": {"M": {"a": {"S": "x"}}}}"#,
            Ok(json!({"Item": {"M": {"a": {"S": "x"}}}})),
        );
        check(r#"{"a": 1}"#, Err("the value of \"a\" has no type like {\"S\": …}"));
        check(r#"{"a": {"M": {"b": 1}}}"#, Err("the value of \"a\" has no type like {\"S\": …}"));
        check("[]", Err("not a JSON object"));
    }
}
