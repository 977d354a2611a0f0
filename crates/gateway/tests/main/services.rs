//! Four small services, one of each kind of protocol, for the gateway to serve.

use kernel::{BoxFuture, Ctx, Dispatch, Service};
use shape::{Dynamic, Fault, Kind, Model, Struct, View};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const PARROT: &str = r#"{
  "service": {"name": "parrot", "id": "Parrot", "signing_name": "parrot", "protocol": "json",
    "json_version": "1.0", "target_prefix": "Parrot_20260101", "api_version": "2026-01-01",
    "error_namespace": "com.example.parrot", "validation_code": "ValidationException"},
  "unserved": ["Fly"],
  "operations": [
    {"name": "Free", "method": "POST", "uri": "/", "status": 200, "input": {"target": 0},
     "output": {"target": 1}, "unsigned": true},
    {"name": "Panic", "method": "POST", "uri": "/", "status": 200, "input": {"target": 0},
     "output": {"target": 1}},
    {"name": "Say", "method": "POST", "uri": "/", "status": 200, "input": {"target": 0},
     "output": {"target": 1}}],
  "shapes": [
    {"name": "SayInput", "kind": "structure", "members": [
      {"name": "Text", "target": 2, "required": true}, {"name": "Secret", "target": 3}]},
    {"name": "SayOutput", "kind": "structure", "members": [
      {"name": "Text", "target": 4}, {"name": "Who", "target": 4}, {"name": "Region", "target": 4}]},
    {"name": "Text", "kind": "string", "max": 100},
    {"name": "Secret", "kind": "string", "sensitive": true},
    {"name": "Plain", "kind": "string"}]}"#;

const SHELF: &str = r#"{
  "service": {"name": "shelf", "id": "Shelf", "signing_name": "shelf", "protocol": "rest-json",
    "api_version": "2026-01-01", "validation_code": "ValidationException"},
  "operations": [
    {"name": "GetBook", "method": "GET", "uri": "/shelves/{Text+}/books", "status": 200,
     "input": {"target": 0}, "output": {"target": 1}},
    {"name": "GetShelf", "method": "GET", "uri": "/shelves/{Text}", "status": 200,
     "input": {"target": 0}, "output": {"target": 1}}],
  "shapes": [
    {"name": "In", "kind": "structure", "members": [
      {"name": "Text", "target": 2, "required": true, "location": "uri", "location_name": "Text"}]},
    {"name": "Out", "kind": "structure", "members": [
      {"name": "Text", "target": 2}, {"name": "Who", "target": 2}, {"name": "Region", "target": 2}]},
    {"name": "Plain", "kind": "string"}]}"#;

const DESK: &str = r#"{
  "service": {"name": "desk", "id": "Desk", "signing_name": "desk", "protocol": "query",
    "api_version": "2026-02-02", "xml_namespace": "https://desk.example/doc/2026-02-02/",
    "validation_code": "ValidationError"},
  "unserved": ["Sit"],
  "operations": [
    {"name": "Ask", "method": "POST", "uri": "/", "status": 200, "input": {"target": 0},
     "output": {"target": 1}, "result_wrapper": "AskResult"}],
  "shapes": [
    {"name": "In", "kind": "structure", "members": [
      {"name": "Text", "target": 2, "required": true}]},
    {"name": "Out", "kind": "structure", "members": [
      {"name": "Text", "target": 2}, {"name": "Who", "target": 2}, {"name": "Region", "target": 2}]},
    {"name": "Plain", "kind": "string"}]}"#;

const S3: &str = r#"{
  "service": {"name": "s3", "id": "S3", "signing_name": "s3", "protocol": "rest-xml",
    "api_version": "2006-03-01", "validation_code": "InvalidArgument"},
  "operations": [
    {"name": "PutObject", "method": "PUT", "uri": "/{Text+}", "status": 200,
     "input": {"target": 0}, "output": {"target": 1}}],
  "shapes": [
    {"name": "In", "kind": "structure", "payload": 1, "members": [
      {"name": "Text", "target": 2, "required": true, "location": "uri", "location_name": "Text"},
      {"name": "Body", "target": 3}]},
    {"name": "Out", "kind": "structure", "members": [
      {"name": "Text", "target": 2, "location": "header", "location_name": "x-text"},
      {"name": "Who", "target": 2, "location": "header", "location_name": "x-who"},
      {"name": "Region", "target": 2, "location": "header", "location_name": "x-region"}]},
    {"name": "Plain", "kind": "string"},
    {"name": "Body", "kind": "blob"}]}"#;

/// Answers every operation with what it was told, who told it, and where.
struct Echo {
    model: &'static Model,
    calls: Arc<AtomicUsize>,
}

fn dynamic(shape: &'static shape::Shape) -> Box<dyn Struct> {
    let mut value = Dynamic::of(shape);
    value.as_struct();
    value.into_struct().expect("a structure")
}

impl Dispatch for Echo {
    fn model(&self) -> &'static Model {
        self.model
    }

    fn input(&self, op: usize) -> Box<dyn Struct> {
        dynamic(self.model.operations[op].input.shape())
    }

    fn call<'a>(
        &'a self,
        ctx: &'a Ctx,
        op: usize,
        input: Box<dyn Struct>,
    ) -> BoxFuture<'a, Result<Box<dyn Struct>, Fault>> {
        Box::pin(async move {
            self.calls.fetch_add(1, Ordering::SeqCst);
            let op = &self.model.operations[op];
            assert_ne!(op.name, "Panic", "this operation panics");
            let mut text = match input.field(0) {
                View::Str(text) => text.to_owned(),
                _ => String::new(),
            };
            let body = op.input.shape().payload.map(|index| input.field(index as usize));
            if let Some(View::Blob(bytes)) = body {
                text = format!("{text}:{}", bytes.len());
            }
            if text == "fault" {
                return Err(Fault::sender("ParrotTired", "The parrot is tired."));
            }
            let mut output = dynamic(op.output.shape());
            for (index, value) in
                [text, ctx.principal().arn(), ctx.region().to_owned()].into_iter().enumerate()
            {
                assert_eq!(output.shape().members[index].shape().kind, Kind::String);
                let value = shape::Scalar::Str(value.into());
                output.field_mut(index).put(value).expect("a string");
            }
            Ok(output)
        })
    }
}

/// The services, for a kernel; `calls` counts the calls of their handlers.
pub fn all(calls: &Arc<AtomicUsize>) -> Vec<Service> {
    let service = |table| {
        let echo = Echo { model: Model::from_table(table), calls: calls.clone() };
        Service::new(Arc::new(echo))
    };
    [PARROT, SHELF, DESK, S3].map(service).into()
}
