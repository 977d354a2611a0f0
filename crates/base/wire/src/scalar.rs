//! Scalars as text: in XML, forms, headers, query strings and labels.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use shape::{Kind, Member, Mismatch, Scalar, TimeFormat, Timestamp, View};

use crate::ReadError;

/// Reads text as the member's kind wants it; `times` is the format where the model names none.
pub(crate) fn read<'t>(
    member: &Member,
    text: &'t str,
    times: TimeFormat,
) -> Result<Scalar<'t>, Mismatch> {
    let trimmed = text.trim();
    Ok(match member.shape().kind {
        Kind::String => Scalar::Str(text.into()),
        Kind::Boolean if trimmed.eq_ignore_ascii_case("true") => Scalar::Bool(true),
        Kind::Boolean if trimmed.eq_ignore_ascii_case("false") => Scalar::Bool(false),
        Kind::Boolean => return Err(Mismatch::Format),
        Kind::Integer | Kind::Long => match trimmed.parse() {
            Ok(value) => Scalar::Int(value),
            Err(error) => {
                use std::num::IntErrorKind::{NegOverflow, PosOverflow};
                let range = matches!(error.kind(), PosOverflow | NegOverflow);
                return Err(if range { Mismatch::Range } else { Mismatch::Format });
            }
        },
        Kind::Float | Kind::Double => Scalar::Double(float(trimmed)?),
        Kind::Blob => {
            Scalar::Blob(BASE64_STANDARD.decode(trimmed).map_err(|_| Mismatch::Format)?.into())
        }
        Kind::Timestamp => {
            let format = member.time_format().unwrap_or(times);
            Scalar::Time(Timestamp::parse(trimmed, format).map_err(|_| Mismatch::Format)?)
        }
        Kind::Structure | Kind::List | Kind::Map | Kind::Document => return Err(Mismatch::Kind),
    })
}

/// Rust knows more words for such numbers than the protocols do.
fn float(text: &str) -> Result<f64, Mismatch> {
    match text {
        "NaN" => return Ok(f64::NAN),
        "Infinity" => return Ok(f64::INFINITY),
        "-Infinity" => return Ok(f64::NEG_INFINITY),
        _ => {}
    }
    if !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E')) {
        return Err(Mismatch::Format);
    }
    let value: f64 = text.parse().map_err(|_| Mismatch::Format)?;
    if value.is_finite() { Ok(value) } else { Err(Mismatch::Range) }
}

/// Writes a scalar as text; nothing for structures, lists, maps and what is absent.
pub(crate) fn write(member: &Member, view: &View<'_>, times: TimeFormat) -> Option<String> {
    Some(match view {
        View::Bool(value) => value.to_string(),
        View::Int(value) => value.to_string(),
        View::Float(value) => float_text(f64::from(*value), format!("{value:?}")),
        View::Double(value) => float_text(*value, format!("{value:?}")),
        View::Str(value) => (*value).to_owned(),
        View::Blob(bytes) => BASE64_STANDARD.encode(bytes),
        View::Time(time) => time.format(member.time_format().unwrap_or(times)),
        View::Document(document) => document.0.to_string(),
        View::Absent | View::Stream(_) | View::Struct(_) | View::List(_) | View::Map(_) => {
            return None;
        }
    })
}

fn float_text(value: f64, finite: String) -> String {
    match value {
        _ if value.is_nan() => "NaN".to_owned(),
        f64::INFINITY => "Infinity".to_owned(),
        f64::NEG_INFINITY => "-Infinity".to_owned(),
        _ => finite,
    }
}

/// The error for a parameter `name` with this text.
pub(crate) fn bad_parameter(name: &str, text: &str, mismatch: Mismatch) -> ReadError {
    let value = text.chars().take(256).collect();
    ReadError::Parameter { name: name.to_owned(), value, mismatch }
}
