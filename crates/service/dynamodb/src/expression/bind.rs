//! Looks placeholders up, and checks what depends on them: operands' types and
//! that they differ. In the order in which DynamoDB reports problems.

use super::ast::*;
use super::bound::*;
use super::overlap;
use super::parser::Result;
use super::placeholders::Placeholders;
use crate::value::{NESTING_MAX, Value, ValueType};

/// Operands an IN may list.
pub(crate) const IN_MAX: usize = 100;

pub(super) fn path(path: &PathSyntax, placeholders: &mut Placeholders) -> Result<Path> {
    let steps = path.0.iter().map(|step| {
        Ok(match step {
            StepSyntax::Name(name) => Step::Name(name.as_str().into()),
            StepSyntax::Placeholder(key) => Step::Name(placeholders.name(key)?),
            // `check` has refused greater ones.
            StepSyntax::Index(index) => Step::Index(*index as u32),
        })
    });
    let steps = steps.collect::<Result<Vec<Step>>>()?;
    if steps.len() > NESTING_MAX {
        return Err(format!(
            "The document path has too many nesting levels; nesting levels: {}",
            steps.len()
        ));
    }
    Ok(Path(steps))
}

pub(super) fn projection(
    paths: &[PathSyntax],
    placeholders: &mut Placeholders,
) -> Result<Projection> {
    let paths = paths.iter().map(|each| path(each, placeholders)).collect::<Result<Vec<Path>>>()?;
    overlap::check(paths.iter())?;
    Ok(Projection(paths))
}

pub(super) fn condition(
    syntax: &ConditionSyntax,
    placeholders: &mut Placeholders,
) -> Result<Condition> {
    let mut each = |terms: &[ConditionSyntax]| {
        terms.iter().map(|term| condition(term, placeholders)).collect::<Result<Vec<_>>>()
    };
    match syntax {
        ConditionSyntax::Or(terms) => Ok(Condition::Or(each(terms)?)),
        ConditionSyntax::And(terms) => Ok(Condition::And(each(terms)?)),
        ConditionSyntax::Not(term) => Ok(Condition::Not(Box::new(condition(term, placeholders)?))),
        ConditionSyntax::Compare { comparator, left, right } => {
            let left = operand(left, placeholders)?;
            let right = operand(right, placeholders)?;
            compare(*comparator, left, right)
        }
        ConditionSyntax::Between { operand: value, low, high } => {
            let value = operand(value, placeholders)?;
            let low = operand(low, placeholders)?;
            let high = operand(high, placeholders)?;
            between(value, low, high)
        }
        ConditionSyntax::In { operand: value, list } => {
            let value = operand(value, placeholders)?;
            let list =
                list.iter().map(|each| operand(each, placeholders)).collect::<Result<Vec<_>>>()?;
            if list.len() > IN_MAX {
                return Err(format!(
                    "The IN operator is provided with too many operands; number of operands: {}",
                    list.len()
                ));
            }
            list.iter().try_for_each(|other| distinct("IN", &value, other))?;
            Ok(Condition::In { operand: value, list })
        }
        ConditionSyntax::Call(call) => function(call, placeholders),
    }
}

pub(crate) fn compare(comparator: Comparator, left: Operand, right: Operand) -> Result<Condition> {
    let symbol = comparator.symbol();
    distinct(symbol, &left, &right)?;
    if !matches!(comparator, Comparator::Equal | Comparator::NotEqual) {
        allow_types(symbol, &[&left, &right], ValueType::is_ordered)?;
    }
    Ok(Condition::Compare { comparator, left, right })
}

pub(crate) fn between(operand: Operand, low: Operand, high: Operand) -> Result<Condition> {
    distinct("BETWEEN", &operand, &low)?;
    distinct("BETWEEN", &operand, &high)?;
    allow_types("BETWEEN", &[&operand, &low, &high], ValueType::is_ordered)?;
    if let (Operand::Value(a), Operand::Value(b)) = (&low, &high) {
        let bounds =
            || format!("lower bound operand: {}, upper bound operand: {}", display(a), display(b));
        if a.value_type() != b.value_type() {
            return Err(format!(
                "The BETWEEN operator requires same data type for lower and upper bounds; {}",
                bounds()
            ));
        }
        if a.order(b) == Some(std::cmp::Ordering::Greater) {
            return Err(format!(
                "The BETWEEN operator requires upper bound to be greater than or equal to lower \
                 bound; {}",
                bounds()
            ));
        }
    }
    Ok(Condition::Between { operand, low, high })
}

