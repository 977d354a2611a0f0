//! Parses statements.
//!
//! The grammar and the words of the messages are those of PartiQL's reference implementation,
//! which DynamoDB uses.

use super::ast::*;
use super::token::{Kind, Span, Token};
use crate::invalid::Invalid;

/// Levels of expressions a statement may have; DynamoDB's own limits, 32 levels of a literal and
/// 300 operators of a condition, are reached before.
pub(super) const DEPTH_MAX: usize = 100;

/// The parts of a statement that are left.
pub(super) struct Parser {
    tokens: Vec<Token>,
    at: usize,
    /// Parameters so far.
    pub(super) parameters: usize,
    /// Levels of expressions around what is parsed.
    pub(super) depth: usize,
}

pub(super) type Result<T> = std::result::Result<T, Invalid>;

/// What is not well formed.
pub(super) fn malformed(problem: &str) -> Invalid {
    Invalid(format!("Statement wasn't well formed, can't be processed: {problem}"))
}

/// What is well formed but cannot be, and where.
pub(super) fn misplaced(problem: &str, at: Span) -> Invalid {
    Invalid(format!("{problem} at {at}"))
}

impl Parser {
    pub fn new(tokens: Vec<Token>) -> Parser {
        Parser { tokens, at: 0, parameters: 0, depth: 0 }
    }

    pub(super) fn peek(&self) -> &Kind {
        self.peek_at(0)
    }

    pub(super) fn peek_at(&self, ahead: usize) -> &Kind {
        self.tokens.get(self.at + ahead).map_or(&Kind::End, |token| &token.kind)
    }

    /// Where the next token stands.
    pub(super) fn span(&self) -> Span {
        let last = self.tokens.len().saturating_sub(1);
        match self.tokens.get(self.at.min(last)) {
            Some(token) => token.at,
            None => Span { line: 1, column: 1, length: 0 },
        }
    }

    pub(super) fn skip(&mut self) {
        self.at += 1;
    }

    /// Skips the symbol if it comes next.
    pub(super) fn takes(&mut self, symbol: &str) -> bool {
        if !matches!(self.peek(), Kind::Symbol(next) if *next == symbol) {
            return false;
        }
        self.at += 1;
        true
    }

    /// Skips the keyword if it comes next.
    pub(super) fn takes_keyword(&mut self, keyword: &str) -> bool {
        if !self.is_keyword(keyword) {
            return false;
        }
        self.at += 1;
        true
    }

    pub(super) fn is_keyword(&self, keyword: &str) -> bool {
        matches!(self.peek(), Kind::Keyword(next) if *next == keyword)
    }

    /// Skips the symbol, whose name in messages is `name`.
    pub(super) fn expect(&mut self, symbol: &str, name: &str) -> Result<()> {
        if self.takes(symbol) { Ok(()) } else { Err(malformed(&format!("Expected {name}"))) }
    }

    fn expect_keyword(&mut self, keyword: &str) -> Result<()> {
        if self.takes_keyword(keyword) {
            return Ok(());
        }
        Err(malformed(&format!("Expected {}", keyword.to_ascii_uppercase())))
    }

    /// A whole statement.
    pub fn statement(&mut self) -> Result<Statement> {
        let statement = match self.peek() {
            Kind::Keyword("select") => Statement::Select(self.select()?),
            Kind::Keyword("insert") => Statement::Insert(self.insert()?),
            Kind::Keyword("update") => Statement::Update(self.update()?),
            Kind::Keyword("delete") => Statement::Delete(self.delete()?),
            Kind::Keyword("exists") => Statement::Exists(self.exists()?),
            _ => return Err(malformed("Expected data manipulation")),
        };
        self.takes(";");
        match self.peek() {
            Kind::End => Ok(statement),
            Kind::Keyword("limit" | "offset" | "group" | "having") => Err(self.unsupported()),
            _ => Err(malformed("Unexpected token after expression")),
        }
    }

    /// A clause of PartiQL that DynamoDB does not have.
    fn unsupported(&self) -> Invalid {
        let clause = match self.peek() {
            Kind::Keyword("group") => "GROUP BY".to_owned(),
            Kind::Keyword(keyword) => keyword.to_ascii_uppercase(),
            _ => String::new(),
        };
        misplaced(&format!("Unsupported clause: {clause}"), self.span())
    }

    pub(super) fn select(&mut self) -> Result<Select> {
        self.expect_keyword("select")?;
        let projection = self.projection()?;
        if !self.takes_keyword("from") {
            return Err(malformed("Expected FROM after SELECT list"));
        }
        let from = self.from()?;
        if matches!(self.peek(), Kind::Symbol(",") | Kind::Keyword("join" | "inner" | "left")) {
            return Err(Invalid::new("Only select from a single table or index is supported."));
        }
        let condition = self.condition()?;
        Ok(Select { projection, from, condition, order: self.order()? })
    }

