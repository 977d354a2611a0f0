//! Makes values and paths of what a statement writes out, and of its parameters.

use std::sync::Arc;

use super::ast::{Expr, ExprKind, Step};
use super::parser::{Result, misplaced};
use super::token::Span;
use crate::expression::bound::{self, Path};
use crate::invalid::Invalid;
use crate::number::Number;
use crate::value::{Item, NESTING_MAX, Value};

/// What a statement's expressions are bound with.
pub(super) struct Binder {
    /// The values of the parameters, as many as the statement has.
    pub parameters: Vec<Arc<Value>>,
}

/// Where in a literal something stands, as messages tell: `root.a[0]`.
struct Place {
    steps: Vec<String>,
}

impl Place {
    fn text(&self) -> String {
        format!("root{}", self.steps.concat())
    }

    fn unsupported(&self, data_type: &str, at: Span) -> Invalid {
        misplaced(&format!("Unsupported data type: {data_type} under key {}", self.text()), at)
    }
}

impl Binder {
    /// The value of a literal or parameter.
    pub fn value(&self, expr: &Expr) -> Result<Arc<Value>> {
        match &expr.kind {
            ExprKind::Parameter(number) => {
                self.parameters.get(*number).cloned().ok_or_else(parameter_count)
            }
            _ => literal(expr, &mut Place { steps: Vec::new() }).map(Arc::new),
        }
    }

    /// The item that INSERT writes.
    pub fn item(&self, expr: &Expr) -> Result<Item> {
        let members = match &expr.kind {
            ExprKind::Struct(members) => members,
            ExprKind::Parameter(_) => match &*self.value(expr)? {
                Value::M(item) => return Ok(item.clone()),
                other => {
                    let data_type = other.value_type().name();
                    return Err(misplaced(&format!("Unsupported data type: {data_type}"), expr.at));
                }
            },
            _ => return Err(misplaced("Unsupported data type", expr.at)),
        };
        let members = members.iter().map(|(name, value)| {
            let value = self.value(value)?;
            Ok((member_name(name)?, Value::clone(&value)))
        });
        unique(members.collect::<Result<Vec<_>>>()?, expr.at)
    }
}

/// What is wrong if a statement has more or fewer `?` than there are parameters.
pub(super) fn parameter_count() -> Invalid {
    Invalid::new("Number of parameters in request and statement don't match.")
}

fn member_name(name: &Expr) -> Result<String> {
    match &name.kind {
        ExprKind::Text(name) if name.is_empty() => {
            Err(Invalid::new("One or more parameter values were invalid: Empty attribute name"))
        }
        ExprKind::Text(name) => Ok(name.clone()),
        _ => Err(misplaced("Attribute names in a map must be strings", name.at)),
    }
}

fn unique(members: Vec<(String, Value)>, at: Span) -> Result<Item> {
    let count = members.len();
    let item: Item = members.into_iter().collect();
    if item.len() < count {
        return Err(misplaced("Duplicate attribute name in a map", at));
    }
    Ok(item)
}

fn literal(expr: &Expr, place: &mut Place) -> Result<Value> {
    if place.steps.len() >= NESTING_MAX {
        let place = place.text();
        return Err(Invalid(format!(
            "Nesting Levels have exceeded supported limits under {place}"
        )));
    }
    Ok(match &expr.kind {
        ExprKind::Text(text) => Value::S(text.clone()),
        ExprKind::Number(text) => Value::N(Number::parse(text)?),
        ExprKind::Bool(flag) => Value::Bool(*flag),
        ExprKind::Null => Value::Null,
        ExprKind::List(elements) => {
            let elements = elements.iter().enumerate().map(|(i, element)| {
                place.steps.push(format!("[{i}]"));
                let value = literal(element, place)?;
                place.steps.pop();
                Ok(value)
            });
            Value::L(elements.collect::<Result<_>>()?)
        }
        ExprKind::Struct(members) => {
            let members = members.iter().map(|(name, value)| {
                let name = member_name(name)?;
                place.steps.push(format!(".{name}"));
                let value = literal(value, place)?;
                place.steps.pop();
                Ok((name, value))
            });
            Value::M(unique(members.collect::<Result<Vec<_>>>()?, expr.at)?)
        }
        ExprKind::Bag(elements) => bag(elements, place)?,
        ExprKind::Call(name, _) => return Err(place.unsupported(name, expr.at)),
        ExprKind::Parameter(_) => return Err(place.unsupported("Parameter", expr.at)),
        ExprKind::Missing => return Err(place.unsupported("LiteralMissing", expr.at)),
        ExprKind::Path(_) => return Err(place.unsupported("VariableReference", expr.at)),
        _ => return Err(place.unsupported("NAry", expr.at)),
    })
}

