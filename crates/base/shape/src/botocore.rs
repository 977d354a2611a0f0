//! Reads a service description in botocore's JSON form (`service-2.json`): the form of our
//! `models/botocore/*.json` and of the protocol test vectors.

use std::collections::HashMap;
use std::fmt;
use std::sync::OnceLock;

use serde_json::{Map as JsonMap, Value as Json};

use crate::{
    ErrorTrait, Kind, Location, Member, Model, Operation, Pattern, Protocol, ServiceInfo, Shape,
    TimeFormat, XmlNamespace,
};

/// The description breaks its own rules.
#[derive(Debug)]
pub struct LoadError(pub String);

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "service description: {}", self.0)
    }
}

impl std::error::Error for LoadError {}

fn bad(what: impl fmt::Display) -> LoadError {
    LoadError(what.to_string())
}

/// Builds a model with the operations that `keep` accepts and the shapes they reach.
pub fn load(json: &Json, keep: &dyn Fn(&str) -> bool) -> Result<Model, LoadError> {
    let empty = JsonMap::new();
    let shapes = json["shapes"].as_object().unwrap_or(&empty);
    let mut loader = Loader { source: shapes, index: HashMap::new(), shapes: Vec::new() };
    let mut operations = Vec::new();
    let mut unserved = Vec::new();
    for (name, op) in json["operations"].as_object().unwrap_or(&empty) {
        if keep(name) {
            operations.push(loader.operation(name, op)?);
        } else {
            let http = |key: &str| op["http"][key].as_str().unwrap_or_default();
            let uri = format!("{} {}", http("method"), http("requestUri"));
            unserved.push((name.clone(), uri));
        }
    }
    operations.sort_by(|a, b| a.name.cmp(&b.name));
    unserved.sort();
    let (unserved, uris) = unserved.into_iter().unzip();
    let mut model = Model::new(service(&json["metadata"])?, operations, loader.shapes, unserved);
    if matches!(model.service.protocol, Protocol::RestJson | Protocol::RestXml) {
        model.unserved_uris = uris;
    }
    Ok(model)
}

fn service(meta: &Json) -> Result<ServiceInfo, LoadError> {
    let text = |key: &str| meta[key].as_str().unwrap_or_default().to_owned();
    let name = text("endpointPrefix");
    let signing_name = match text("signingName") {
        empty if empty.is_empty() => name.clone(),
        signing_name => signing_name,
    };
    let protocol = protocol(&text("protocol"))?;
    let query_compatible = !meta["awsQueryCompatible"].is_null();
    let mut other_protocols = Vec::new();
    for other in meta["protocols"].as_array().into_iter().flatten() {
        other_protocols.push(self::protocol(other.as_str().unwrap_or_default())?);
    }
    // Clients from before the service moved still speak what it moved from.
    other_protocols.extend(query_compatible.then_some(Protocol::Query));
    other_protocols.sort_unstable();
    other_protocols.dedup();
    other_protocols.retain(|other| *other != protocol);
    Ok(ServiceInfo {
        id: text("serviceId"),
        signing_name,
        protocol,
        other_protocols,
        json_version: text("jsonVersion"),
        target_prefix: text("targetPrefix"),
        api_version: text("apiVersion"),
        xml_namespace: match &meta["xmlNamespace"] {
            Json::Object(ns) => ns["uri"].as_str().unwrap_or_default().to_owned(),
            other => other.as_str().unwrap_or_default().to_owned(),
        },
        error_namespace: String::new(),
        validation_code: String::new(),
        denied_code: String::new(),
        anonymous: false,
        query_compatible,
        name,
    })
}

fn protocol(name: &str) -> Result<Protocol, LoadError> {
    Ok(match name {
        "json" => Protocol::Json,
        "rest-json" => Protocol::RestJson,
        "rest-xml" => Protocol::RestXml,
        "query" => Protocol::Query,
        "ec2" => Protocol::Ec2,
        "smithy-rpc-v2-cbor" => Protocol::Cbor,
        other => return Err(bad(format_args!("unknown protocol {other:?}"))),
    })
}

