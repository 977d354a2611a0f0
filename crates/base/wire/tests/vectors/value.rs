//! Values against the vectors' `params` and `result`, and from them.

use serde_json::Value as Json;
use shape::{Document, Kind, Member, Scalar, Shape, Struct, Timestamp, Value, View};

/// The vectors write numbers that JSON lacks as text.
fn number(json: &Json) -> Option<f64> {
    match json.as_str() {
        Some("NaN") => Some(f64::NAN),
        Some("Infinity") => Some(f64::INFINITY),
        Some("-Infinity") => Some(f64::NEG_INFINITY),
        _ => json.as_f64(),
    }
}

/// Whether a value is what the vector says.
pub fn same(member: &Member, view: &View<'_>, expected: &Json) -> Result<(), String> {
    let shape = member.shape();
    let same_number = |got: f64| {
        number(expected).is_some_and(|want| got == want || (got.is_nan() && want.is_nan()))
    };
    let good = match view {
        View::Absent | View::Stream(_) => expected.is_null(),
        View::Bool(value) => expected.as_bool() == Some(*value),
        View::Int(value) => expected.as_i64() == Some(*value),
        View::Float(value) => {
            same_number(f64::from(*value))
                || number(expected).is_some_and(|want| want as f32 == *value)
        }
        View::Double(value) => same_number(*value),
        View::Str(value) => expected.as_str() == Some(value),
        View::Blob(value) => expected.as_str().is_some_and(|text| text.as_bytes() == *value),
        View::Time(value) => number(expected) == Some(value.seconds()),
        View::Document(value) => value.0 == *expected,
        View::Struct(value) => {
            return same_structure(*value, expected);
        }
        View::List(list) => {
            let items = expected.as_array().ok_or_else(|| format!("a list, not {expected}"))?;
            if items.len() != list.len() {
                return Err(format!("{} elements instead of {}", list.len(), items.len()));
            }
            for (index, item) in items.iter().enumerate() {
                same(shape.element(), &list.get(index), item)
                    .map_err(|why| format!("[{index}] {why}"))?;
            }
            true
        }
        View::Map(map) => {
            let items = expected.as_object().ok_or_else(|| format!("a map, not {expected}"))?;
            let mut outcome = Ok(());
            map.visit(&mut |key, view| {
                // Names of headers have no case; those that arrive are small.
                let item = items.iter().find(|(name, _)| {
                    *name == key
                        || (member.location == shape::Location::Headers
                            && name.eq_ignore_ascii_case(key))
                });
                let item = item.map_or(&Json::Null, |(_, item)| item);
                let same = same(shape.element(), &view, item);
                if outcome.is_ok() {
                    outcome = same.map_err(|why| format!("{key}: {why}"));
                }
            });
            outcome?;
            items.len() == map.len()
        }
    };
    if good { Ok(()) } else { Err(format!("{:?} is not {expected}", shape.kind)) }
}

fn same_structure(value: &dyn Struct, expected: &Json) -> Result<(), String> {
    let shape = value.shape();
    let items = expected.as_object().ok_or_else(|| format!("a structure, not {expected}"))?;
    for name in items.keys() {
        shape.member_index(name).ok_or_else(|| format!("no member {name}"))?;
    }
    for (index, member) in shape.members.iter().enumerate() {
        let item = items.get(&member.name).unwrap_or(&Json::Null);
        same(member, &value.field(index), item).map_err(|why| format!("{}: {why}", member.name))?;
    }
    Ok(())
}

/// Fills a value with what the vector says.
pub fn fill(member: &Member, json: &Json, value: &mut dyn Value) -> Result<(), String> {
    let shape = member.shape();
    let bad = |e: shape::Mismatch| format!("{}: {e}: {json}", member.name);
    let scalar = match (shape.kind, json) {
        (Kind::Document, json) => Scalar::Document(Document(json.clone())),
        (_, Json::Null) => return Ok(()),
        (Kind::Structure, json) => {
            return fill_structure(shape, json, value.structure().map_err(bad)?);
        }
        (Kind::List, Json::Array(items)) => {
            let list = value.list().map_err(bad)?;
            for item in items {
                fill(shape.element(), item, list.push())?;
            }
            return Ok(());
        }
        (Kind::Map, Json::Object(items)) => {
            let map = value.map().map_err(bad)?;
            for (key, item) in items {
                fill(shape.element(), item, map.insert(key))?;
            }
            return Ok(());
        }
        (Kind::String, Json::String(text)) => Scalar::Str(text.into()),
        (Kind::Blob, Json::String(text)) => Scalar::Blob(text.clone().into_bytes().into()),
        (Kind::Boolean, Json::Bool(value)) => Scalar::Bool(*value),
        (Kind::Integer | Kind::Long, json) => Scalar::Int(json.as_i64().ok_or("not an integer")?),
        (Kind::Float | Kind::Double, json) => Scalar::Double(number(json).ok_or("not a number")?),
        (Kind::Timestamp, json) => {
            let seconds = number(json).ok_or("not a timestamp")?;
            Scalar::Time(Timestamp::from_seconds(seconds).map_err(|e| e.to_string())?)
        }
        (kind, json) => return Err(format!("{kind:?} from {json}")),
    };
    value.put(scalar).map_err(bad)
}

/// Fills a structure with what the vector says.
pub fn fill_structure(shape: &Shape, json: &Json, value: &mut dyn Struct) -> Result<(), String> {
    for (name, item) in json.as_object().into_iter().flatten() {
        let index = shape.member_index(name).ok_or_else(|| format!("no member {name}"))?;
        fill(&shape.members[index], item, value.field_mut(index))?;
    }
    Ok(())
}
