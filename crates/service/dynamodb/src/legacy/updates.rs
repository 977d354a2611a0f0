//! AttributeUpdates: what to do with attributes.

use std::collections::BTreeMap;

use api_dynamodb::{AttributeAction, AttributeValueUpdate};

use super::{parameter, path};
use crate::convert;
use crate::expression::ast::Section;
use crate::expression::bound::{Action, SetValue, Update};
use crate::invalid::Invalid;
use crate::value::{Value, ValueType};

/// What AttributeUpdates asks for; nothing if it is empty, and then an item is made as well.
///
/// # Errors
/// In DynamoDB's words.
pub(crate) fn updates(
    given: Option<BTreeMap<String, AttributeValueUpdate>>,
) -> Result<Option<Update>, Invalid> {
    let mut actions = Vec::new();
    for (name, update) in given.unwrap_or_default() {
        actions.push(action(&name, update)?);
    }
    Ok((!actions.is_empty()).then_some(Update(actions)))
}

fn action(name: &str, update: AttributeValueUpdate) -> Result<Action, Invalid> {
    let path = path(name)?;
    let section = match update.action {
        Some(AttributeAction::Add) => Section::Add,
        Some(AttributeAction::Delete) => Section::Delete,
        _ => Section::Set,
    };
    let Some(value) = update.value else {
        if section != Section::Delete {
            return Err(parameter(
                "Only DELETE action is allowed when no attribute value is specified",
            ));
        }
        return Ok(Action { section: Section::Remove, path, value: None });
    };
    let value = convert::value(value)?;
    check(section, &value)?;
    Ok(Action { section, path, value: Some(SetValue::Attribute(value.into())) })
}

/// ADD takes numbers, sets and lists, DELETE takes sets.
fn check(section: Section, value: &Value) -> Result<(), Invalid> {
    let value_type = value.value_type();
    let is_set = matches!(value_type, ValueType::Ss | ValueType::Ns | ValueType::Bs);
    let problem = match section {
        Section::Add if !is_set && !matches!(value_type, ValueType::N | ValueType::L) => {
            "ADD action is not supported for the type"
        }
        Section::Delete if !is_set => "DELETE action with value is not supported for the type",
        _ => return Ok(()),
    };
    Err(parameter(&format!("{problem} {}", value_type.name())))
}
