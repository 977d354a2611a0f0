//! The text of an expression.

use super::Refused;

/// Deepest nesting.
const DEPTH_MAX: usize = 64;

/// A part of an expression.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expression {
    Number(f64),
    Text(String),
    /// Another query's id, or a word that a function knows.
    Name(String),
    List(Vec<Expression>),
    Call(String, Vec<Expression>),
    Negative(Box<Expression>),
    Binary(Operator, Box<Expression>, Box<Expression>),
}

/// Operators between two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Or,
    And,
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Number(f64),
    Text(String),
    Name(String),
    Sign(&'static str),
}

const SIGNS: [&str; 18] = [
    "==", "!=", "<=", ">=", "&&", "||", "<", ">", "+", "-", "*", "/", "^", "(", ")", "[", "]", ",",
];

impl Expression {
    /// Reads an expression.
    pub fn read(text: &str) -> Result<Self, Refused> {
        let first = text.trim_start().split(|c: char| !c.is_ascii_alphabetic()).next();
        if first.is_some_and(|word| word.eq_ignore_ascii_case("SELECT")) {
            return Err(Refused::Unserved("a Metrics Insights query".to_owned()));
        }
        let mut parser = Parser { tokens: tokens(text)?, at: 0, depth: 0 };
        let expression = parser.binary(0)?;
        match parser.tokens.get(parser.at) {
            None => Ok(expression),
            Some(token) => Err(unexpected(Some(token))),
        }
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, Refused> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while let Some(c) = rest.chars().next() {
        let length = if c.is_ascii_digit() || c == '.' {
            let length = number_length(rest);
            let number = rest[..length].parse().map_err(|_| syntax(&rest[..length]))?;
            found.push(Token::Number(number));
            length
        } else if c.is_ascii_alphabetic() || c == '_' {
            let word = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
            let length = rest.find(word).unwrap_or(rest.len());
            found.push(Token::Name(rest[..length].to_owned()));
            length
        } else if c == '"' || c == '\'' {
            let end = rest[1..].find(c).ok_or_else(|| syntax(rest))?;
            found.push(Token::Text(rest[1..1 + end].to_owned()));
            end + 2
        } else {
            let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
            let sign = sign.ok_or_else(|| syntax(&c.to_string()))?;
            found.push(Token::Sign(sign));
            sign.len()
        };
        rest = rest[length..].trim_start();
    }
    Ok(found)
}

/// Digits, a fraction, and an exponent if digits follow it.
fn number_length(text: &str) -> usize {
    let digits = |from: usize| {
        let rest = text.get(from..).unwrap_or_default();
        from + rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len())
    };
    let mut end = digits(0);
    if text[end..].starts_with('.') {
        end = digits(end + 1);
    }
    if text[end..].starts_with(['e', 'E']) {
        let signed = text[end + 1..].starts_with(['+', '-']);
        let from = end + 1 + usize::from(signed);
        let exponent_end = digits(from);
        if exponent_end > from {
            end = exponent_end;
        }
    }
    end
}

fn syntax(what: &str) -> Refused {
    let what: String = what.chars().take(40).collect();
    Refused::Syntax(format!("Unexpected symbol: {what}"))
}

fn unexpected(token: Option<&Token>) -> Refused {
    match token {
        None => Refused::Syntax("Unexpected end of expression".to_owned()),
        Some(Token::Number(number)) => syntax(&number.to_string()),
        Some(Token::Text(text) | Token::Name(text)) => syntax(text),
        Some(Token::Sign(sign)) => syntax(sign),
    }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn take(&mut self, sign: &str) -> bool {
        let found = matches!(self.tokens.get(self.at), Some(Token::Sign(have)) if *have == sign);
        if found {
            self.at += 1;
        }
        found
    }

    fn expect(&mut self, sign: &str) -> Result<(), Refused> {
        match self.take(sign) {
            true => Ok(()),
            false => Err(unexpected(self.tokens.get(self.at))),
        }
    }

    /// Operators that bind at least as strongly as `least`.
    fn binary(&mut self, least: u8) -> Result<Expression, Refused> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Refused::Syntax("The expression is nested too deeply".to_owned()));
        }
        let mut left = self.unary()?;
        while let Some((operator, strength)) = self.operator().filter(|found| found.1 >= least) {
            self.at += 1;
            // Powers from the right, all else from the left.
            let next = if operator == Operator::Power { strength } else { strength + 1 };
            let right = self.binary(next)?;
            left = Expression::Binary(operator, Box::new(left), Box::new(right));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn operator(&self) -> Option<(Operator, u8)> {
        Some(match self.tokens.get(self.at)? {
            Token::Sign("||") => (Operator::Or, 1),
            Token::Sign("&&") => (Operator::And, 2),
            Token::Name(word) if word.eq_ignore_ascii_case("or") => (Operator::Or, 1),
            Token::Name(word) if word.eq_ignore_ascii_case("and") => (Operator::And, 2),
            Token::Sign("==") => (Operator::Equal, 3),
            Token::Sign("!=") => (Operator::Unequal, 3),
            Token::Sign("<") => (Operator::Less, 3),
            Token::Sign("<=") => (Operator::LessOrEqual, 3),
            Token::Sign(">") => (Operator::Greater, 3),
            Token::Sign(">=") => (Operator::GreaterOrEqual, 3),
            Token::Sign("+") => (Operator::Add, 4),
            Token::Sign("-") => (Operator::Subtract, 4),
            Token::Sign("*") => (Operator::Multiply, 5),
            Token::Sign("/") => (Operator::Divide, 5),
            Token::Sign("^") => (Operator::Power, 7),
            _ => return None,
        })
    }

    fn unary(&mut self) -> Result<Expression, Refused> {
        if self.take("-") {
            // Weaker than a power, stronger than a product.
            return Ok(Expression::Negative(Box::new(self.binary(6)?)));
        }
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        match token {
            Some(Token::Number(number)) => Ok(Expression::Number(number)),
            Some(Token::Text(text)) => Ok(Expression::Text(text)),
            Some(Token::Name(name)) if self.take("(") => {
                Ok(Expression::Call(name.to_ascii_uppercase(), self.list(")")?))
            }
            Some(Token::Name(name)) => Ok(Expression::Name(name)),
            Some(Token::Sign("(")) => {
                let inner = self.binary(0)?;
                self.expect(")")?;
                Ok(inner)
            }
            Some(Token::Sign("[")) => Ok(Expression::List(self.list("]")?)),
            other => Err(unexpected(other.as_ref())),
        }
    }

    fn list(&mut self, end: &str) -> Result<Vec<Expression>, Refused> {
        let mut items = Vec::new();
        if self.take(end) {
            return Ok(items);
        }
        loop {
            items.push(self.binary(0)?);
            if self.take(end) {
                return Ok(items);
            }
            self.expect(",")?;
        }
    }
}