/// A set: of numbers or of strings.
fn bag(elements: &[Expr], place: &Place) -> Result<Value> {
    let mut texts = Vec::new();
    let mut numbers = Vec::new();
    for element in elements {
        match &element.kind {
            ExprKind::Text(text) => texts.push(text.clone()),
            ExprKind::Number(text) => numbers.push((Number::parse(text)?, text.as_str())),
            _ => return Err(mixed_bag()),
        }
    }
    match (texts.is_empty(), numbers.is_empty()) {
        (true, true) => Err(Invalid::new("Empty bags are not supported")),
        (false, false) => Err(mixed_bag()),
        (false, true) => {
            let duplicates = || duplicates(&texts.join(", "), ".");
            let mut sorted = texts.clone();
            sorted.sort_unstable();
            if !sorted.is_sorted_by(|a, b| a < b) {
                return Err(duplicates());
            }
            Ok(Value::Ss(sorted))
        }
        (true, false) => {
            let mut sorted: Vec<Number> = numbers.iter().map(|(number, _)| *number).collect();
            sorted.sort_unstable();
            if !sorted.is_sorted_by(|a, b| a < b) {
                let texts: Vec<&str> = numbers.iter().map(|(_, text)| *text).collect();
                let place = format!("! under {}", place.text());
                return Err(duplicates(&texts.join(", "), &place));
            }
            Ok(Value::Ns(sorted))
        }
    }
}

fn mixed_bag() -> Invalid {
    Invalid::new(
        "Unsupported data type in Bag. DynamoDB only supports either numbers or strings in bags",
    )
}

fn duplicates(elements: &str, end: &str) -> Invalid {
    Invalid(format!(
        "One or more parameter values were invalid: \
         Input collection [{elements}] contains duplicates{end}"
    ))
}

/// The path that an expression is.
pub(super) fn path(expr: &Expr) -> Result<Path> {
    let ExprKind::Path(steps) = &expr.kind else {
        return Err(misplaced("Unexpected path component", expr.at));
    };
    if steps.len() > NESTING_MAX {
        return Err(Invalid(format!(
            "The document path has too many nesting levels; nesting levels: {}",
            steps.len()
        )));
    }
    let steps = steps.iter().map(|step| match step {
        Step::Name(name) => Ok(bound::Step::Name(name.as_str().into())),
        Step::Element(element) => match &element.kind {
            ExprKind::Text(name) => Ok(bound::Step::Name(name.as_str().into())),
            ExprKind::Number(text) => index(text, element.at),
            _ => Err(misplaced("Unexpected path component", element.at)),
        },
    });
    Ok(Path(steps.collect::<Result<_>>()?))
}

fn index(text: &str, at: Span) -> Result<bound::Step> {
    match text.parse::<i64>() {
        Ok(index) if (0..=i64::from(i32::MAX)).contains(&index) => {
            Ok(bound::Step::Index(index as u32))
        }
        _ => {
            let problem = "List index is not within the allowable range; index";
            Err(misplaced(&format!("{problem}: [{text}]"), at))
        }
    }
}

/// What the answer calls what it has at a path: the last name and the indices behind it.
pub(super) fn column(path: &Path) -> String {
    let last_name = path.0.iter().rposition(|step| matches!(step, bound::Step::Name(_)));
    let steps = path.0[last_name.unwrap_or(0)..].iter().map(|step| match step {
        bound::Step::Name(name) => name.to_string(),
        bound::Step::Index(index) => format!("[{index}]"),
    });
    steps.collect()
}
