//! What the requests of several operations have in common.

use std::collections::BTreeMap;

use crate::convert::{self, Attributes};
use crate::expression::bound::Path;
use crate::expression::{Placeholders, check_keys};
use crate::index::IndexKind;
use crate::invalid::Invalid;
use crate::table::{KeyAttribute, TableRecord};
use crate::value::Item;

/// A parameter's name and whether it is given.
pub(crate) type Given<'a> = (&'a str, bool);

/// The expressions of a request and what they stand beside.
pub(crate) struct Expressions<'a> {
    /// The parameters that hold expressions.
    pub expressions: &'a [Given<'a>],
    /// The parameters of old that expressions replaced.
    pub legacy: &'a [Given<'a>],
    pub names: Option<BTreeMap<String, String>>,
    pub values: Option<Attributes>,
}

impl Expressions<'_> {
    /// Checks that parameters go together.
    ///
    /// # Errors
    /// In DynamoDB's words.
    pub fn check(&self) -> Result<(), Invalid> {
        let given = |parameters: &[Given<'_>]| -> Vec<String> {
            let given = parameters.iter().filter(|(_, given)| *given);
            given.map(|(name, _)| (*name).to_owned()).collect()
        };
        let expressions = given(self.expressions);
        let legacy = given(self.legacy);
        if !expressions.is_empty() && !legacy.is_empty() {
            return Err(Invalid(format!(
                "Can not use both expression and non-expression parameters in the same request: \
                 Non-expression parameters: {{{}}} Expression parameters: {{{}}}",
                legacy.join(", "),
                expressions.join(", ")
            )));
        }
        if self.names.is_some() && expressions.is_empty() {
            return Err(Invalid::new(
                "ExpressionAttributeNames can only be specified when using expressions",
            ));
        }
        let with_values: Vec<&str> = self
            .expressions
            .iter()
            .filter(|(name, _)| *name != "ProjectionExpression")
            .map(|(name, _)| *name)
            .collect();
        let none_given = !expressions.iter().any(|name| with_values.contains(&name.as_str()));
        if self.values.is_some() && none_given {
            let verb = if with_values.len() == 1 { "is" } else { "are" };
            return Err(Invalid(format!(
                "ExpressionAttributeValues can only be specified when using expressions: \
                 {} {verb} null",
                with_values.join(" and ")
            )));
        }
        Ok(())
    }

    /// The placeholders, for the expressions to be bound with.
    ///
    /// # Errors
    /// In DynamoDB's words.
    pub fn placeholders(self) -> Result<Placeholders, Invalid> {
        let names: Option<Vec<_>> = self.names.map(|names| names.into_iter().collect());
        check_keys("ExpressionAttributeNames", '#', names.as_deref())?;
        let Some(values) = self.values else { return Placeholders::new(names, None) };
        let values: Vec<_> = values.into_iter().collect();
        check_keys("ExpressionAttributeValues", ':', Some(&values))?;
        let values = values.into_iter().map(|(key, attribute)| {
            let value = convert::value(attribute).map_err(|problem| {
                Invalid(format!(
                    "ExpressionAttributeValues contains invalid value: {problem} for key {key}"
                ))
            })?;
            Ok((key, value))
        });
        Placeholders::new(names, Some(values.collect::<Result<_, Invalid>>()?))
    }
}

/// Checks that no path goes into a key attribute of the table or one of its indexes, which cannot
/// contain anything.
///
/// # Errors
/// In DynamoDB's words.
pub(crate) fn check_key_paths<'a>(
    table: &TableRecord,
    paths: impl IntoIterator<Item = &'a Path>,
) -> Result<(), Invalid> {
    let nested: Vec<&str> =
        paths.into_iter().filter(|path| path.is_nested()).map(Path::attribute).collect();
    if nested.is_empty() {
        return Ok(());
    }
    let refuse = |kind: &str, key: &KeyAttribute| {
        Err(Invalid(format!(
            "Key attributes must be scalars; list random access '[]' and map lookup '.' are \
             not allowed: {kind}: {}",
            key.name
        )))
    };
    let is_nested = |key: &&KeyAttribute| nested.contains(&key.name.as_str());
    if let Some(key) = table.keys().find(is_nested) {
        return refuse("Key", key);
    }
    let of_kind = |kind| table.indexes.iter().filter(move |index| index.kind == kind);
    let mut indexes = of_kind(IndexKind::Global).chain(of_kind(IndexKind::Local));
    match indexes.find_map(|index| index.keys().find(is_nested)) {
        Some(key) => refuse("IndexKey", key),
        None => Ok(()),
    }
}

/// The paths of a condition.
pub(crate) fn paths(condition: &crate::expression::bound::Condition) -> Vec<&Path> {
    let mut paths = Vec::new();
    condition.each_path(&mut |path| paths.push(path));
    paths
}

/// A start key's values, checked.
///
/// # Errors
/// In DynamoDB's words, which for most problems name the starting key.
pub(crate) fn start_key(given: Option<Attributes>) -> Result<Option<Item>, Invalid> {
    let Some(given) = given else { return Ok(None) };
    convert::item(given).map(Some).map_err(|problem| {
        let bare = ["contains duplicates", "number set", "numeric value", "significant digits"];
        let bare = bare.iter().any(|text| problem.0.contains(text))
            || problem.0.contains("number with magnitude");
        if bare {
            problem
        } else {
            Invalid(format!("The provided starting key is invalid: {problem}"))
        }
    })
}
