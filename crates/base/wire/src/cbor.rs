//! rpcv2Cbor: `POST /service/{prefix}/operation/{name}`, input and output as CBOR maps.

use bytes::Bytes;
use http::Response;
use serde_json::Value as Json;
use shape::{
    Document, Fields, Kind, Member, Mismatch, Model, Operation, Reading, Scalar, Struct, Timestamp,
    Value, View,
};

use crate::cbor_item::{Item, Reader, Writer};
use crate::fault::Facts;
use crate::{ReadError, Request, header};

/// Tag of an instant in seconds, RFC 8949 §3.4.2.
const EPOCH: u64 = 1;

pub(crate) fn read(
    request: &Request<'_>,
    input: &mut dyn Struct,
    reading: &mut Reading,
) -> Result<(), ReadError> {
    let mut fields = Fields::new(input);
    let mut reader = ValueReader { reader: Reader::new(&request.body), reading };
    if !reader.reader.is_empty() {
        match reader.reader.item()? {
            Item::Map(length) => reader.members(length, &mut fields)?,
            Item::Null => {}
            _ => return Err(ReadError::Type("The body is not a map".to_owned())),
        }
        if !reader.reader.is_empty() {
            return Err(ReadError::Syntax("Data after the end".to_owned()));
        }
    }
    fields.finish(reading);
    Ok(())
}

struct ValueReader<'a, 'r> {
    reader: Reader<'a>,
    reading: &'r mut Reading,
}

impl<'a> ValueReader<'a, '_> {
    fn members(&mut self, mut left: Option<u64>, fields: &mut Fields) -> Result<(), ReadError> {
        let shape = fields.shape();
        while self.reader.more(&mut left)? {
            let key = self.reader.key()?;
            let item = self.reader.item()?;
            let found = shape.member_index(&key).filter(|_| item != Item::Null);
            let Some(index) = found else {
                self.reader.skip(item)?;
                continue;
            };
            if fields.has(index) {
                return Err(ReadError::Syntax(format!("The field {key} is there twice")));
            }
            let member = &shape.members[index];
            if !self.reading.enter_member(&member.name) {
                return Err(ReadError::TooDeep);
            }
            self.value(member, item, fields.get(index))?;
            self.reading.leave();
        }
        Ok(())
    }

    fn value(
        &mut self,
        member: &Member,
        item: Item<'a>,
        value: &mut dyn Value,
    ) -> Result<(), ReadError> {
        let shape = member.shape();
        match (shape.kind, item) {
            (Kind::Structure, Item::Map(length)) => {
                let mut fields = Fields::new(value.structure().map_err(refused)?);
                self.members(length, &mut fields)?;
                fields.finish(self.reading);
                Ok(())
            }
            (Kind::List, Item::Array(mut left)) => {
                let list = value.list().map_err(refused)?;
                let mut index = 0;
                while self.reader.more(&mut left)? {
                    if !self.reading.enter_element(index) {
                        return Err(ReadError::TooDeep);
                    }
                    self.element(shape.element(), list.push())?;
                    index += 1;
                }
                Ok(())
            }
            (Kind::Map, Item::Map(mut left)) => {
                let map = value.map().map_err(refused)?;
                while self.reader.more(&mut left)? {
                    let key = self.reader.key()?;
                    if !self.reading.enter_entry(&key) {
                        return Err(ReadError::TooDeep);
                    }
                    self.element(shape.element(), map.insert(&key))?;
                }
                Ok(())
            }
            (_, item) => {
                let scalar = self.scalar(shape.kind, item)?;
                value.put(scalar).map_err(refused)
            }
        }
    }

    fn element(&mut self, member: &Member, value: &mut dyn Value) -> Result<(), ReadError> {
        match self.reader.item()? {
            Item::Null => self.reading.note_null(),
            item => self.value(member, item, value)?,
        }
        self.reading.leave();
        Ok(())
    }

    fn scalar(&mut self, kind: Kind, item: Item<'a>) -> Result<Scalar<'a>, ReadError> {
        Ok(match (kind, item) {
            (Kind::Boolean, Item::Bool(value)) => Scalar::Bool(value),
            (Kind::Integer | Kind::Long, Item::Int(value)) => {
                Scalar::Int(i64::try_from(value).map_err(|_| refused(Mismatch::Range))?)
            }
            (Kind::Integer | Kind::Long, Item::Float(value)) if value.fract() == 0.0 => {
                if value.abs() >= 9.2e18 {
                    return Err(refused(Mismatch::Range));
                }
                Scalar::Int(value as i64)
            }
            (Kind::Float | Kind::Double, Item::Float(value)) => Scalar::Double(value),
            (Kind::Float | Kind::Double, Item::Int(value)) => Scalar::Double(value as f64),
            (Kind::String, Item::Text(text)) => Scalar::Str(text),
            (Kind::Blob, Item::Bytes(bytes)) => Scalar::Blob(bytes.into_owned().into()),
            (Kind::Timestamp, Item::Tag(EPOCH)) => {
                let seconds = match self.reader.item()? {
                    Item::Int(value) => value as f64,
                    Item::Float(value) => value,
                    _ => return Err(refused(Mismatch::Kind)),
                };
                let time = Timestamp::from_seconds(seconds);
                Scalar::Time(time.map_err(|_| refused(Mismatch::Range))?)
            }
            _ => return Err(refused(Mismatch::Kind)),
        })
    }
}

