//! Reads tokens: what all kinds of expressions have in common, projections
//! and updates. Conditions are read in `parse_condition`.

use super::ast::*;
use super::token::{Kind, Token, tokens};

/// Operands nested in each other, beyond which reading stops. An expression of
/// 4 KB that DynamoDB would accept does not come near it.
const DEPTH_MAX: usize = 260;
/// Comparators and logical operators an expression may have.
pub(super) const OPERATORS_MAX: usize = 300;

/// The part of a message after `Invalid …Expression: `.
pub(super) type Result<T> = std::result::Result<T, String>;

pub(super) const REDUNDANT_PARENTHESES: &str = "The expression has redundant parentheses;";

pub(super) struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    /// For each opening parenthesis, the token that closes it.
    closing: Vec<Option<u32>>,
    /// For each token, how many condition operators stand before it.
    operators_before: Vec<u32>,
    pub at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    pub fn new(text: &'a str) -> Parser<'a> {
        let tokens = tokens(text);
        let mut closing = vec![None; tokens.len()];
        let mut open = Vec::new();
        let mut operators = 0;
        let mut operators_before = Vec::with_capacity(tokens.len());
        for (at, token) in tokens.iter().enumerate() {
            operators_before.push(operators);
            operators += u32::from(token.kind.is_condition_operator());
            match token.kind {
                Kind::Open => open.push(at),
                Kind::Close => {
                    if let Some(opened) = open.pop() {
                        closing[opened] = Some(at as u32);
                    }
                }
                _ => {}
            }
        }
        Parser { text, tokens, closing, operators_before, at: 0, depth: 0 }
    }

    pub fn kind(&self) -> Kind {
        self.tokens[self.at].kind
    }

    fn kind_at(&self, at: usize) -> Kind {
        self.tokens.get(at).map_or(Kind::End, |token| token.kind)
    }

    fn word(&self, at: usize) -> &'a str {
        let token = self.tokens[at];
        &self.text[token.start..token.end]
    }

    /// Passes over a token of that kind if it comes next.
    pub fn take(&mut self, kind: Kind) -> bool {
        // Not by adding the comparison to `at`: rustc 1.95 loses the sum when it optimises (the
        // comparison being a condition as well), and conditions with AND were refused.
        if self.kind() != kind {
            return false;
        }
        self.at += 1;
        true
    }

    pub fn expect(&mut self, kind: Kind) -> Result<()> {
        if self.take(kind) { Ok(()) } else { Err(self.unexpected()) }
    }

    /// The token where reading stopped, and the text from the token before it
    /// to the one after it.
    pub fn unexpected(&self) -> String {
        let token = self.tokens[self.at];
        let from = self.tokens[self.at.saturating_sub(1)].start;
        let to = self.tokens[(self.at + 1).min(self.tokens.len() - 1)].end;
        let name = if token.kind == Kind::End { "<EOF>" } else { self.word(self.at) };
        format!("Syntax error; token: \"{name}\", near: \"{}\"", &self.text[from..to])
    }

    /// Whether the parenthesis at `open` holds nothing but another one.
    pub fn is_redundant(&self, open: usize) -> bool {
        let inner = self.closing.get(open + 1).copied().flatten();
        inner.is_some() && inner.map(|inner| inner + 1) == self.closing[open]
    }

    /// The token after the one that closes the parenthesis at `open`.
    fn kind_after(&self, open: usize) -> Option<Kind> {
        self.closing[open].map(|close| self.kind_at(close as usize + 1))
    }

    /// Whether the parenthesis at hand stands around an operand of a
    /// comparison rather than around a condition.
    pub fn parenthesis_is_operand(&self) -> bool {
        let Some(close) = self.closing[self.at] else { return false };
        let after = self.kind_at(close as usize + 1);
        let compared = after.is_comparator() || matches!(after, Kind::Between | Kind::In);
        compared && self.operators_before[close as usize] == self.operators_before[self.at]
    }

    pub fn operand(&mut self) -> Result<OperandSyntax> {
        match self.kind() {
            Kind::ValuePlaceholder => {
                self.at += 1;
                Ok(OperandSyntax::Placeholder(self.word(self.at - 1).to_owned()))
            }
            Kind::Open => self.nested(|parser| {
                let open = parser.at;
                parser.at += 1;
                let operand = parser.operand()?;
                parser.expect(Kind::Close)?;
                if parser.is_redundant(open) {
                    return Err(REDUNDANT_PARENTHESES.to_owned());
                }
                Ok(operand)
            }),
            Kind::Name if self.kind_at(self.at + 1) == Kind::Open => {
                self.nested(|parser| parser.call().map(OperandSyntax::Call))
            }
            Kind::Name | Kind::NamePlaceholder => self.path().map(OperandSyntax::Path),
            _ => Err(self.unexpected()),
        }
    }

    /// Reads something that may contain operands again, so deep and no deeper.
    fn nested(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<OperandSyntax>,
    ) -> Result<OperandSyntax> {
        if self.depth == DEPTH_MAX {
            return Err(self.too_deep());
        }
        self.depth += 1;
        let operand = read(self);
        self.depth -= 1;
        operand
    }

    /// What is wrong with operands nested so deep that they are not read.
    fn too_deep(&self) -> String {
        match self.kind() {
            Kind::Open if self.closing[self.at].is_some() => REDUNDANT_PARENTHESES.to_owned(),
            Kind::Open => {
                Parser { at: self.tokens.len() - 1, ..Parser::new(self.text) }.unexpected()
            }
            _ => format!(
                "The function is not allowed to be used this way in an expression; function: {}",
                self.word(self.at)
            ),
        }
    }

    fn call(&mut self) -> Result<CallSyntax> {
        let name = self.word(self.at).to_owned();
        self.at += 2;
        let mut arguments = vec![self.operand()?];
        while self.take(Kind::Comma) {
            arguments.push(self.operand()?);
        }
        self.expect(Kind::Close)?;
        Ok(CallSyntax { name, arguments })
    }

    pub fn path(&mut self) -> Result<PathSyntax> {
        let mut steps = vec![self.name()?];
        loop {
            if self.take(Kind::Dot) {
                steps.push(self.name()?);
            } else if self.take(Kind::OpenBracket) {
                let digits = self.at;
                self.expect(Kind::Integer)?;
                self.expect(Kind::CloseBracket)?;
                steps.push(StepSyntax::Index(self.word(digits).parse().unwrap_or(u64::MAX)));
            } else {
                return Ok(PathSyntax(steps));
            }
        }
    }

    fn name(&mut self) -> Result<StepSyntax> {
        let step = match self.kind() {
            Kind::Name => StepSyntax::Name(self.word(self.at).to_owned()),
            Kind::NamePlaceholder => StepSyntax::Placeholder(self.word(self.at).to_owned()),
            _ => return Err(self.unexpected()),
        };
        self.at += 1;
        Ok(step)
    }

    pub fn projection(&mut self) -> Result<Vec<PathSyntax>> {
        let mut paths = vec![self.path()?];
        while self.take(Kind::Comma) {
            paths.push(self.path()?);
        }
        self.expect(Kind::End)?;
        Ok(paths)
    }

    pub fn update(&mut self) -> Result<UpdateSyntax> {
        let mut update = UpdateSyntax { actions: Vec::new(), sections: Vec::new() };
        loop {
            let section = match self.kind() {
                Kind::Set => Section::Set,
                Kind::Remove => Section::Remove,
                Kind::Add => Section::Add,
                Kind::Delete => Section::Delete,
                _ => return Err(self.unexpected()),
            };
            self.at += 1;
            update.sections.push(section);
            update.actions.push(self.action(section)?);
            while self.take(Kind::Comma) {
                update.actions.push(self.action(section)?);
            }
            if self.kind() == Kind::End {
                return Ok(update);
            }
        }
    }

    fn action(&mut self, section: Section) -> Result<ActionSyntax> {
        let path = self.path()?;
        let value = match section {
            Section::Remove => None,
            Section::Set => {
                self.expect(Kind::Equal)?;
                Some(self.set_value()?)
            }
            Section::Add | Section::Delete => {
                self.expect(Kind::ValuePlaceholder)?;
                let placeholder = self.word(self.at - 1).to_owned();
                Some(SetValueSyntax::Operand(OperandSyntax::Placeholder(placeholder)))
            }
        };
        Ok(ActionSyntax { section, path, value })
    }

    /// `a`, `a + b` or `a - b`, the whole perhaps in one pair of parentheses.
    fn set_value(&mut self) -> Result<SetValueSyntax> {
        let open = self.at;
        let arithmetic_follows =
            matches!(self.closing[open].and(self.kind_after(open)), Some(Kind::Plus | Kind::Minus));
        if self.kind() != Kind::Open || arithmetic_follows {
            return self.sum();
        }
        self.at += 1;
        if self.is_redundant(open) && self.closing[open + 1].is_some() {
            // Only its content decides whether that is the first problem.
            self.set_value_content_in_vain(open)?;
            return Err(REDUNDANT_PARENTHESES.to_owned());
        }
        let value = self.sum()?;
        self.expect(Kind::Close)?;
        Ok(value)
    }

    /// Reads the inside of redundant parentheses for its syntax errors.
    fn set_value_content_in_vain(&mut self, open: usize) -> Result<()> {
        let mut innermost = open + 1;
        while self.is_redundant(innermost) {
            innermost += 1;
        }
        self.at = innermost + 1;
        self.sum()?;
        self.expect(Kind::Close)
    }

    fn sum(&mut self) -> Result<SetValueSyntax> {
        let left = self.operand()?;
        if self.take(Kind::Plus) {
            Ok(SetValueSyntax::Plus(left, self.operand()?))
        } else if self.take(Kind::Minus) {
            Ok(SetValueSyntax::Minus(left, self.operand()?))
        } else {
            Ok(SetValueSyntax::Operand(left))
        }
    }
}
