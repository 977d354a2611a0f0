//! What the protocols' error answers have in common.

use std::borrow::Cow;

use shape::{Fault, Model, Operation, Shape, Struct};

use crate::json_value::ValueWriter;
use shape::Location;

/// A fault with what the model knows of it.
pub(crate) struct Facts<'a> {
    pub fault: &'a Fault,
    /// The modeled structure of this error, whether the fault brings one or not.
    shape: Option<&'a Shape>,
}

impl<'a> Facts<'a> {
    pub fn new(model: &'a Model, op: Option<&'a Operation>, fault: &'a Fault) -> Self {
        let modeled = || {
            let errors = op.into_iter().flat_map(|op| &op.errors);
            errors
                .map(|index| &model.shapes[*index as usize])
                .find(|shape| shape.name == fault.code || shape.error_code() == fault.code)
        };
        let shape = match &fault.detail {
            Some(detail) => Some(detail.shape()),
            None => modeled(),
        };
        Facts { fault, shape }
    }

    pub fn detail(&self) -> Option<&'a dyn Struct> {
        self.fault.detail.as_deref()
    }

    /// The error's name in the JSON protocols: the shape's, whatever its code in others.
    pub fn type_name(&self) -> &str {
        self.shape.map_or(&self.fault.code, |shape| &shape.name)
    }

    /// With the namespace that the service (or the fault itself) puts before it.
    pub fn qualified_name(&self, model: &Model) -> Cow<'_, str> {
        let name = self.type_name();
        match (self.fault.namespace, model.service.error_namespace.as_str()) {
            (Some(namespace), _) => format!("{namespace}#{name}").into(),
            (None, "") => name.into(),
            (None, namespace) => format!("{namespace}#{name}").into(),
        }
    }

    /// The code in the query and XML protocols.
    pub fn code(&self) -> &str {
        self.shape.map_or(&self.fault.code, Shape::error_code)
    }

    /// Whose fault it is, as the query protocols say it.
    pub fn side(&self) -> &'static str {
        if self.fault.status >= 500 { "Receiver" } else { "Sender" }
    }

    /// `x-amzn-query-error`, for services that came from awsQuery.
    pub fn query_error(&self, model: &Model) -> Option<(String, String)> {
        let value = || format!("{};{}", self.code(), self.side());
        model.service.query_compatible.then(|| crate::header("x-amzn-query-error", value()))
    }

    /// The message, unless the detail's own member has it.
    pub fn extra_message(&self) -> Option<&str> {
        let written = self.detail().is_some_and(|detail| {
            detail.shape().members.iter().enumerate().any(|(index, member)| {
                is_message(&member.name) && !matches!(detail.field(index), shape::View::Absent)
            })
        });
        (!written && !self.fault.message.is_empty()).then_some(&self.fault.message)
    }

    /// `message` or `Message`, as the modeled error has it. What the services' common front end
    /// says on its own (serialization, access) has a capital letter at DynamoDB.
    pub fn message_name(&self) -> &str {
        let modeled = self.shape.and_then(|s| s.members.iter().find(|m| is_message(&m.name)));
        if let Some(member) = modeled {
            return member.wire_name();
        }
        let front = self.fault.namespace == Some("com.amazon.coral.service");
        let capital =
            matches!(&*self.fault.code, "SerializationException" | "AccessDeniedException");
        if front && capital { "Message" } else { "message" }
    }

    /// The body of an error in JSON; members that travel in headers are not in it.
    pub fn json(&self, qualified_name: Option<&str>) -> Vec<u8> {
        let mut writer = ValueWriter::new(crate::json_value::Style::Wire);
        let mut first = true;
        writer.out.push(b'{');
        if let Some(name) = qualified_name {
            writer.key("__type", &mut first);
            writer.string(name);
        }
        if let Some(detail) = self.detail() {
            writer.members(detail, Some(Location::Body), &mut first);
        }
        if let Some(message) = self.extra_message() {
            writer.key(self.message_name(), &mut first);
            writer.string(message);
        }
        writer.out.push(b'}');
        writer.out
    }
}

fn is_message(name: &str) -> bool {
    name.eq_ignore_ascii_case("message")
}
