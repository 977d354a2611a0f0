//! JSON values by schema: what awsJson, restJson1 and the JSON door have in common.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use shape::{
    Document, Fields, Kind, Location, Member, Mismatch, Reading, Scalar, Shape, Struct, TimeFormat,
    Timestamp, Value, View, json,
};

use crate::error::ReadError;
use crate::json_reader::{Reader, Token};

/// Which names and formats the JSON text uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// As the protocols have it: `locationName` and the modeled timestamp formats.
    Wire,
    /// As the JSON door has it: the model's member names, seconds for timestamps.
    Door,
}

impl Style {
    fn name(self, member: &Member) -> &str {
        match self {
            Style::Wire => member.wire_name(),
            Style::Door => &member.name,
        }
    }

    fn time_format(self, member: &Member) -> TimeFormat {
        match self {
            Style::Wire => member.time_format().unwrap_or(TimeFormat::EpochSeconds),
            Style::Door => TimeFormat::EpochSeconds,
        }
    }
}

/// Where a value stands; AWS's deserializer words its complaints accordingly.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Member,
    /// In a list or map.
    Element,
}

pub(crate) struct ValueReader<'a, 'r> {
    pub reader: Reader<'a>,
    pub reading: &'r mut Reading,
    pub style: Style,
    /// Namespace of the service's classes in messages: `com.amazonaws.dynamodb.v20120810`.
    pub namespace: &'a str,
}

impl<'a> ValueReader<'a, '_> {
    /// Reads a whole body that is one structure; an empty body is one without members.
    /// With `only`, members elsewhere than there are not read from the body.
    pub fn body(&mut self, fields: &mut Fields, only: Option<Location>) -> Result<(), ReadError> {
        if self.reader.is_empty() {
            return Ok(());
        }
        match self.reader.value()? {
            Token::Object => self.members(fields, only)?,
            // Seen of SDKs for an operation without input.
            Token::Null => {}
            token => {
                return Err(mismatch(&token, fields.shape(), Place::Element, self.namespace));
            }
        }
        self.reader.end()
    }

    fn members(&mut self, fields: &mut Fields, only: Option<Location>) -> Result<(), ReadError> {
        let shape = fields.shape();
        let mut first = true;
        let mut expected = 0;
        while let Some(key) = self.reader.key(&mut first)? {
            let token = self.reader.value()?;
            let Some(index) = self.find(shape, &key, expected) else {
                self.reader.skip(&token)?;
                continue;
            };
            expected = index + 1;
            let member = &shape.members[index];
            if token == Token::Null || only.is_some_and(|only| member.location != only) {
                self.reader.skip(&token)?;
                continue;
            }
            if fields.has(index) {
                return Err(ReadError::Syntax(format!("The field {key} is there twice")));
            }
            self.enter(member, token, fields.get(index))?;
        }
        Ok(())
    }

    /// Members mostly come in the model's order, so the search begins after the last one.
    fn find(&self, shape: &Shape, key: &str, expected: usize) -> Option<usize> {
        let is = |member: &Member| self.style.name(member) == key;
        let later = shape.members[expected.min(shape.members.len())..].iter().position(is);
        match later {
            Some(index) => Some(expected + index),
            None => shape.members.iter().take(expected).position(is),
        }
    }

    fn enter(
        &mut self,
        member: &Member,
        token: Token<'a>,
        value: &mut dyn Value,
    ) -> Result<(), ReadError> {
        if !self.reading.enter_member(&member.name) {
            return Err(ReadError::TooDeep);
        }
        self.value(member, token, value, Place::Member)?;
        self.reading.leave();
        Ok(())
    }

    /// Reads the value that `token` begins.
    fn value(
        &mut self,
        member: &Member,
        token: Token<'a>,
        value: &mut dyn Value,
        place: Place,
    ) -> Result<(), ReadError> {
        let shape = member.shape();
        match (shape.kind, &token) {
            (Kind::Structure, Token::Object) => {
                let mut fields = Fields::new(value.structure().map_err(refused)?);
                self.members(&mut fields, None)?;
                fields.finish(self.reading);
                Ok(())
            }
            (Kind::List, Token::Array) => self.list(shape, value),
            (Kind::Map, Token::Object) => {
                // Maps of unions are what comes in bulk, and know how to read themselves.
                if shape.element().shape().union && self.reader.read_object(value) {
                    return Ok(());
                }
                self.map(shape, value)
            }
            (Kind::Document, _) => {
                let tree = self.reader.document(&token)?;
                value.put(Scalar::Document(Document(tree))).map_err(refused)
            }
            _ => {
                let scalar = scalar(member, &token, self.style)?
                    .ok_or_else(|| mismatch(&token, shape, place, self.namespace))?;
                value.put(scalar).map_err(refused)
            }
        }
    }

    fn list(&mut self, shape: &Shape, value: &mut dyn Value) -> Result<(), ReadError> {
        let list = value.list().map_err(refused)?;
        let (mut first, mut index) = (true, 0);
        while self.reader.element(&mut first)? {
            let token = self.reader.value()?;
            if !self.reading.enter_element(index) {
                return Err(ReadError::TooDeep);
            }
            self.element(shape.element(), token, list.push())?;
            index += 1;
        }
        Ok(())
    }

    fn map(&mut self, shape: &Shape, value: &mut dyn Value) -> Result<(), ReadError> {
        let map = value.map().map_err(refused)?;
        let mut first = true;
        while let Some(key) = self.reader.key(&mut first)? {
            let token = self.reader.value()?;
            if !self.reading.enter_entry(&key) {
                return Err(ReadError::TooDeep);
            }
            self.element(shape.element(), token, map.insert(&key))?;
        }
        Ok(())
    }

    fn element(
        &mut self,
        member: &Member,
        token: Token<'a>,
        value: &mut dyn Value,
    ) -> Result<(), ReadError> {
        if token == Token::Null {
            self.reading.note_null();
        } else {
            self.value(member, token, value, Place::Element)?;
        }
        self.reading.leave();
        Ok(())
    }

    /// Reads a body that is one value: restJson1's payload.
    pub fn payload(&mut self, member: &Member, value: &mut dyn Value) -> Result<(), ReadError> {
        let token = self.reader.value()?;
        if token == Token::Null && member.shape().kind != Kind::Document {
            return self.reader.end();
        }
        self.value(member, token, value, Place::Member)?;
        self.reader.end()
    }
}

