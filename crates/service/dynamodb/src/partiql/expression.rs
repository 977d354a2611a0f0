//! Parses expressions, by the precedence of their operators.

use super::ast::{Expr, ExprKind, Step};
use super::keywords::is_function;
use super::parser::{DEPTH_MAX, Parser, Result, malformed};
use super::token::{Kind, Span};

/// How tight operators bind.
const OR: u8 = 10;
const AND: u8 = 20;
const NOT: u8 = 30;
const EQUALITY: u8 = 40;
const ORDERING: u8 = 50;
const SUM: u8 = 60;

/// An operator between two operands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Infix {
    Or,
    And,
    Compare(&'static str),
    Arithmetic(&'static str),
    In,
    Between,
    Is,
    /// Part of PartiQL, not of DynamoDB.
    Unsupported,
}

impl Parser {
    /// An expression.
    pub(super) fn expression(&mut self) -> Result<Expr> {
        self.expression_above(0)
    }

    /// An expression whose operators bind tighter than `precedence`.
    fn expression_above(&mut self, precedence: u8) -> Result<Expr> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(too_deep());
        }
        let mut left = self.operand()?;
        loop {
            let (operator, negated) = self.infix();
            let Some((operator, binds)) = operator.filter(|(_, binds)| *binds > precedence) else {
                break;
            };
            let at = self.span();
            left = self.operation(left, operator, binds, at)?;
            if negated {
                left = build(ExprKind::Not(Box::new(left)), at)?;
            }
        }
        self.depth -= 1;
        Ok(left)
    }

    /// The operator that comes next, and whether NOT stands before it.
    fn infix(&self) -> (Option<(Infix, u8)>, bool) {
        let negated = self.is_keyword("not");
        let found = match self.peek_at(usize::from(negated)) {
            Kind::Keyword("in") => Some((Infix::In, EQUALITY)),
            Kind::Keyword("between") => Some((Infix::Between, ORDERING)),
            Kind::Keyword("like") => Some((Infix::Unsupported, ORDERING)),
            _ if negated => None,
            Kind::Keyword("or") => Some((Infix::Or, OR)),
            Kind::Keyword("and") => Some((Infix::And, AND)),
            Kind::Keyword("is") => Some((Infix::Is, EQUALITY)),
            Kind::Symbol(symbol @ ("=" | "<>")) => Some((Infix::Compare(symbol), EQUALITY)),
            Kind::Symbol(symbol @ ("<" | "<=" | ">" | ">=")) => {
                Some((Infix::Compare(symbol), ORDERING))
            }
            Kind::Symbol(symbol @ ("+" | "-")) => Some((Infix::Arithmetic(symbol), SUM)),
            Kind::Symbol("*" | "/" | "%" | "||") => Some((Infix::Unsupported, SUM)),
            _ => None,
        };
        (found, negated && found.is_some())
    }

    /// An operator and what stands right of it.
    fn operation(&mut self, left: Expr, operator: Infix, binds: u8, at: Span) -> Result<Expr> {
        self.takes_keyword("not");
        self.skip();
        if operator == Infix::Is {
            return self.is(left, at);
        }
        if *self.peek() == Kind::End {
            return Err(malformed("Missing right-hand side expression of infix operator"));
        }
        if operator == Infix::In && self.takes("(") {
            let list = self.list(")", "RIGHT_PAREN")?;
            let list = build(ExprKind::List(list), at)?;
            return build(ExprKind::In(Box::new(left), Box::new(list)), at);
        }
        let right = self.expression_above(binds)?;
        match operator {
            Infix::Or => {
                let mut terms = match left.kind {
                    ExprKind::Or(terms) => terms,
                    kind => vec![Expr { kind, ..left }],
                };
                terms.push(right);
                build(ExprKind::Or(terms), at)
            }
            Infix::And => {
                let mut terms = match left.kind {
                    ExprKind::And(terms) => terms,
                    kind => vec![Expr { kind, ..left }],
                };
                terms.push(right);
                build(ExprKind::And(terms), at)
            }
            Infix::Compare(symbol) | Infix::Arithmetic(symbol) => {
                build(ExprKind::Binary(symbol, Box::new(left), Box::new(right)), at)
            }
            Infix::In => build(ExprKind::In(Box::new(left), Box::new(right)), at),
            Infix::Between => {
                if !self.takes_keyword("and") {
                    return Err(malformed("Expected AND"));
                }
                if *self.peek() == Kind::End {
                    return Err(malformed("Expected expression after AND"));
                }
                let high = self.expression_above(binds)?;
                let kind = ExprKind::Between(Box::new(left), Box::new(right), Box::new(high));
                build(kind, at)
            }
            Infix::Is | Infix::Unsupported => Err(malformed("Unknown infix operator")),
        }
    }

    /// What follows IS.
    fn is(&mut self, left: Expr, at: Span) -> Result<Expr> {
        let negated = self.takes_keyword("not");
        let Kind::Keyword(name) = *self.peek() else {
            return Err(malformed("Expected type name"));
        };
        self.skip();
        let is = build(ExprKind::Is(Box::new(left), name), at)?;
        if negated { build(ExprKind::Not(Box::new(is)), at) } else { Ok(is) }
    }

    /// What operators stand between.
    fn operand(&mut self) -> Result<Expr> {
        let at = self.span();
        if self.takes_keyword("not") {
            let inner = self.expression_above(NOT)?;
            return build(ExprKind::Not(Box::new(inner)), at);
        }
        let mut signs = 0;
        let mut is_negative = false;
        while let Kind::Symbol(sign @ ("+" | "-")) = *self.peek() {
            is_negative ^= sign == "-";
            signs += 1;
            self.skip();
        }
        let term = self.term()?;
        match term.kind {
            _ if signs == 0 => Ok(term),
            ExprKind::Number(text) if is_negative => {
                let text = match text.strip_prefix('-') {
                    Some(positive) => positive.to_owned(),
                    None => format!("-{text}"),
                };
                Ok(Expr { kind: ExprKind::Number(text), ..term })
            }
            ExprKind::Number(_) => Ok(term),
            kind => {
                let inner = Expr { kind, ..term };
                build(ExprKind::Sign(Box::new(inner)), at)
            }
        }
    }

    fn term(&mut self) -> Result<Expr> {
        let at = self.span();
        let kind = match self.peek().clone() {
            Kind::Name(name) | Kind::Quoted(name) => {
                self.skip();
                if self.takes("(") { self.call(&name)? } else { ExprKind::Path(self.steps(name)?) }
            }
            Kind::Keyword(keyword) => self.word(keyword)?,
            Kind::Text(text) => self.atom(ExprKind::Text(text)),
            Kind::Number(text) => self.atom(ExprKind::Number(text)),
            Kind::Symbol(symbol) => {
                self.skip();
                self.bracketed(symbol)?
            }
            Kind::End => return Err(malformed("Unexpected term")),
        };
        build(kind, at)
    }

    fn atom(&mut self, kind: ExprKind) -> ExprKind {
        self.skip();
        kind
    }

    /// What a keyword begins.
    fn word(&mut self, keyword: &'static str) -> Result<ExprKind> {
        Ok(match keyword {
            "true" => self.atom(ExprKind::Bool(true)),
            "false" => self.atom(ExprKind::Bool(false)),
            "null" => self.atom(ExprKind::Null),
            "missing" => self.atom(ExprKind::Missing),
            "select" => ExprKind::Select(Box::new(self.select()?)),
            function if is_function(function) && *self.peek_at(1) == Kind::Symbol("(") => {
                self.skip();
                self.skip();
                self.call(function)?
            }
            _ => return Err(malformed("Unexpected keyword")),
        })
    }

    /// What a symbol begins, which is skipped already.
    fn bracketed(&mut self, symbol: &str) -> Result<ExprKind> {
        Ok(match symbol {
            "?" => {
                self.parameters += 1;
                ExprKind::Parameter(self.parameters - 1)
            }
            "(" => {
                let mut group = self.list(")", "RIGHT_PAREN")?;
                match group.len() {
                    0 => return Err(malformed("Expression group cannot be empty")),
                    1 => return Ok(group.remove(0).kind),
                    _ => ExprKind::List(group),
                }
            }
            "[" => ExprKind::List(self.list("]", "RIGHT_BRACKET")?),
            "<<" => ExprKind::Bag(self.list(">>", "RIGHT_DOUBLE_ANGLE_BRACKET")?),
            "{" => ExprKind::Struct(self.members()?),
            "<" | "<=" | ">" | ">=" | "=" | "<>" | "/" | "%" | "||" | "@" => {
                return Err(malformed("Unexpected operator"));
            }
            _ => return Err(malformed("Unexpected term")),
        })
    }

    /// Expressions with commas between, up to the symbol that ends them.
    fn list(&mut self, end: &str, end_name: &str) -> Result<Vec<Expr>> {
        let mut list = Vec::new();
        if self.takes(end) {
            return Ok(list);
        }
        loop {
            list.push(self.expression()?);
            if !self.takes(",") {
                self.expect(end, end_name)?;
                return Ok(list);
            }
        }
    }

    /// `'name': value`, up to the brace that ends them.
    fn members(&mut self) -> Result<Vec<(Expr, Expr)>> {
        let mut members = Vec::new();
        if self.takes("}") {
            return Ok(members);
        }
        loop {
            let name = self.expression()?;
            self.expect(":", "COLON")?;
            members.push((name, self.expression()?));
            if !self.takes(",") {
                self.expect("}", "RIGHT_CURLY")?;
                return Ok(members);
            }
        }
    }

    /// A function's arguments, behind the parenthesis.
    fn call(&mut self, name: &str) -> Result<ExprKind> {
        let name = name.to_ascii_lowercase();
        if self.takes("*") {
            if name != "count" {
                return Err(malformed(&format!("{name}(*) is not allowed")));
            }
            self.expect(")", "RIGHT_PAREN")?;
            return Ok(ExprKind::Call(name, Vec::new()));
        }
        Ok(ExprKind::Call(name, self.list(")", "RIGHT_PAREN")?))
    }

    /// A path that begins with a name.
    fn steps(&mut self, first: String) -> Result<Vec<Step>> {
        let mut steps = vec![Step::Name(first)];
        loop {
            if self.takes(".") {
                match self.peek().clone() {
                    Kind::Name(name) | Kind::Quoted(name) => steps.push(Step::Name(name)),
                    _ => return Err(malformed("Invalid path dot component")),
                }
                self.skip();
            } else if self.takes("[") {
                let element = self.expression()?;
                self.expect("]", "RIGHT_BRACKET")?;
                steps.push(Step::Element(element));
            } else {
                return Ok(steps);
            }
        }
    }

    /// A path as SET and REMOVE take it.
    pub(super) fn simple_path(&mut self) -> Result<Expr> {
        let at = self.span();
        let (Kind::Name(name) | Kind::Quoted(name)) = self.peek().clone() else {
            return Err(malformed("Expected identifier for simple path"));
        };
        self.skip();
        let steps = self.steps(name)?;
        build(ExprKind::Path(steps), at)
    }
}

/// An expression, unless it has too many levels.
fn build(kind: ExprKind, at: Span) -> Result<Expr> {
    let mut expr = Expr { kind, at, depth: 1 };
    expr.depth += expr.children().iter().map(|child| child.depth).max().unwrap_or(0);
    if expr.depth > DEPTH_MAX { Err(too_deep()) } else { Ok(expr) }
}

fn too_deep() -> crate::invalid::Invalid {
    malformed("Expression is nested too deep")
}
