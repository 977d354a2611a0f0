//! The model of one service: operations, shapes and the traits that codecs need.

use std::collections::HashMap;
use std::sync::OnceLock;

use regex::Regex;
use serde::{Deserialize, Serialize};

use crate::access::AccessRule;

/// A service's facts. Build it with [`Model::from_table`] (generated crates) or
/// [`crate::botocore::load`] (tools and protocol tests), then [`Model::leak`].
#[derive(Debug, Serialize, Deserialize)]
pub struct Model {
    /// Names, protocol and versions.
    pub service: ServiceInfo,
    /// All operations of this table, sorted by name.
    pub operations: Vec<Operation>,
    /// All shapes; members refer to them by index.
    pub shapes: Vec<Shape>,
    /// Names of operations that AWS has and this table leaves out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unserved: Vec<String>,
    /// Method and URI of each of [`Model::unserved`] (`GET /a/{B}`), in the REST protocols only:
    /// there an operation is known by nothing else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unserved_uris: Vec<String>,
    #[serde(skip)]
    by_name: OnceLock<HashMap<String, usize>>,
}

/// What the wire and the gateway need to know of a service.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ServiceInfo {
    /// Endpoint prefix, our key for the service: `dynamodb`.
    pub name: String,
    /// AWS's service id: `CloudWatch Logs`.
    pub id: String,
    /// Name in the SigV4 credential scope.
    pub signing_name: String,
    /// The protocol that clients of the pinned SDK speak.
    pub protocol: Protocol,
    /// Protocols that other clients speak to the same service.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_protocols: Vec<Protocol>,
    /// `1.0` or `1.1`, for the JSON protocols.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub json_version: String,
    /// Prefix in `X-Amz-Target`, JSON protocols.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub target_prefix: String,
    /// `2012-08-10`.
    pub api_version: String,
    /// Default XML namespace of responses.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub xml_namespace: String,
    /// Namespace in front of a modeled error's name in JSON's `__type`, with `#`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub error_namespace: String,
    /// Code of the error that reports broken constraints, as this service names it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub validation_code: String,
    /// The service moved from awsQuery and answers `x-amzn-query-error`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub query_compatible: bool,
    /// Code of the error for a caller whose policies do not allow, when the protocol's usual one
    /// is not it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub denied_code: String,
    /// Requests without a signature are let in as nobody's: policies of resources may allow them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub anonymous: bool,
}

/// The wire protocols of AWS.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// awsJson 1.0 and 1.1.
    #[default]
    Json,
    /// restJson1.
    RestJson,
    /// restXml.
    RestXml,
    /// awsQuery.
    Query,
    /// ec2Query.
    Ec2,
    /// rpcv2Cbor.
    #[serde(rename = "smithy-rpc-v2-cbor")]
    Cbor,
}

/// One operation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Operation {
    /// `PutItem`.
    pub name: String,
    /// HTTP method.
    pub method: String,
    /// URI with labels: `/2015-03-31/functions/{FunctionName}?x=y`.
    pub uri: String,
    /// Status of a successful answer.
    pub status: u16,
    /// The input, always a structure (synthetic and empty where the model has none).
    pub input: Member,
    /// The output, likewise.
    pub output: Member,
    /// awsQuery's element around the output's members.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub result_wrapper: String,
    /// Indices of the modeled errors.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<u32>,
    /// The model says that this operation is called without credentials.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unsigned: bool,
    /// Host prefix with labels, `{Account}.`, or empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub host_prefix: String,
    /// What its caller must be allowed to do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub access: Vec<AccessRule>,
}

/// One shape with its traits and constraints.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Shape {
    /// Name in the model.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
    /// Members of a structure or union, in order; `[member]` of a list; `[key, value]` of a map.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<Member>,
    /// At most one member is set.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub union: bool,
    /// The model has no such shape: an operation without input or output.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub synthetic: bool,
    /// Never to be logged.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sensitive: bool,
    /// A list or map without its wrapping element.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub flattened: bool,
    /// The bytes of a blob are the body itself, of unknown length.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub streaming: bool,
    /// Index of the member that is the whole body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<u32>,
    /// XML name of the shape when it stands at the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location_name: Option<String>,
    /// XML namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub xml_namespace: Option<XmlNamespace>,
    /// Format of a timestamp.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_format: Option<TimeFormat>,
    /// Allowed values of a string.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// Least length or value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// Greatest length or value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// Pattern that the whole string must match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<Pattern>,
    /// Set on exceptions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorTrait>,
    /// Filled by [`Model::leak`].
    #[serde(skip)]
    pub(crate) constrained: OnceLock<bool>,
}