fn refused(mismatch: Mismatch) -> ReadError {
    ReadError::Type(mismatch.to_string())
}

/// The scalar that a token stands for; nothing when the types do not go together.
fn scalar<'t>(
    member: &Member,
    token: &'t Token<'_>,
    style: Style,
) -> Result<Option<Scalar<'t>>, ReadError> {
    Ok(Some(match (member.shape().kind, token) {
        (Kind::String, Token::Str(text)) => Scalar::Str(text.as_ref().into()),
        (Kind::Boolean, Token::Bool(value)) => Scalar::Bool(*value),
        // AWS's deserializer knows these words, in any case.
        (Kind::Boolean, Token::Str(text)) => match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" => Scalar::Bool(true),
            "false" | "0" | "no" => Scalar::Bool(false),
            _ => return Err(ReadError::Type("Unexpected token received from parser".to_owned())),
        },
        (Kind::Integer | Kind::Long, Token::Number(text)) => Scalar::Int(integer(text)?),
        (Kind::Float | Kind::Double, Token::Number(text)) => Scalar::Double(float(text)?),
        (Kind::Float | Kind::Double, Token::Str(text)) => match text.as_ref() {
            "NaN" => Scalar::Double(f64::NAN),
            "Infinity" => Scalar::Double(f64::INFINITY),
            "-Infinity" => Scalar::Double(f64::NEG_INFINITY),
            _ => return Ok(None),
        },
        (Kind::Blob, Token::Str(text)) => Scalar::Blob(base64(text)?.into()),
        (Kind::Blob, Token::Bool(_) | Token::Number(_)) => {
            let message = "only base-64-encoded strings are convertible to bytes";
            return Err(ReadError::Type(message.to_owned()));
        }
        (Kind::Timestamp, Token::Number(text)) => {
            if style.time_format(member) != TimeFormat::EpochSeconds {
                return Ok(None);
            }
            Scalar::Time(Timestamp::from_seconds(float(text)?).map_err(|_| out_of_range())?)
        }
        (Kind::Timestamp, Token::Str(text)) => {
            let format = match (style, style.time_format(member)) {
                (Style::Door, _) => TimeFormat::Iso8601,
                (Style::Wire, TimeFormat::EpochSeconds) => return Ok(None),
                (Style::Wire, format) => format,
            };
            Scalar::Time(Timestamp::parse(text, format).map_err(|_| refused(Mismatch::Format))?)
        }
        _ => return Ok(None),
    }))
}

