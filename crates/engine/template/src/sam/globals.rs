//! `Globals`: what all resources of a type share. Maps are merged, lists put before a resource's
//! own, anything else is what the resource says, if it says anything.

use crate::evaluate::{Resource, Stack};
use crate::node::{Error, Node, Value};

/// Sections of `Globals`, and the types of resources that they are for.
const SECTIONS: &[(&str, &str)] = &[
    ("Function", "AWS::Serverless::Function"),
    ("Api", "AWS::Serverless::Api"),
    ("HttpApi", "AWS::Serverless::HttpApi"),
    ("SimpleTable", "AWS::Serverless::SimpleTable"),
    ("StateMachine", "AWS::Serverless::StateMachine"),
    ("LayerVersion", "AWS::Serverless::LayerVersion"),
    ("CapacityProvider", "AWS::Serverless::CapacityProvider"),
    ("WebSocketApi", "AWS::Serverless::WebSocketApi"),
];

/// Complains of sections that SAM does not know.
pub(crate) fn check(stack: &Stack<'_>) -> Result<(), Error> {
    for (key, _) in stack.template.section("Globals") {
        if !SECTIONS.iter().any(|(section, _)| *section == key.text) {
            let known: Vec<&str> = SECTIONS.iter().map(|(section, _)| *section).collect();
            let message = format!("Globals has no {}; it has {}", key.text, known.join(", "));
            return Err(Error::new(key.at, message));
        }
    }
    Ok(())
}

/// The evaluated section for a type of resource.
pub(crate) fn of(stack: &Stack<'_>, kind: &str) -> Result<Option<Node>, Error> {
    let section = SECTIONS.iter().find(|(_, of)| *of == kind).map(|(section, _)| section);
    let found = section.and_then(|section| {
        stack.template.section("Globals").iter().find(|(key, _)| key.text == *section)
    });
    found.map(|(_, node)| stack.value(node)).transpose()
}

/// The evaluated properties of a resource, together with what is global.
pub(crate) fn merged(stack: &Stack<'_>, resource: &Resource) -> Result<Node, Error> {
    let own = stack.properties(&resource.id)?;
    Ok(match of(stack, &resource.kind)? {
        Some(global) => merge(global, own),
        None => own,
    })
}

fn merge(global: Node, own: Node) -> Node {
    let at = own.at;
    match (global.value, own.value) {
        (Value::Map(mut shared), Value::Map(own)) => {
            for (key, value) in own {
                match shared.iter().position(|(found, _)| found.text == key.text) {
                    Some(place) => {
                        let (name, global) = shared.remove(place);
                        shared.insert(place, (name, merge(global, value)));
                    }
                    None => shared.push((key, value)),
                }
            }
            Node { at, value: Value::Map(shared) }
        }
        (Value::List(mut shared), Value::List(own)) => {
            shared.extend(own);
            Node { at, value: Value::List(shared) }
        }
        (global, Value::Null) => Node { at, value: global },
        (_, own) => Node { at, value: own },
    }
}