/// Kinds of shapes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Kind {
    #[default]
    Structure,
    List,
    Map,
    String,
    Blob,
    Boolean,
    Integer,
    Long,
    Float,
    Double,
    Timestamp,
    Document,
}

/// A reference to a shape: a structure's member, a list's element, an operation's input.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Member {
    /// Name in the model; empty for list elements and operation inputs.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Index of the target.
    pub target: u32,
    /// Must be present.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// Where it travels.
    #[serde(default, skip_serializing_if = "Location::is_body")]
    pub location: Location,
    /// Its name there, when not [`Member::name`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location_name: Option<String>,
    /// Query name for ec2Query (`queryName`), or nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_name: Option<String>,
    /// Lists and maps: no wrapping element.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub flattened: bool,
    /// Travels as an XML attribute of its parent.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub xml_attribute: bool,
    /// XML namespace of the element.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub xml_namespace: Option<XmlNamespace>,
    /// Overrides the target's timestamp format.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_format: Option<TimeFormat>,
    /// A string that carries JSON (in headers: base64 of it).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub json_value: bool,
    /// Also part of the host name.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub host_label: bool,
    /// The bytes of this blob are the body itself, and may come piece by piece.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub streaming: bool,
    /// Clients fill it with a random UUID when absent.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub idempotency_token: bool,
    #[serde(skip)]
    pub(crate) resolved: OnceLock<&'static Shape>,
}

/// Where a member travels in HTTP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum Location {
    #[default]
    Body,
    Header,
    /// A map; the location name is the prefix.
    Headers,
    Uri,
    QueryString,
    StatusCode,
}

impl Location {
    fn is_body(&self) -> bool {
        *self == Location::Body
    }
}

/// Timestamp formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TimeFormat {
    /// RFC 3339 in UTC.
    #[serde(rename = "iso8601")]
    Iso8601,
    /// IMF-fixdate, RFC 9110 §5.6.7.
    #[serde(rename = "rfc822")]
    HttpDate,
    /// Seconds since 1970, fractions allowed.
    #[serde(rename = "unixTimestamp")]
    EpochSeconds,
}

/// `xmlns`, with an optional prefix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct XmlNamespace {
    /// The URI.
    pub uri: String,
    /// `xmlns:prefix`, or the default namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
}

/// How an exception looks on the wire.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ErrorTrait {
    /// Code when it differs from the shape's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// HTTP status; 0 = not modeled (400, or 500 for a server fault).
    #[serde(default)]
    pub status: u16,
    /// The server's fault rather than the sender's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fault: bool,
}

/// A regular expression compiled on first use.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pattern {
    /// As the model (and AWS's messages) have it.
    pub text: String,
    #[serde(skip)]
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// Wraps a pattern's text.
    pub fn new(text: impl Into<String>) -> Self {
        Pattern { text: text.into(), compiled: OnceLock::new() }
    }

    /// The compiled pattern, anchored at both ends; `None` when it uses what `regex` lacks
    /// (`xtask codegen` refuses such a pattern unless a patch replaces it).
    pub fn regex(&self) -> Option<&Regex> {
        let compile = || Regex::new(&format!("^(?s:(?:{}))$", in_ascii(&self.text))).ok();
        self.compiled.get_or_init(compile).as_ref()
    }
}

/// A pattern whose classes mean what they mean to AWS, whose services match in Java: `\w`, `\d` and
/// `\s` are ASCII's. As sets of their own they may stand inside other sets, too.
fn in_ascii(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        let escaped = if c == '\\' { rest.next() } else { None };
        match (c, escaped) {
            (_, Some('w')) => out.push_str("[0-9A-Za-z_]"),
            (_, Some('W')) => out.push_str("[^0-9A-Za-z_]"),
            (_, Some('d')) => out.push_str("[0-9]"),
            (_, Some('D')) => out.push_str("[^0-9]"),
            (_, Some('s')) => out.push_str(r"[\t\n\x0B\f\r ]"),
            (_, Some('S')) => out.push_str(r"[^\t\n\x0B\f\r ]"),
            (_, Some(other)) => out.extend(['\\', other]),
            (_, None) => out.push(c),
        }
    }
    out
}

impl Model {
    /// A model from parts, before [`Model::leak`].
    pub fn new(
        service: ServiceInfo,
        operations: Vec<Operation>,
        shapes: Vec<Shape>,
        unserved: Vec<String>,
    ) -> Self {
        let unserved_uris = Vec::new();
        Model { service, operations, shapes, unserved, unserved_uris, by_name: OnceLock::new() }
    }

