//! Reads conditions, filters and key conditions.
//!
//! Parentheses are kept on a stack of our own instead of the machine's: how
//! deep they go is the client's choice.

use super::ast::*;
use super::parser::{OPERATORS_MAX, Parser, REDUNDANT_PARENTHESES, Result};
use super::token::Kind;

/// What has been read inside one parenthesis, or outside all.
struct Level {
    /// The parenthesis' token.
    open: usize,
    /// NOTs waiting for what they negate.
    nots: usize,
    /// Terms joined by AND so far.
    ands: Vec<ConditionSyntax>,
    /// Terms joined by OR so far.
    ors: Vec<ConditionSyntax>,
}

impl Level {
    fn new(open: usize) -> Level {
        Level { open, nots: 0, ands: Vec::new(), ors: Vec::new() }
    }

    fn push_term(&mut self, mut term: ConditionSyntax) {
        for _ in 0..std::mem::take(&mut self.nots) {
            term = ConditionSyntax::Not(Box::new(term));
        }
        self.ands.push(term);
    }

    fn end_ands(&mut self) {
        let term = joined(std::mem::take(&mut self.ands), ConditionSyntax::And);
        self.ors.push(term);
    }

    fn finish(mut self) -> ConditionSyntax {
        self.end_ands();
        joined(self.ors, ConditionSyntax::Or)
    }
}

fn joined(
    mut terms: Vec<ConditionSyntax>,
    join: impl FnOnce(Vec<ConditionSyntax>) -> ConditionSyntax,
) -> ConditionSyntax {
    if terms.len() == 1 { terms.remove(0) } else { join(terms) }
}

/// Reads a whole condition.
pub(super) fn condition(parser: &mut Parser<'_>) -> Result<ConditionSyntax> {
    let mut operators = 0;
    let mut outer: Vec<Level> = Vec::new();
    let mut level = Level::new(0);
    loop {
        while parser.take(Kind::Not) {
            level.nots += 1;
            operators += 1;
        }
        if parser.kind() == Kind::Open && !parser.parenthesis_is_operand() {
            outer.push(std::mem::replace(&mut level, Level::new(parser.at)));
            parser.at += 1;
            continue;
        }
        let term = comparison(parser)?;
        operators += usize::from(!matches!(term, ConditionSyntax::Call(_)));
        level.push_term(term);
        // Everything that ends here.
        while parser.kind() == Kind::Close {
            let Some(above) = outer.pop() else { return Err(parser.unexpected()) };
            let inner = std::mem::replace(&mut level, above);
            if parser.is_redundant(inner.open) {
                return Err(REDUNDANT_PARENTHESES.to_owned());
            }
            parser.at += 1;
            level.push_term(inner.finish());
        }
        if parser.take(Kind::Or) {
            level.end_ands();
        } else if !parser.take(Kind::And) {
            break;
        }
        operators += 1;
    }
    if parser.kind() != Kind::End || !outer.is_empty() {
        return Err(parser.unexpected());
    }
    if operators > OPERATORS_MAX {
        // DynamoDB stops counting there.
        let count = OPERATORS_MAX + 1;
        return Err(format!("The expression contains too many operators; operator count: {count}"));
    }
    Ok(level.finish())
}

/// A comparison, BETWEEN, IN, or a function on its own.
fn comparison(parser: &mut Parser<'_>) -> Result<ConditionSyntax> {
    let left = parser.operand()?;
    if let Some(comparator) = comparator(parser.kind()) {
        parser.at += 1;
        let right = parser.operand()?;
        return Ok(ConditionSyntax::Compare { comparator, left, right });
    }
    if parser.take(Kind::Between) {
        let low = parser.operand()?;
        parser.expect(Kind::And)?;
        let high = parser.operand()?;
        return Ok(ConditionSyntax::Between { operand: left, low, high });
    }
    if parser.take(Kind::In) {
        parser.expect(Kind::Open)?;
        let mut list = vec![parser.operand()?];
        while parser.take(Kind::Comma) {
            list.push(parser.operand()?);
        }
        parser.expect(Kind::Close)?;
        return Ok(ConditionSyntax::In { operand: left, list });
    }
    match left {
        OperandSyntax::Call(call) => Ok(ConditionSyntax::Call(call)),
        _ => Err(parser.unexpected()),
    }
}

fn comparator(kind: Kind) -> Option<Comparator> {
    Some(match kind {
        Kind::Equal => Comparator::Equal,
        Kind::NotEqual => Comparator::NotEqual,
        Kind::Less => Comparator::Less,
        Kind::LessOrEqual => Comparator::LessOrEqual,
        Kind::Greater => Comparator::Greater,
        Kind::GreaterOrEqual => Comparator::GreaterOrEqual,
        _ => return None,
    })
}
