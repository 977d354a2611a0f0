//! Speaks JSON lines on stdin and stdout, so that another program (`tests/roundtrip`) can drive
//! the codecs with any model:
//!
//! * `{"load": model}` with a botocore model → `{"operations": count}`
//! * `{"read": {"method", "path", "query", "headers": [[name, value]], "body": base64}}`
//!   → `{"operation": name, "input": JSON of the door}`
//! * `{"write": {"operation", "output": JSON of the door}}`
//!   → `{"status", "headers": [[name, value]], "body": base64}`
//! * `{"fault": {"operation", "error": shape's name, "detail": JSON of the door}}` → the same
//!
//! What cannot be done is answered with `{"error": why}`.

use std::io::{BufRead as _, Write as _};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use serde_json::{Value as Json, json};
use shape::{Dynamic, Fault, Model, Operation, Reading, Value as _};
use wire::{Request, Routed, door};

type Answer = Result<Json, String>;

fn main() {
    let mut model: Option<&'static Model> = None;
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line.expect("stdin is text");
        let answer = serde_json::from_str(&line)
            .map_err(|e| e.to_string())
            .and_then(|command| run(&command, &mut model))
            .unwrap_or_else(|why| json!({ "error": why }));
        writeln!(out, "{answer}").and_then(|()| out.flush()).expect("stdout is open");
    }
}

fn run(command: &Json, model: &mut Option<&'static Model>) -> Answer {
    if let Some(source) = command.get("load") {
        let loaded = shape::botocore::load(source, &|_| true).map_err(|e| e.to_string())?;
        let count = loaded.operations.len();
        *model = Some(loaded.leak());
        return Ok(json!({ "operations": count }));
    }
    let model = model.ok_or("no model is loaded")?;
    match command.as_object().and_then(|command| command.iter().next()) {
        Some((name, arguments)) if name == "read" => read(model, arguments),
        Some((name, arguments)) if name == "write" => write(model, arguments),
        Some((name, arguments)) if name == "fault" => fault(model, arguments),
        _ => Err("no such command".to_owned()),
    }
}

fn text<'a>(arguments: &'a Json, key: &str) -> Result<&'a str, String> {
    arguments[key].as_str().ok_or_else(|| format!("{key} is no text"))
}

fn read(model: &'static Model, arguments: &Json) -> Answer {
    let mut headers = HeaderMap::new();
    for pair in arguments["headers"].as_array().into_iter().flatten() {
        let name = pair[0].as_str().ok_or("a header without name")?;
        let name: HeaderName = name.parse().map_err(|e| format!("{name}: {e}"))?;
        let value = HeaderValue::from_str(pair[1].as_str().ok_or("a header without value")?);
        headers.append(name, value.map_err(|e| e.to_string())?);
    }
    let body = BASE64_STANDARD.decode(text(arguments, "body")?).map_err(|e| e.to_string())?;
    let request = Request {
        method: text(arguments, "method")?,
        path: text(arguments, "path")?,
        query: text(arguments, "query")?,
        headers: &headers,
        body: body.into(),
    };
    let op = match wire::match_operation(model, &request) {
        Routed::Operation(index) => &model.operations[index],
        other => return Err(format!("routed to {other:?}")),
    };
    let mut input = Dynamic::new(&op.input);
    wire::read_request(model, op, &request, input.as_struct(), &mut Reading::default())
        .map_err(|e| e.to_string())?;
    let input: Json =
        serde_json::from_slice(&door::write(op, input.as_struct())).map_err(|e| e.to_string())?;
    Ok(json!({ "operation": op.name, "input": input }))
}

fn operation(model: &'static Model, arguments: &Json) -> Result<&'static Operation, String> {
    let name = text(arguments, "operation")?;
    let index = model.operation_index(name).ok_or_else(|| format!("no operation {name}"))?;
    Ok(&model.operations[index])
}

/// A value from the door's JSON.
fn fill(
    model: &'static Model,
    op: &'static Operation,
    json: &Json,
    value: &mut Dynamic,
) -> Result<(), String> {
    let text = json.to_string();
    door::read(model, op, text.as_bytes(), value.as_struct(), &mut Reading::default())
        .map_err(|e| e.to_string())
}

fn write(model: &'static Model, arguments: &Json) -> Answer {
    let op = operation(model, arguments)?;
    let mut output = Dynamic::new(&op.output);
    fill(model, op, &arguments["output"], &mut output)?;
    Ok(response(&wire::write_response(model, op, output.as_struct(), "request-1")))
}

fn fault(model: &'static Model, arguments: &Json) -> Answer {
    let op = operation(model, arguments)?;
    let name = text(arguments, "error")?;
    let shape = model.shape(name).ok_or_else(|| format!("no shape {name}"))?;
    let mut detail = Dynamic::of(shape);
    detail.structure().map_err(|e| e.to_string())?;
    fill(model, op, &arguments["detail"], &mut detail)?;
    let fault = Fault::modeled(detail.into_struct().ok_or("not a structure")?);
    Ok(response(&wire::write_fault(model, Some(op), &fault, "request-1")))
}

fn response(response: &Response<bytes::Bytes>) -> Json {
    let headers: Vec<Json> = response
        .headers()
        .iter()
        .map(|(name, value)| json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())]))
        .collect();
    json!({
        "status": response.status().as_u16(),
        "headers": headers,
        "body": BASE64_STANDARD.encode(response.body()),
    })
}