/// A value as messages show it.
pub(crate) fn display(value: &Value) -> String {
    match value {
        Value::S(text) => format!("AttributeValue: {{S:{text}}}"),
        Value::N(number) => format!("AttributeValue: {{N:{number}}}"),
        Value::B(bytes) => {
            let length = bytes.len();
            format!(
                "AttributeValue: {{B:java.nio.HeapByteBuffer[pos=0 lim={length} cap={length}]}}"
            )
        }
        other => format!("AttributeValue: {{{}}}", other.value_type().name()),
    }
}

fn function(call: &CallSyntax, placeholders: &mut Placeholders) -> Result<Condition> {
    let mut arguments = call
        .arguments
        .iter()
        .map(|argument| operand(argument, placeholders))
        .collect::<Result<Vec<_>>>()?;
    let name = call.name.as_str();
    // `check` has counted them.
    let second = if arguments.len() > 1 { arguments.pop() } else { None };
    let first = arguments.remove(0);
    match (name, second) {
        ("attribute_exists", None) => Ok(Condition::Exists(needs_path(name, first)?)),
        ("attribute_not_exists", None) => Ok(Condition::NotExists(needs_path(name, first)?)),
        ("attribute_type", Some(second)) => {
            distinct(name, &first, &second)?;
            let value_type = type_named(&second)?;
            Ok(Condition::HasType(first, value_type))
        }
        ("begins_with", Some(second)) => {
            distinct(name, &first, &second)?;
            let allowed = |value_type| matches!(value_type, ValueType::S | ValueType::B);
            allow_types(name, &[&first, &second], allowed)?;
            Ok(Condition::BeginsWith(first, second))
        }
        ("contains", Some(second)) => {
            distinct(name, &first, &second)?;
            Ok(Condition::Contains(first, second))
        }
        _ => Err(format!("Invalid function name; function: {name}")),
    }
}

/// The type that `attribute_type`'s second argument names.
fn type_named(operand: &Operand) -> Result<ValueType> {
    match operand {
        Operand::Value(value) => match &**value {
            Value::S(name) => ValueType::from_name(name).ok_or_else(|| {
                format!(
                    "Invalid attribute type name found; type: {name}, \
                     valid types: {{B,NULL,SS,BOOL,L,BS,N,NS,S,M}}"
                )
            }),
            other => Err(wrong_type("attribute_type", other.value_type().name())),
        },
        Operand::Size(_) => Err(wrong_type("attribute_type", "N")),
        Operand::Test(_) => Err(wrong_type("attribute_type", "BOOL")),
        Operand::Path(_) => Err(wrong_type("attribute_type", "{NS,SS,L,BS,N,M,B,BOOL,NULL,S}")),
    }
}

fn operand(syntax: &OperandSyntax, placeholders: &mut Placeholders) -> Result<Operand> {
    match syntax {
        OperandSyntax::Path(steps) => Ok(Operand::Path(path(steps, placeholders)?)),
        OperandSyntax::Placeholder(key) => Ok(Operand::Value(placeholders.value(key)?)),
        // Only `size` gets past `check` as an operand.
        OperandSyntax::Call(call) => {
            let inner = operand(&call.arguments[0], placeholders)?;
            let has_size = |value_type| {
                !matches!(value_type, ValueType::N | ValueType::Bool | ValueType::Null)
            };
            allow_types(&call.name, &[&inner], has_size)?;
            Ok(Operand::Size(Box::new(inner)))
        }
    }
}

fn needs_path(function: &str, operand: Operand) -> Result<Path> {
    match operand {
        Operand::Path(path) => Ok(path),
        _ => Err(path_required(function)),
    }
}

pub(crate) fn path_required(function: &str) -> String {
    format!("Operator or function requires a document path; operator or function: {function}")
}

pub(crate) fn allow_types(
    operator: &str,
    operands: &[&Operand],
    allowed: impl Fn(ValueType) -> bool,
) -> Result<()> {
    match operands.iter().filter_map(|operand| operand.static_type()).find(|&t| !allowed(t)) {
        Some(value_type) => Err(wrong_type(operator, value_type.name())),
        None => Ok(()),
    }
}