    fn projection(&mut self) -> Result<Option<Vec<Expr>>> {
        let mut paths = Vec::new();
        let mut stars = 0;
        loop {
            if self.takes("*") {
                stars += 1;
            } else {
                paths.push(self.expression()?);
            }
            if !self.takes(",") {
                break;
            }
        }
        match (stars, paths.len()) {
            (0, _) => Ok(Some(paths)),
            (1, 0) => Ok(None),
            _ => Err(malformed(
                "Other expressions may not be present in the select list \
                 when '*' is used without dot notation.",
            )),
        }
    }

    /// `"table"."index"`
    fn from(&mut self) -> Result<From> {
        let at = self.span();
        let mut names = vec![self.name()?];
        while self.takes(".") {
            names.push(match self.name() {
                Ok(name) => name,
                Err(_) => return Err(malformed("Invalid path dot component")),
            });
        }
        if names.iter().any(String::is_empty) {
            return Err(Invalid::new("Path component cannot be an empty string"));
        }
        let index = if names.len() > 1 { names.pop() } else { None };
        match names.pop() {
            Some(table) if names.is_empty() => Ok(From { table, index, at }),
            _ => Err(Invalid::new("A path may contain at most 2 components in the FROM clause")),
        }
    }

    /// A name, written out or in double quotes.
    fn name(&mut self) -> Result<String> {
        let name = match self.peek() {
            Kind::Name(name) | Kind::Quoted(name) => name.clone(),
            Kind::Keyword(_) => return Err(malformed("Unexpected keyword")),
            _ => return Err(malformed("Expected identifier for simple path")),
        };
        self.skip();
        Ok(name)
    }

    fn condition(&mut self) -> Result<Option<Expr>> {
        if self.takes_keyword("where") { self.expression().map(Some) } else { Ok(None) }
    }

    fn order(&mut self) -> Result<Vec<Order>> {
        let mut order = Vec::new();
        if !self.takes_keyword("order") {
            return Ok(order);
        }
        self.expect_keyword("by")?;
        loop {
            let by = self.expression()?;
            let descends = self.takes_keyword("desc");
            if !descends {
                self.takes_keyword("asc");
            }
            order.push(Order { by, descends });
            if !self.takes(",") {
                return Ok(order);
            }
        }
    }

    fn insert(&mut self) -> Result<Insert> {
        self.skip();
        if !self.takes_keyword("into") {
            return Err(malformed("Unexpected keyword"));
        }
        let into = self.from()?;
        if into.index.is_some() {
            return Err(misplaced(
                "FROM clause may only contain a single table name in data manipulation statements",
                into.at,
            ));
        }
        if !self.takes_keyword("value") {
            // What PartiQL allows there beside, DynamoDB does not.
            self.expression()?;
            return Err(malformed("Expected VALUE"));
        }
        Ok(Insert { into, value: self.expression()? })
    }

    fn update(&mut self) -> Result<Update> {
        self.skip();
        let table = self.from()?;
        let mut actions = Vec::new();
        loop {
            if self.takes_keyword("set") {
                self.assignments(&mut actions)?;
            } else if self.takes_keyword("remove") {
                actions.push(Action::Remove { path: self.simple_path()? });
                while self.takes(",") {
                    actions.push(Action::Remove { path: self.simple_path()? });
                }
            } else if actions.is_empty() {
                return Err(malformed("Expected data manipulation"));
            } else {
                break;
            }
        }
        let condition = self.condition()?;
        Ok(Update { table, actions, condition, returning: self.returning()? })
    }

    fn assignments(&mut self, actions: &mut Vec<Action>) -> Result<()> {
        loop {
            let path = self.simple_path()?;
            self.expect("=", "'='")?;
            actions.push(Action::Set { path, value: self.expression()? });
            if !self.takes(",") {
                return Ok(());
            }
        }
    }

    fn delete(&mut self) -> Result<Delete> {
        self.skip();
        if !self.takes_keyword("from") {
            return Err(malformed("Expected FROM after DELETE"));
        }
        let from = self.from()?;
        let condition = self.condition()?;
        Ok(Delete { from, condition, returning: self.returning()? })
    }

    fn returning(&mut self) -> Result<Option<Returning>> {
        if !self.takes_keyword("returning") {
            return Ok(None);
        }
        let modified_only = self.takes_keyword("modified");
        if !modified_only {
            self.expect_keyword("all")?;
        }
        let new = self.takes_keyword("new");
        if !new {
            self.expect_keyword("old")?;
        }
        self.expect("*", "STAR")?;
        Ok(Some(Returning { modified_only, new }))
    }

    /// `EXISTS(SELECT …)`
    fn exists(&mut self) -> Result<Select> {
        self.skip();
        self.expect("(", "LEFT_PAREN")?;
        if !self.is_keyword("select") {
            return Err(malformed("Expected data manipulation"));
        }
        let select = self.select()?;
        self.expect(")", "RIGHT_PAREN")?;
        Ok(select)
    }
}