struct Loader<'a> {
    source: &'a JsonMap<String, Json>,
    index: HashMap<String, u32>,
    shapes: Vec<Shape>,
}

impl Loader<'_> {
    fn operation(&mut self, name: &str, op: &Json) -> Result<Operation, LoadError> {
        let uri = op["http"]["requestUri"].as_str().unwrap_or("/").to_owned();
        let mut errors = Vec::new();
        for error in op["errors"].as_array().into_iter().flatten() {
            errors.push(self.member("", error, false)?.target);
        }
        Ok(Operation {
            name: name.to_owned(),
            method: op["http"]["method"].as_str().unwrap_or("POST").to_owned(),
            uri,
            status: op["http"]["responseCode"].as_u64().unwrap_or(200) as u16,
            input: self.input_or_output(name, "Input", &op["input"])?,
            output: self.input_or_output(name, "Output", &op["output"])?,
            result_wrapper: op["output"]["resultWrapper"].as_str().unwrap_or_default().to_owned(),
            errors,
            unsigned: op["authtype"] == "none"
                || op["auth"]
                    .as_array()
                    .is_some_and(|a| a.iter().any(|x| x == "smithy.api#noAuth")),
            host_prefix: op["endpoint"]["hostPrefix"].as_str().unwrap_or_default().to_owned(),
            access: Vec::new(),
        })
    }

    fn input_or_output(&mut self, op: &str, what: &str, at: &Json) -> Result<Member, LoadError> {
        if !at.is_null() {
            return self.member("", at, false);
        }
        let mut name = format!("{op}{what}");
        if self.source.contains_key(&name) {
            name.push_str("Empty");
        }
        let target = self.shapes.len() as u32;
        self.shapes.push(Shape { name, synthetic: true, ..Shape::default() });
        Ok(Member { target, ..Member::default() })
    }

    fn member(&mut self, name: &str, at: &Json, required: bool) -> Result<Member, LoadError> {
        let target = at["shape"].as_str().ok_or_else(|| bad(format_args!("{name}: no shape")))?;
        let flag = |key: &str| at[key].as_bool().unwrap_or(false);
        let text = |key: &str| at[key].as_str().map(str::to_owned);
        Ok(Member {
            name: name.to_owned(),
            target: self.shape(target)?,
            required,
            location: match at["location"].as_str() {
                None => Location::Body,
                Some("header") => Location::Header,
                Some("headers") => Location::Headers,
                Some("uri") => Location::Uri,
                Some("querystring") => Location::QueryString,
                Some("statusCode") => Location::StatusCode,
                Some(other) => return Err(bad(format_args!("{name}: location {other}"))),
            },
            location_name: text("locationName"),
            query_name: text("queryName"),
            flattened: flag("flattened"),
            xml_attribute: flag("xmlAttribute"),
            xml_namespace: namespace(&at["xmlNamespace"]),
            time_format: time_format(&at["timestampFormat"])?,
            json_value: flag("jsonvalue"),
            host_label: flag("hostLabel"),
            streaming: flag("streaming"),
            idempotency_token: flag("idempotencyToken"),
            ..Member::default()
        })
    }

    fn shape(&mut self, name: &str) -> Result<u32, LoadError> {
        if let Some(&index) = self.index.get(name) {
            return Ok(index);
        }
        let source = self.source;
        let at = source.get(name).ok_or_else(|| bad(format_args!("no shape {name}")))?;
        let index = self.shapes.len() as u32;
        self.index.insert(name.to_owned(), index);
        // Reserve the place first: shapes may be recursive.
        self.shapes.push(Shape::default());
        let shape = self.read_shape(name, at)?;
        self.shapes[index as usize] = shape;
        Ok(index)
    }

    fn read_shape(&mut self, name: &str, at: &Json) -> Result<Shape, LoadError> {
        let flag = |key: &str| at[key].as_bool().unwrap_or(false);
        if flag("eventstream") {
            // A body of frames, one after the other: see `event_stream`.
            let name = name.to_owned();
            return Ok(Shape { name, kind: Kind::Blob, streaming: true, ..Shape::default() });
        }
        let members = self.members(at)?;
        let payload = match at["payload"].as_str() {
            None => None,
            Some(payload) => Some(
                members
                    .iter()
                    .position(|m| m.name == payload)
                    .ok_or_else(|| bad(format_args!("{name}: payload {payload}")))?
                    as u32,
            ),
        };
        Ok(Shape {
            name: name.to_owned(),
            kind: kind(at).ok_or_else(|| bad(format_args!("{name}: type {}", at["type"])))?,
            members,
            union: flag("union"),
            synthetic: false,
            sensitive: flag("sensitive"),
            flattened: flag("flattened"),
            streaming: flag("streaming"),
            payload,
            location_name: at["locationName"].as_str().map(str::to_owned),
            xml_namespace: namespace(&at["xmlNamespace"]),
            time_format: time_format(&at["timestampFormat"])?,
            values: at["enum"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|v| v.as_str().map(str::to_owned))
                .collect(),
            min: at["min"].as_f64(),
            max: at["max"].as_f64(),
            pattern: at["pattern"].as_str().map(Pattern::new),
            error: flag("exception").then(|| ErrorTrait {
                code: at["error"]["code"].as_str().map(str::to_owned),
                status: at["error"]["httpStatusCode"].as_u64().unwrap_or(0) as u16,
                fault: flag("fault"),
            }),
            constrained: OnceLock::new(),
        })
    }

    fn members(&mut self, at: &Json) -> Result<Vec<Member>, LoadError> {
        let required = |name: &str| {
            at["required"].as_array().is_some_and(|r| r.iter().any(|n| n.as_str() == Some(name)))
        };
        let mut members = Vec::new();
        match at["type"].as_str() {
            Some("list") => members.push(self.member("", &at["member"], false)?),
            Some("map") => {
                members.push(self.member("key", &at["key"], false)?);
                members.push(self.member("value", &at["value"], false)?);
            }
            _ => {
                for (name, member) in at["members"].as_object().into_iter().flatten() {
                    members.push(self.member(name, member, required(name))?);
                }
            }
        }
        Ok(members)
    }
}

