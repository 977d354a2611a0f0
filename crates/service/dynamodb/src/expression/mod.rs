//! Condition, filter, key condition, projection and update expressions.
//!
//! An expression passes through three stages, and DynamoDB's messages tell
//! which one it got to: its text is parsed ([`parse_condition`] and the like;
//! the result depends on nothing but the text), its placeholders are looked
//! up and its operands checked ([`Placeholders`]), and it is applied to items.
//! Nothing here knows of tables, requests or the store.

pub mod ast;
pub(crate) mod bind;
pub mod bound;
mod check;
pub mod document;
mod evaluate;
pub mod key_condition;
pub(crate) mod overlap;
mod parse_condition;
mod parser;
pub(crate) mod placeholders;
mod project;
mod reserved;
mod token;
mod update;

use ast::{ConditionSyntax, PathSyntax, UpdateSyntax};
use bound::{Condition, Projection, Update};
use parser::Parser;

pub(crate) use bind::display;
pub use document::{Document, Nothing};
pub use placeholders::{Placeholders, check_keys};
pub use project::project;

use crate::invalid::Invalid;

/// Bytes an expression may have.
pub const EXPRESSION_MAX_BYTES: usize = 4096;

/// The parameters that hold expressions.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs)]
pub enum ExpressionKind {
    Condition,
    Filter,
    KeyCondition,
    Projection,
    SearchCondition,
    Update,
}

impl ExpressionKind {
    /// The parameter's name.
    pub fn name(self) -> &'static str {
        match self {
            ExpressionKind::Condition => "ConditionExpression",
            ExpressionKind::Filter => "FilterExpression",
            ExpressionKind::KeyCondition => "KeyConditionExpression",
            ExpressionKind::Projection => "ProjectionExpression",
            ExpressionKind::SearchCondition => "SearchConditionExpression",
            ExpressionKind::Update => "UpdateExpression",
        }
    }

    fn invalid(self, problem: &str) -> Invalid {
        Invalid(format!("Invalid {}: {problem}", self.name()))
    }

    fn check_size(self, text: &str) -> Result<(), Invalid> {
        if text.trim().is_empty() {
            return Err(self.invalid("The expression can not be empty;"));
        }
        if text.len() > EXPRESSION_MAX_BYTES {
            let problem = "Expression size has exceeded the maximum allowed size;";
            return Err(match self {
                ExpressionKind::Condition | ExpressionKind::Filter => {
                    self.invalid(&format!("{problem} expression size: {}", text.len()))
                }
                _ => self.invalid(problem),
            });
        }
        Ok(())
    }
}

/// Parses a condition, filter or key condition.
///
/// # Errors
/// In DynamoDB's words.
pub fn parse_condition(kind: ExpressionKind, text: &str) -> Result<ConditionSyntax, Invalid> {
    kind.check_size(text)?;
    let parsed = parse_condition::condition(&mut Parser::new(text));
    let checked = parsed.and_then(|condition| check::condition(&condition).map(|()| condition));
    checked.map_err(|problem| kind.invalid(&problem))
}

/// Parses a projection.
///
/// # Errors
/// In DynamoDB's words.
pub fn parse_projection(text: &str) -> Result<Vec<PathSyntax>, Invalid> {
    let kind = ExpressionKind::Projection;
    kind.check_size(text)?;
    let parsed = Parser::new(text).projection();
    let checked = parsed.and_then(|paths| paths.iter().try_for_each(check::path).map(|()| paths));
    checked.map_err(|problem| kind.invalid(&problem))
}

/// Parses an update.
///
/// # Errors
/// In DynamoDB's words.
pub fn parse_update(text: &str) -> Result<UpdateSyntax, Invalid> {
    let kind = ExpressionKind::Update;
    kind.check_size(text)?;
    let parsed = Parser::new(text).update();
    let checked = parsed.and_then(|update| check::update(&update).map(|()| update));
    checked.map_err(|problem| kind.invalid(&problem))
}

impl Placeholders {
    /// A condition, filter or key condition with its placeholders looked up.
    ///
    /// # Errors
    /// In DynamoDB's words.
    pub fn condition(&mut self, kind: ExpressionKind, text: &str) -> Result<Condition, Invalid> {
        let syntax = parse_condition(kind, text)?;
        bind::condition(&syntax, self).map_err(|problem| kind.invalid(&problem))
    }

    /// A projection with its placeholders looked up.
    ///
    /// # Errors
    /// In DynamoDB's words.
    pub fn projection(&mut self, text: &str) -> Result<Projection, Invalid> {
        let syntax = parse_projection(text)?;
        bind::projection(&syntax, self)
            .map_err(|problem| ExpressionKind::Projection.invalid(&problem))
    }

    /// An update with its placeholders looked up.
    ///
    /// # Errors
    /// In DynamoDB's words.
    pub fn update(&mut self, text: &str) -> Result<Update, Invalid> {
        let syntax = parse_update(text)?;
        bind::update(&syntax, self).map_err(|problem| ExpressionKind::Update.invalid(&problem))
    }
}

/// Parses whatever the text is, for fuzzing: whether it was accepted.
pub fn fuzz_parse(kind: ExpressionKind, text: &str) -> bool {
    match kind {
        ExpressionKind::Projection => parse_projection(text).is_ok(),
        ExpressionKind::Update => parse_update(text).is_ok(),
        _ => parse_condition(kind, text).is_ok(),
    }
}

#[cfg(test)]
mod tests;
