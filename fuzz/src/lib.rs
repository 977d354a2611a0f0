//! A model with every kind of shape and place, and what must hold for any request to it.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value as Json, json};
use shape::{Dynamic, Fault, Model, Operation, Protocol, Reading, Value as _, View};
use wire::{Request, Routed, door};

/// One protocol's codec with a model that has something of everything.
pub struct Wire {
    model: &'static Model,
}

impl Wire {
    /// `rest-json`, as the models name it.
    pub fn new(protocol: &str) -> Self {
        let http_bound = protocol.starts_with("rest-");
        let source = json!({
            "metadata": {
                "protocol": protocol, "endpointPrefix": "dynamodb", "apiVersion": "2026-01-01",
                "targetPrefix": "All", "jsonVersion": "1.0", "xmlNamespace": "urn:all",
                "awsQueryCompatible": {},
            },
            "operations": {
                "Do": {
                    "http": { "method": "POST", "requestUri": "/do/{label}/{rest+}?literal" },
                    "input": { "shape": if http_bound { "Bound" } else { "All" } },
                    "output": {
                        "shape": if http_bound { "Bound" } else { "All" },
                        "resultWrapper": "DoResult",
                    },
                    "errors": [{ "shape": "Wrong" }],
                },
                "Put": {
                    "http": { "method": "PUT", "requestUri": "/put" },
                    "input": { "shape": "Payload" },
                    "output": { "shape": "Payload" },
                },
            },
            "shapes": shapes(),
        });
        let model = shape::botocore::load(&source, &|_| true).expect("the model is valid");
        Wire { model: model.leak() }
    }

    /// Reads `data` as a request. What can be read can be validated, written and read again.
    pub fn request(&self, data: &[u8]) {
        let (head, body) = match self.model.service.protocol {
            Protocol::RestJson | Protocol::RestXml => split(data),
            _ => (&[][..], data),
        };
        let head = String::from_utf8_lossy(head);
        let mut lines = head.lines();
        let target = lines.next().unwrap_or("POST /do/a/b?literal");
        let (method, uri) = target.split_once(' ').unwrap_or(("POST", target));
        let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
        let headers = headers(lines);
        let body = Bytes::copy_from_slice(body);
        let request = Request { method, path, query, headers: &headers, body };
        let op = match wire::match_operation(self.model, &request) {
            Routed::Operation(index) => &self.model.operations[index],
            Routed::Unserved(_) | Routed::Unknown(_) => &self.model.operations[0],
        };
        let (mut input, mut reading) = (Dynamic::new(&op.input), Reading::default());
        match wire::read_request(self.model, op, &request, input.as_struct(), &mut reading) {
            Ok(()) => self.check(op, &mut input, &reading),
            Err(error) => self.fault(op, &error.fault(self.model)),
        }
    }

    /// Reads `data` as the door's JSON, likewise.
    pub fn door(&self, data: &[u8]) {
        let op = &self.model.operations[0];
        let (mut input, mut reading) = (Dynamic::new(&op.input), Reading::default());
        match door::read(self.model, op, data, input.as_struct(), &mut reading) {
            Ok(()) => self.check(op, &mut input, &reading),
            Err(error) => self.fault(op, &error.fault(self.model)),
        }
    }

    fn check(&self, op: &'static Operation, input: &mut Dynamic, reading: &Reading) {
        let problems = shape::validate(input.as_struct(), reading);
        if !problems.is_empty() {
            let message = shape::problems_message(&problems);
            self.fault(op, &Fault::sender("ValidationException", message));
        }
        let View::Struct(value) = input.view() else { unreachable!("the input is a structure") };
        let _ = format!("{}", Redacted(value));
        let response = wire::write_response(self.model, op, value, "request-1");
        assert!((100..1000).contains(&response.status().as_u16()));
        let text = door::write(op, value);
        let mut again = Dynamic::new(&op.input);
        door::read(self.model, op, &text, again.as_struct(), &mut Reading::default())
            .expect("what the door writes it reads");
        assert_eq!(text, door::write(op, again.as_struct()), "and writes again");
    }

    fn fault(&self, op: &'static Operation, fault: &Fault) {
        let response = wire::write_fault(self.model, Some(op), fault, "request-1");
        assert_eq!(response.status().as_u16(), fault.status);
    }
}

struct Redacted<'a>(&'a dyn shape::Struct);

impl std::fmt::Display for Redacted<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        shape::fmt_redacted(self.0, f)
    }
}

/// Head and body, between which is an empty line.
fn split(data: &[u8]) -> (&[u8], &[u8]) {
    match data.windows(2).position(|two| two == b"\n\n") {
        Some(at) => (&data[..at], &data[at + 2..]),
        None => (data, &[]),
    }
}

fn headers<'a>(lines: impl Iterator<Item = &'a str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines.take(32) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value.as_bytes())) {
            headers.append(name, value);
        }
    }
    headers
}

/// Something of every kind, in every place, recursive where it can be.
fn shapes() -> Json {
    serde_json::from_str(include_str!("shapes.json")).expect("the shapes are JSON")
}
