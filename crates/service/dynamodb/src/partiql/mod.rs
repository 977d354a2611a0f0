//! PartiQL: statements that read and write items.
//!
//! A statement passes through three stages, and DynamoDB's messages tell which one it got to: its
//! text is parsed ([`parse`]), its parameters are filled in and what it says is made into bound
//! conditions, updates and paths ([`Bound::new`]), and it is made into reads ([`select`]) or a
//! write ([`Bound::write`]) of a table. From there on it is what Query, Scan and the operations on
//! items do.

mod ast;
mod bound;
mod branch;
mod condition;
pub(crate) mod cursor;
pub(crate) mod execute;
mod expression;
mod keywords;
mod literal;
mod parser;
pub(crate) mod select;
mod token;
mod update;

use std::sync::Arc;

use api_dynamodb::AttributeValue;

use crate::convert;
use crate::invalid::Invalid;
use crate::value::Value;

pub(crate) use bound::{Bound, Sort};

/// A statement that is well formed.
pub(crate) struct Parsed {
    statement: ast::Statement,
    /// How many parameters it has.
    parameters: usize,
}

/// Parses a statement.
///
/// # Errors
/// In DynamoDB's words.
pub(crate) fn parse(statement: &str) -> Result<Parsed, Invalid> {
    let tokens = token::tokens(statement).map_err(|_| parser::malformed(""))?;
    let mut parser = parser::Parser::new(tokens);
    let statement = parser.statement()?;
    Ok(Parsed { statement, parameters: parser.parameters })
}

impl Parsed {
    /// What it does (as actions name it: `Select`), with which table, and which index.
    pub fn target(&self) -> (&'static str, &str, Option<&str>) {
        let (verb, from) = match &self.statement {
            ast::Statement::Select(select) | ast::Statement::Exists(select) => {
                ("Select", &select.from)
            }
            ast::Statement::Insert(insert) => ("Insert", &insert.into),
            ast::Statement::Update(update) => ("Update", &update.table),
            ast::Statement::Delete(delete) => ("Delete", &delete.from),
        };
        (verb, &from.table, from.index.as_deref())
    }

    /// The table and index that it reads, if it reads an index.
    pub fn index(&self) -> Option<(&str, &str)> {
        match &self.statement {
            ast::Statement::Select(select) | ast::Statement::Exists(select) => {
                Some((&select.from.table, select.from.index.as_deref()?))
            }
            _ => None,
        }
    }
}

/// The values of a statement's parameters.
///
/// # Errors
/// In DynamoDB's words, if one is no value.
pub(crate) fn parameters(given: Option<&Vec<AttributeValue>>) -> Result<Vec<Arc<Value>>, Invalid> {
    let given = given.into_iter().flatten();
    given.map(|attribute| convert::value(attribute.clone()).map(Arc::new)).collect()
}

/// Parses and binds whatever the text is, for fuzzing: whether it was accepted. It has as many
/// parameters as it asks for.
pub fn fuzz_parse(statement: &str) -> bool {
    let Ok(parsed) = parse(statement) else { return false };
    let parameter = Arc::new(Value::S("a".to_owned()));
    let parameters = std::iter::repeat_n(parameter, parsed.parameters).collect();
    parsed.bind(parameters).is_ok()
}

#[cfg(test)]
mod tests;