pub(crate) fn wrong_type(operator: &str, value_type: &str) -> String {
    format!(
        "Incorrect operand type for operator or function; \
         operator or function: {operator}, operand type: {value_type}"
    )
}

pub(crate) fn distinct(operator: &str, first: &Operand, other: &Operand) -> Result<()> {
    match (first, other) {
        (Operand::Path(a), Operand::Path(b)) if a == b => Err(format!(
            "The first operand must be distinct from the remaining operands for this operator or \
             function; operator: {operator}, first operand: {a}"
        )),
        _ => Ok(()),
    }
}

pub(super) fn update(syntax: &UpdateSyntax, placeholders: &mut Placeholders) -> Result<Update> {
    let paths = syntax
        .actions
        .iter()
        .map(|action| path(&action.path, placeholders))
        .collect::<Result<Vec<Path>>>()?;
    overlap::check(paths.iter())?;
    // The last action is looked at first.
    let mut actions = Vec::with_capacity(paths.len());
    for (action, path) in syntax.actions.iter().zip(paths).rev() {
        let value = match &action.value {
            None => None,
            Some(value) => Some(set_value(value, placeholders)?),
        };
        if let Some(SetValue::Value(value)) = &value {
            check_set_operand(action.section, value)?;
        }
        actions.push(Action { section: action.section, path, value });
    }
    actions.reverse();
    Ok(Update(actions))
}

/// ADD takes numbers and sets, DELETE takes sets.
fn check_set_operand(section: Section, value: &Value) -> Result<()> {
    let value_type = value.value_type();
    let is_set = matches!(value_type, ValueType::Ss | ValueType::Ns | ValueType::Bs);
    let allowed = match section {
        Section::Add => is_set || value_type == ValueType::N,
        Section::Delete => is_set,
        Section::Set | Section::Remove => true,
    };
    if allowed {
        return Ok(());
    }
    Err(format!(
        "Incorrect operand type for operator or function; operator: {0}, operand type: {1}, \
         typeSet: ALLOWED_FOR_{0}_OPERAND",
        section.name(),
        value_type.long_name()
    ))
}

fn set_value(syntax: &SetValueSyntax, placeholders: &mut Placeholders) -> Result<SetValue> {
    let mut both = |symbol, a, b| {
        let a = update_operand(a, placeholders)?;
        let b = update_operand(b, placeholders)?;
        allow_set_types(symbol, &[&a, &b], ValueType::N)?;
        Ok((Box::new(a), Box::new(b)))
    };
    match syntax {
        SetValueSyntax::Plus(a, b) => both("+", a, b).map(|(a, b)| SetValue::Plus(a, b)),
        SetValueSyntax::Minus(a, b) => both("-", a, b).map(|(a, b)| SetValue::Minus(a, b)),
        SetValueSyntax::Operand(operand) => update_operand(operand, placeholders),
    }
}

fn update_operand(syntax: &OperandSyntax, placeholders: &mut Placeholders) -> Result<SetValue> {
    let call = match syntax {
        OperandSyntax::Path(steps) => return Ok(SetValue::Path(path(steps, placeholders)?)),
        OperandSyntax::Placeholder(key) => return Ok(SetValue::Value(placeholders.value(key)?)),
        OperandSyntax::Call(call) => call,
    };
    super::check::argument_count(call)?;
    let first = update_operand(&call.arguments[0], placeholders)?;
    let second = update_operand(&call.arguments[1], placeholders)?;
    if call.name == "if_not_exists" {
        return match first {
            SetValue::Path(path) => Ok(SetValue::IfNotExists(path, Box::new(second))),
            _ => Err(path_required(&call.name)),
        };
    }
    allow_set_types(&call.name, &[&first, &second], ValueType::L)?;
    Ok(SetValue::ListAppend(Box::new(first), Box::new(second)))
}

/// Checks the types of those operands that are values of the request.
pub(crate) fn allow_set_types(
    operator: &str,
    operands: &[&SetValue],
    allowed: ValueType,
) -> Result<()> {
    for operand in operands {
        if let SetValue::Value(value) = operand
            && value.value_type() != allowed
        {
            return Err(wrong_type(operator, value.value_type().name()));
        }
    }
    Ok(())
}