fn out_of_range() -> ReadError {
    refused(Mismatch::Range)
}

/// AWS's deserializer cuts fractions off.
fn integer(text: &str) -> Result<i64, ReadError> {
    if let Ok(value) = text.parse() {
        return Ok(value);
    }
    let value = float(text)?.floor();
    // 2^63 itself does not fit, and every smaller double does.
    let limit = i64::MAX as f64;
    if text.contains(['.', 'e', 'E']) && (-limit..limit).contains(&value) {
        return Ok(value as i64);
    }
    Err(out_of_range())
}

fn float(text: &str) -> Result<f64, ReadError> {
    let value: f64 = text.parse().map_err(|_| out_of_range())?;
    if value.is_finite() { Ok(value) } else { Err(out_of_range()) }
}

/// Strict base64 with padding, and AWS's words about what is wrong with it.
pub(crate) fn base64(text: &str) -> Result<Vec<u8>, ReadError> {
    BASE64_STANDARD.decode(text).map_err(|_| {
        ReadError::Type(if text.len().is_multiple_of(4) {
            "Invalid last non-pad Base64 character dectected".to_owned()
        } else {
            let length = text.len();
            format!("Base64 encoded length is expected a multiple of 4 bytes but found: {length}")
        })
    })
}

/// DynamoDB's texts, probed against the service by the authors of dynalite.
fn mismatch(token: &Token, shape: &Shape, place: Place, namespace: &str) -> ReadError {
    let class = match shape.kind {
        Kind::Structure => format!("{namespace}.{}", shape.name),
        Kind::List => "java.util.List".to_owned(),
        Kind::Map => {
            let element = shape.element().shape();
            let class = class_name(element, namespace);
            return ReadError::Type(match token {
                Token::Array => {
                    format!("Unrecognized collection type java.util.Map<java.lang.String, {class}>")
                }
                _ => unexpected(place, shape.kind).to_owned(),
            });
        }
        _ => class_name(shape, namespace),
    };
    let simple = class.rsplit('.').next().unwrap_or(&class);
    ReadError::Type(match (token, shape.kind) {
        (Token::Array, _) => format!("Unrecognized collection type class {class}"),
        (Token::Object, _) => "Start of structure or map found where not expected".to_owned(),
        (_, kind @ (Kind::Structure | Kind::List)) => unexpected(place, kind).to_owned(),
        (Token::Bool(true), _) => format!("TRUE_VALUE cannot be converted to {simple}"),
        (Token::Bool(false), _) => format!("FALSE_VALUE cannot be converted to {simple}"),
        (Token::Str(_), _) => format!("STRING_VALUE cannot be converted to {simple}"),
        (Token::Number(text), _) if text.contains(['.', 'e', 'E']) => {
            format!("DECIMAL_VALUE cannot be converted to {simple}")
        }
        _ => format!("NUMBER_VALUE cannot be converted to {simple}"),
    })
}

fn unexpected(place: Place, kind: Kind) -> &'static str {
    match (place, kind) {
        (Place::Element, Kind::Structure) => "Unexpected value type in payload",
        (Place::Element, Kind::List | Kind::Map) => {
            "class sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl cannot be cast to \
             class java.lang.Class (sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl \
             and java.lang.Class are in module java.base of loader 'bootstrap')"
        }
        _ => "Unexpected field type",
    }
}