fn kind(at: &Json) -> Option<Kind> {
    if at["document"] == true {
        return Some(Kind::Document);
    }
    Some(match at["type"].as_str()? {
        "structure" => Kind::Structure,
        "list" => Kind::List,
        "map" => Kind::Map,
        "string" | "character" => Kind::String,
        "blob" => Kind::Blob,
        "boolean" => Kind::Boolean,
        "integer" => Kind::Integer,
        "long" => Kind::Long,
        "float" => Kind::Float,
        "double" => Kind::Double,
        "timestamp" => Kind::Timestamp,
        _ => return None,
    })
}

fn namespace(at: &Json) -> Option<XmlNamespace> {
    match at {
        Json::String(uri) => Some(XmlNamespace { uri: uri.clone(), prefix: None }),
        Json::Object(ns) => Some(XmlNamespace {
            uri: ns.get("uri")?.as_str()?.to_owned(),
            prefix: ns.get("prefix").and_then(|p| p.as_str()).map(str::to_owned),
        }),
        _ => None,
    }
}

fn time_format(at: &Json) -> Result<Option<TimeFormat>, LoadError> {
    match at.as_str() {
        None => Ok(None),
        Some("iso8601") => Ok(Some(TimeFormat::Iso8601)),
        Some("rfc822") => Ok(Some(TimeFormat::HttpDate)),
        Some("unixTimestamp") => Ok(Some(TimeFormat::EpochSeconds)),
        Some(other) => Err(bad(format_args!("timestamp format {other}"))),
    }
}
