//! What a reader says of a request that it cannot read.

use std::fmt;

use shape::{Fault, Mismatch, Model, Protocol};

/// Why a request cannot be read. [`ReadError::fault`] words it as the service would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReadError {
    /// The body is no JSON, XML, CBOR or form; what is wrong is for the log.
    Syntax(String),
    /// A value of the wrong type in the body, in the words of AWS's deserializer.
    Type(String),
    /// A header, query parameter, path label or form field that is not of its type.
    Parameter {
        /// Name on the wire.
        name: String,
        /// What the caller sent.
        value: String,
        /// What is wrong with it.
        mismatch: Mismatch,
    },
    /// Nested deeper than [`Reading`](shape::Reading) follows.
    TooDeep,
    /// More elements than a codec keeps.
    TooLarge,
}

impl ReadError {
    /// The error answer, with the code that the service's protocol has for it.
    pub fn fault(&self, model: &Model) -> Fault {
        let fault = match model.service.protocol {
            Protocol::Json | Protocol::RestJson | Protocol::Cbor => {
                let fault = Fault::sender("SerializationException", self.json_message());
                match (model.service.protocol, model.service.json_version.as_str()) {
                    (Protocol::Json, "1.0") => fault.in_namespace("com.amazon.coral.service"),
                    _ => fault,
                }
            }
            Protocol::RestXml => self.xml_fault(),
            Protocol::Query => self.query_fault(),
            Protocol::Ec2 => self.ec2_fault(),
        };
        Fault { internal: Some(self.to_string()), ..fault }
    }

    /// Malformed text gets no message at all, as at DynamoDB.
    fn json_message(&self) -> String {
        match self {
            ReadError::Syntax(_) => String::new(),
            other => other.to_string(),
        }
    }

    fn xml_fault(&self) -> Fault {
        match self {
            ReadError::Parameter { .. } => Fault::sender("InvalidArgument", self.to_string()),
            _ => Fault::sender(
                "MalformedXML",
                "The XML you provided was not well-formed or did not validate against our \
                 published schema",
            ),
        }
    }

    fn query_fault(&self) -> Fault {
        match self {
            ReadError::Syntax(_) => Fault::sender("MalformedQueryString", self.to_string()),
            _ => Fault::sender("MalformedInput", self.to_string()),
        }
    }

    fn ec2_fault(&self) -> Fault {
        match self {
            ReadError::Parameter { name, value, .. } => Fault::sender(
                "InvalidParameterValue",
                format!("Value ({value}) for parameter {name} is invalid."),
            ),
            _ => Fault::sender("MalformedQueryString", self.to_string()),
        }
    }
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Syntax(what) => f.write_str(what),
            ReadError::Type(message) => f.write_str(message),
            ReadError::Parameter { name, value, mismatch } => {
                write!(f, "Value '{value}' of '{name}': {mismatch}")
            }
            ReadError::TooDeep => f.write_str("The request is nested too deeply"),
            ReadError::TooLarge => f.write_str("The request has too many elements"),
        }
    }
}

impl std::error::Error for ReadError {}

/// A syntax error at a byte of the body.
pub(crate) fn syntax(what: &str, at: usize) -> ReadError {
    ReadError::Syntax(format!("{what} at byte {at}"))
}
