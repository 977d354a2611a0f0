//! What can be said against an expression from its text alone: reserved words,
//! indices out of range, unknown functions and functions out of place.

use super::ast::*;
use super::parser::Result;
use super::reserved::is_reserved;

/// Where a function stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// As a condition of its own.
    Condition,
    /// As an operand of a condition.
    Operand,
    /// On the right side of an update.
    Update,
}

/// The functions: name, where each may stand, and how many arguments it takes.
const FUNCTIONS: [(&str, Place, usize); 8] = [
    ("attribute_exists", Place::Condition, 1),
    ("attribute_not_exists", Place::Condition, 1),
    ("attribute_type", Place::Condition, 2),
    ("begins_with", Place::Condition, 2),
    ("contains", Place::Condition, 2),
    ("size", Place::Operand, 1),
    ("if_not_exists", Place::Update, 2),
    ("list_append", Place::Update, 2),
];

/// Checks that a function has as many arguments as it takes.
pub(super) fn argument_count(call: &CallSyntax) -> Result<()> {
    let count = call.arguments.len();
    match FUNCTIONS.iter().find(|function| function.0 == call.name) {
        Some(&(_, _, expected)) if expected != count => Err(format!(
            "Incorrect number of operands for operator or function; \
             operator or function: {}, number of operands: {count}",
            call.name
        )),
        _ => Ok(()),
    }
}

pub(super) fn condition(condition: &ConditionSyntax) -> Result<()> {
    match condition {
        ConditionSyntax::Or(terms) | ConditionSyntax::And(terms) => {
            terms.iter().try_for_each(self::condition)
        }
        ConditionSyntax::Not(term) => self::condition(term),
        ConditionSyntax::Compare { left, right, .. } => {
            operand(left, Place::Operand)?;
            operand(right, Place::Operand)
        }
        ConditionSyntax::Between { operand: value, low, high } => {
            [value, low, high].into_iter().try_for_each(|each| operand(each, Place::Operand))
        }
        ConditionSyntax::In { operand: value, list } => {
            operand(value, Place::Operand)?;
            list.iter().try_for_each(|each| operand(each, Place::Operand))
        }
        ConditionSyntax::Call(function) => call(function, Place::Condition),
    }
}

pub(super) fn update(update: &UpdateSyntax) -> Result<()> {
    // A section at a time, in the order in which they first appear.
    let mut seen = Vec::new();
    for &section in &update.sections {
        if seen.contains(&section) {
            continue;
        }
        seen.push(section);
        for action in update.actions.iter().filter(|action| action.section == section) {
            path(&action.path)?;
            match &action.value {
                Some(SetValueSyntax::Operand(value)) => operand(value, Place::Update)?,
                Some(SetValueSyntax::Plus(a, b) | SetValueSyntax::Minus(a, b)) => {
                    operand(a, Place::Update)?;
                    operand(b, Place::Update)?;
                }
                None => {}
            }
        }
        if update.sections.iter().filter(|&&other| other == section).count() > 1 {
            return Err(format!(
                "The \"{}\" section can only be used once in an update expression;",
                section.name()
            ));
        }
    }
    Ok(())
}

pub(super) fn path(path: &PathSyntax) -> Result<()> {
    for step in &path.0 {
        match step {
            StepSyntax::Name(name) if is_reserved(name) => {
                return Err(format!(
                    "Attribute name is a reserved keyword; reserved keyword: {name}"
                ));
            }
            StepSyntax::Index(index) if *index > i32::MAX as u64 => {
                return Err(format!(
                    "List index is not within the allowable range; index: [{index}]"
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

fn operand(operand: &OperandSyntax, place: Place) -> Result<()> {
    match operand {
        OperandSyntax::Path(steps) => path(steps),
        OperandSyntax::Placeholder(_) => Ok(()),
        OperandSyntax::Call(function) => call(function, place),
    }
}

fn call(call: &CallSyntax, place: Place) -> Result<()> {
    let name = &call.name;
    let Some(&(_, allowed, _)) = FUNCTIONS.iter().find(|function| function.0 == name) else {
        return Err(format!("Invalid function name; function: {name}"));
    };
    if allowed != place {
        return Err(if place == Place::Update {
            format!("The function is not allowed in an update expression; function: {name}")
        } else if allowed == Place::Update {
            format!("The function is not allowed in a condition expression; function: {name}")
        } else {
            misused(name)
        });
    }
    if place == Place::Update {
        return call.arguments.iter().try_for_each(argument_of_update);
    }
    argument_count(call)?;
    call.arguments.iter().try_for_each(|argument| operand(argument, Place::Operand))
}

/// An argument of an update's function: DynamoDB takes no `list_append` there.
fn argument_of_update(argument: &OperandSyntax) -> Result<()> {
    match argument {
        OperandSyntax::Call(inner) if inner.name == "list_append" => Err(misused("list_append")),
        _ => operand(argument, Place::Update),
    }
}

fn misused(function: &str) -> String {
    format!(
        "The function is not allowed to be used this way in an expression; function: {function}"
    )
}