    /// Parses a generated table. Panics on a damaged one: it is part of this binary.
    pub fn from_table(json: &str) -> &'static Model {
        let model: Model = serde_json::from_str(json).expect("the embedded model table is valid");
        model.leak()
    }

    /// Makes the model live as long as the program and resolves every reference in it.
    pub fn leak(self) -> &'static Model {
        let model: &'static Model = Box::leak(Box::new(self));
        let resolve = |member: &Member| {
            member.resolved.get_or_init(|| &model.shapes[member.target as usize]);
        };
        model.shapes.iter().flat_map(|s| &s.members).for_each(resolve);
        for op in &model.operations {
            resolve(&op.input);
            resolve(&op.output);
        }
        model.note_constrained();
        model
    }

    /// The same service as clients see it that speak another of its protocols: operations have
    /// the same indices. Made anew by every call; nothing for a protocol that it does not have.
    pub fn spoken(&self, protocol: Protocol) -> Option<&'static Model> {
        if !self.service.other_protocols.contains(&protocol) {
            return None;
        }
        let table = serde_json::to_string(self).ok()?;
        let mut model: Model = serde_json::from_str(&table).ok()?;
        model.service.protocol = protocol;
        for op in &mut model.operations {
            let has_output = !model.shapes[op.output.target as usize].synthetic;
            if protocol == Protocol::Query && has_output && op.result_wrapper.is_empty() {
                op.result_wrapper = format!("{}Result", op.name);
            }
        }
        Some(model.leak())
    }

    /// Finds the shapes with constraints in them, by going from the constraints outwards.
    fn note_constrained(&self) {
        let mut constrained: Vec<bool> = self.shapes.iter().map(Shape::has_constraint).collect();
        loop {
            let mut grew = false;
            for (i, shape) in self.shapes.iter().enumerate() {
                let inside = |member: &Member| constrained[member.target as usize];
                if !constrained[i] && shape.members.iter().any(inside) {
                    constrained[i] = true;
                    grew = true;
                }
            }
            if !grew {
                break;
            }
        }
        for (shape, constrained) in self.shapes.iter().zip(constrained) {
            shape.constrained.get_or_init(|| constrained);
        }
    }

    /// Index of an operation by its exact name.
    pub fn operation_index(&self, name: &str) -> Option<usize> {
        self.operations.binary_search_by(|op| op.name.as_str().cmp(name)).ok()
    }

    /// A shape by name.
    pub fn shape(&self, name: &str) -> Option<&Shape> {
        let by_name = self.by_name.get_or_init(|| {
            self.shapes.iter().enumerate().map(|(i, s)| (s.name.clone(), i)).collect()
        });
        by_name.get(name).map(|&i| &self.shapes[i])
    }
}

impl Member {
    /// The shape this refers to. Only members of a leaked model are ever handed out.
    pub fn shape(&self) -> &'static Shape {
        self.resolved.get().expect("members are used after Model::leak")
    }

    /// Its name on the wire where `locationName` rules it.
    pub fn wire_name(&self) -> &str {
        self.location_name.as_deref().unwrap_or(&self.name)
    }

    /// The member's timestamp format, or its shape's.
    pub fn time_format(&self) -> Option<TimeFormat> {
        self.time_format.or(self.shape().time_format)
    }

    /// The list or map travels without a wrapping element.
    pub fn is_flattened(&self) -> bool {
        self.flattened || self.shape().flattened
    }
}

impl Shape {
    /// Index of the member whose bytes are the body and come piece by piece.
    pub fn streamed(&self) -> Option<usize> {
        let payload = self.payload? as usize;
        let member = &self.members[payload];
        let streaming = member.streaming || member.shape().streaming;
        (streaming && member.shape().kind == Kind::Blob).then_some(payload)
    }

    /// Index of a member by its model name.
    pub fn member_index(&self, name: &str) -> Option<usize> {
        self.members.iter().position(|m| m.name == name)
    }

    /// A constraint of its own, other than that members must be there.
    fn has_constraint(&self) -> bool {
        let bounded = self.min.is_some() || self.max.is_some();
        bounded || self.pattern.is_some() || !self.values.is_empty()
    }

    /// Whether it, or anything in it, has a constraint; that of required members excepted, which
    /// reading notes.
    pub(crate) fn is_constrained(&self) -> bool {
        *self.constrained.get().unwrap_or(&true)
    }

    /// The list's element, or the map's value.
    pub fn element(&self) -> &Member {
        self.members.last().expect("lists and maps have an element")
    }

    /// The map's key.
    pub fn key(&self) -> &Member {
        &self.members[0]
    }

    /// The error's code on the wire.
    pub fn error_code(&self) -> &str {
        self.error.as_ref().and_then(|e| e.code.as_deref()).unwrap_or(&self.name)
    }

    /// The error's HTTP status.
    pub fn error_status(&self) -> u16 {
        match &self.error {
            Some(e) if e.status != 0 => e.status,
            Some(e) if e.fault => 500,
            _ => 400,
        }
    }
}