fn class_name(shape: &Shape, namespace: &str) -> String {
    match shape.kind {
        Kind::String => "java.lang.String".to_owned(),
        Kind::Boolean => "java.lang.Boolean".to_owned(),
        Kind::Integer => "java.lang.Integer".to_owned(),
        Kind::Long => "java.lang.Long".to_owned(),
        Kind::Float => "java.lang.Float".to_owned(),
        Kind::Double => "java.lang.Double".to_owned(),
        Kind::Blob => "java.nio.ByteBuffer".to_owned(),
        Kind::Timestamp => "java.util.Date".to_owned(),
        _ => format!("{namespace}.{}", shape.name),
    }
}

/// Writes JSON by schema.
pub(crate) struct ValueWriter {
    pub out: Vec<u8>,
    pub style: Style,
}

impl ValueWriter {
    pub fn new(style: Style) -> Self {
        ValueWriter { out: Vec::with_capacity(256), style }
    }

    /// An object with the members that are set; with `only`, those that travel there.
    pub fn structure(&mut self, value: &dyn Struct, only: Option<Location>) {
        self.out.push(b'{');
        self.members(value, only, &mut true);
        self.out.push(b'}');
    }

    /// The members alone, so that an error can have `__type` before them.
    pub fn members(&mut self, value: &dyn Struct, only: Option<Location>, first: &mut bool) {
        for (index, member) in value.shape().members.iter().enumerate() {
            if only.is_some_and(|only| member.location != only) {
                continue;
            }
            let view = value.field(index);
            if !matches!(view, View::Absent) {
                self.key(self.style.name(member), first);
                self.value(member, view);
            }
        }
    }

    /// `"name":`, with a comma unless it is the first.
    pub fn key(&mut self, name: &str, first: &mut bool) {
        if !std::mem::take(first) {
            self.out.push(b',');
        }
        self.string(name);
        self.out.push(b':');
    }

    /// Any value.
    pub fn value(&mut self, member: &Member, view: View<'_>) {
        match view {
            // A stream is a body of its own, which the gateway writes.
            View::Absent | View::Stream(_) => self.out.extend(b"null"),
            View::Bool(value) => self.out.extend(if value { &b"true"[..] } else { b"false" }),
            View::Int(value) => self.text(format_args!("{value}")),
            View::Float(value) => self.float(f64::from(value), format_args!("{value:?}")),
            View::Double(value) => self.float(value, format_args!("{value:?}")),
            View::Str(value) => self.string(value),
            View::Blob(bytes) => self.string(&BASE64_STANDARD.encode(bytes)),
            View::Time(time) => match self.style.time_format(member) {
                TimeFormat::EpochSeconds => {
                    self.out.extend(time.format(TimeFormat::EpochSeconds).into_bytes());
                }
                format => self.string(&time.format(format)),
            },
            View::Document(document) => self.text(format_args!("{}", document.0)),
            View::Struct(inner) => self.structure(inner, None),
            View::List(list) => {
                self.out.push(b'[');
                for index in 0..list.len() {
                    if index > 0 {
                        self.out.push(b',');
                    }
                    self.value(member.shape().element(), list.get(index));
                }
                self.out.push(b']');
            }
            View::Map(map) => {
                if let Some(json) = map.json() {
                    return self.out.extend_from_slice(json.as_bytes());
                }
                self.out.push(b'{');
                let mut first = true;
                map.visit(&mut |key, value| {
                    self.key(key, &mut first);
                    self.value(member.shape().element(), value);
                });
                self.out.push(b'}');
            }
        }
    }

    fn text(&mut self, text: std::fmt::Arguments<'_>) {
        use std::io::Write as _;
        // Writing into a vector cannot fail.
        let _ = self.out.write_fmt(text);
    }

    /// JSON has no word for what is not a number.
    fn float(&mut self, value: f64, finite: std::fmt::Arguments<'_>) {
        if value.is_nan() {
            self.string("NaN");
        } else if value.is_infinite() {
            self.string(if value > 0.0 { "Infinity" } else { "-Infinity" });
        } else {
            self.text(finite);
        }
    }

    /// A string with its quotes.
    pub fn string(&mut self, text: &str) {
        json::push_string(&mut self.out, text);
    }
}
