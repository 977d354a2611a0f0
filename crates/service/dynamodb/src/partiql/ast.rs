//! What a statement says.

use super::token::Span;

/// A statement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Statement {
    Select(Select),
    /// `EXISTS(SELECT …)`, in a transaction.
    Exists(Select),
    Insert(Insert),
    Update(Update),
    Delete(Delete),
}

/// `SELECT … FROM … WHERE … ORDER BY …`
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Select {
    /// Nothing for `*`.
    pub projection: Option<Vec<Expr>>,
    pub from: From,
    pub condition: Option<Expr>,
    pub order: Vec<Order>,
}

/// A table, or an index of one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct From {
    pub table: String,
    pub index: Option<String>,
    /// Where the table's name stands.
    pub at: Span,
}

/// One key of ORDER BY.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Order {
    pub by: Expr,
    pub descends: bool,
}

/// `INSERT INTO … VALUE …`
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Insert {
    pub into: From,
    pub value: Expr,
}

/// `UPDATE … SET … REMOVE … WHERE … RETURNING …`
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Update {
    pub table: From,
    pub actions: Vec<Action>,
    pub condition: Option<Expr>,
    pub returning: Option<Returning>,
}

/// One thing that an update does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Action {
    Set { path: Expr, value: Expr },
    Remove { path: Expr },
}

/// `DELETE FROM … WHERE … RETURNING …`
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Delete {
    pub from: From,
    pub condition: Option<Expr>,
    pub returning: Option<Returning>,
}

/// What a RETURNING clause asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Returning {
    /// Only what the statement changed.
    pub modified_only: bool,
    /// As it is after the statement.
    pub new: bool,
}

impl Returning {
    /// As it is written: `MODIFIED OLD`.
    pub fn text(self) -> &'static str {
        match (self.modified_only, self.new) {
            (false, false) => "ALL OLD",
            (false, true) => "ALL NEW",
            (true, false) => "MODIFIED OLD",
            (true, true) => "MODIFIED NEW",
        }
    }
}

/// An expression and the token it is known by.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Expr {
    pub kind: ExprKind,
    pub at: Span,
    /// Levels of expressions in it, itself included: never more than the parser allows.
    pub depth: usize,
}

/// What an expression is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum ExprKind {
    /// An attribute, or something in it.
    Path(Vec<Step>),
    Text(String),
    /// A number as it is written, with a sign.
    Number(String),
    Bool(bool),
    Null,
    Missing,
    /// The parameter of that number, from 0.
    Parameter(usize),
    List(Vec<Expr>),
    /// `<<…>>`
    Bag(Vec<Expr>),
    /// `{…}`: names and values.
    Struct(Vec<(Expr, Expr)>),
    /// A function, its name in lower case.
    Call(String, Vec<Expr>),
    Not(Box<Expr>),
    /// `+` or `-` before something that is no number.
    Sign(Box<Expr>),
    And(Vec<Expr>),
    Or(Vec<Expr>),
    /// A comparison or arithmetic.
    Binary(&'static str, Box<Expr>, Box<Expr>),
    Between(Box<Expr>, Box<Expr>, Box<Expr>),
    In(Box<Expr>, Box<Expr>),
    /// `IS NULL`, `IS MISSING` and the like, the word in lower case.
    Is(Box<Expr>, &'static str),
    /// A statement in parentheses.
    Select(Box<Select>),
}

/// A step of a path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// A name, the first step always.
    Name(String),
    /// What stands in brackets.
    Element(Expr),
}

impl Expr {
    /// The expressions directly within.
    pub fn children(&self) -> Vec<&Expr> {
        match &self.kind {
            ExprKind::Path(steps) => steps
                .iter()
                .filter_map(|step| match step {
                    Step::Element(element) => Some(element),
                    Step::Name(_) => None,
                })
                .collect(),
            ExprKind::List(all)
            | ExprKind::Bag(all)
            | ExprKind::Call(_, all)
            | ExprKind::And(all)
            | ExprKind::Or(all) => all.iter().collect(),
            ExprKind::Struct(members) => {
                members.iter().flat_map(|(name, value)| [name, value]).collect()
            }
            ExprKind::Not(inner) | ExprKind::Sign(inner) | ExprKind::Is(inner, _) => vec![inner],
            ExprKind::Binary(_, a, b) | ExprKind::In(a, b) => vec![a, b],
            ExprKind::Between(a, b, c) => vec![a, b, c],
            ExprKind::Select(select) => {
                let orders = select.order.iter().map(|order| &order.by);
                select.projection.iter().flatten().chain(&select.condition).chain(orders).collect()
            }
            ExprKind::Text(_)
            | ExprKind::Number(_)
            | ExprKind::Bool(_)
            | ExprKind::Null
            | ExprKind::Missing
            | ExprKind::Parameter(_) => Vec::new(),
        }
    }
}
