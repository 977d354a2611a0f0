//! The JSON door: any operation of any protocol as plain JSON with the model's member names,
//! for the console, scripts and tests. Timestamps are seconds since 1970 (ISO 8601 text is
//! read as well), blobs are base64. Where a member travels in the service's own protocol does
//! not matter here.

use shape::{Fields, Model, Operation, Reading, Struct};

use crate::ReadError;
use crate::json_reader::Reader;
use crate::json_value::{Style, ValueReader, ValueWriter};

/// Reads an input. An empty body is an input without members.
pub fn read(
    model: &'static Model,
    _op: &'static Operation,
    body: &[u8],
    input: &mut dyn Struct,
    reading: &mut Reading,
) -> Result<(), ReadError> {
    let mut fields = Fields::new(input);
    let mut reader = ValueReader {
        reader: Reader::new(body)?,
        reading,
        style: Style::Door,
        namespace: &model.service.error_namespace,
    };
    reader.body(&mut fields, None)?;
    fields.finish(reading);
    Ok(())
}

/// Writes an output, or an input, or a modeled error: any structure.
pub fn write(_op: &'static Operation, output: &dyn Struct) -> Vec<u8> {
    let mut writer = ValueWriter::new(Style::Door);
    writer.structure(output, None);
    writer.out
}