fn refused(mismatch: Mismatch) -> ReadError {
    ReadError::Type(mismatch.to_string())
}

pub(crate) fn write(op: &Operation, output: &dyn Struct, request_id: &str) -> Response<Bytes> {
    if op.output.shape().synthetic {
        let headers = [header("smithy-protocol", "rpc-v2-cbor"), request(request_id)];
        return crate::response(op.status, headers, Vec::new());
    }
    let mut writer = Writer::default();
    write_structure(&mut writer, output);
    respond(op.status, None, writer.out, request_id)
}

pub(crate) fn write_fault(model: &Model, facts: &Facts<'_>, request_id: &str) -> Response<Bytes> {
    let mut writer = Writer::default();
    writer.open_map();
    writer.text("__type");
    writer.text(&facts.qualified_name(model));
    if let Some(message) = facts.extra_message() {
        writer.text(facts.message_name());
        writer.text(message);
    }
    if let Some(detail) = facts.detail() {
        write_members(&mut writer, detail);
    }
    writer.end();
    respond(facts.fault.status, facts.query_error(model), writer.out, request_id)
}

fn request(id: &str) -> (String, String) {
    header("x-amzn-requestid", id)
}

fn respond(
    status: u16,
    extra: Option<(String, String)>,
    body: Vec<u8>,
    request_id: &str,
) -> Response<Bytes> {
    let headers = [
        header("content-type", "application/cbor"),
        header("smithy-protocol", "rpc-v2-cbor"),
        request(request_id),
    ];
    crate::response(status, headers.into_iter().chain(extra), body)
}

fn write_structure(writer: &mut Writer, value: &dyn Struct) {
    writer.open_map();
    write_members(writer, value);
    writer.end();
}

fn write_members(writer: &mut Writer, value: &dyn Struct) {
    for (index, member) in value.shape().members.iter().enumerate() {
        let view = value.field(index);
        if !matches!(view, View::Absent) {
            writer.text(&member.name);
            write_value(writer, member, view);
        }
    }
}

fn write_value(writer: &mut Writer, member: &Member, view: View<'_>) {
    match view {
        View::Absent | View::Stream(_) => writer.null(),
        View::Bool(value) => writer.bool(value),
        View::Int(value) => writer.int(value),
        View::Float(value) => writer.float(value),
        View::Double(value) => writer.double(value),
        View::Str(value) => writer.text(value),
        View::Blob(value) => writer.bytes(value),
        View::Time(time) => {
            writer.tag(EPOCH);
            writer.double(time.seconds());
        }
        View::Document(Document(tree)) => write_document(writer, tree),
        View::Struct(inner) => write_structure(writer, inner),
        View::List(list) => {
            writer.array(list.len());
            for index in 0..list.len() {
                write_value(writer, member.shape().element(), list.get(index));
            }
        }
        View::Map(map) => {
            writer.map(map.len());
            map.visit(&mut |key, value| {
                writer.text(key);
                write_value(writer, member.shape().element(), value);
            });
        }
    }
}

/// The protocol has no documents; a service of it that had one would still get its data.
fn write_document(writer: &mut Writer, tree: &Json) {
    match tree {
        Json::Null => writer.null(),
        Json::Bool(value) => writer.bool(*value),
        Json::Number(number) => match number.as_i64() {
            Some(value) => writer.int(value),
            None => writer.double(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(value) => writer.text(value),
        Json::Array(items) => {
            writer.array(items.len());
            items.iter().for_each(|item| write_document(writer, item));
        }
        Json::Object(items) => {
            writer.map(items.len());
            for (key, value) in items {
                writer.text(key);
                write_document(writer, value);
            }
        }
    }
}
