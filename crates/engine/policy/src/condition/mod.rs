//! The `Condition` element: operators, set operators, missing keys.

mod binary;
mod date;
mod ip;
mod number;

use crate::arn::{Arn, ArnPattern};
use crate::context::{Context, Values};
use crate::limits::TEXT_BYTES_MAX;
use crate::policy::Effect;
use crate::read::RawCondition;
use crate::template::{Syntax, Template, Truth, any};
use ip::Cidr;
use number::Number;

pub(crate) use date::Instant;

/// One key of one operator, compiled.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Condition {
    quantifier: Quantifier,
    if_exists: bool,
    /// `StringNotEquals` and its like: none of the operands.
    negated: bool,
    /// In lower case.
    pub key: Box<str>,
    /// As it is written.
    pub name: Box<str>,
    operands: Operands,
}

/// What several values of a key mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quantifier {
    Single,
    All,
    Any,
}

/// The operator's family and what it compares with. An operand that makes no sense is `None`.
#[derive(Clone, Debug, PartialEq)]
enum Operands {
    Text(Box<[Template]>),
    TextIgnoringCase(Box<[Template]>),
    Number(Box<[Option<Number>]>, Order),
    Date(Box<[Option<Instant>]>, Order),
    Bool(Box<[Option<bool>]>),
    Binary(Box<[Option<Box<[u8]>>]>),
    Ip(Box<[Option<Cidr>]>),
    Arn(Box<[ArnPattern]>),
    Null(Box<[Option<bool>]>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Order {
    fn holds(self, ordering: std::cmp::Ordering) -> bool {
        match self {
            Order::Equal => ordering.is_eq(),
            Order::Less => ordering.is_lt(),
            Order::LessOrEqual => ordering.is_le(),
            Order::Greater => ordering.is_gt(),
            Order::GreaterOrEqual => ordering.is_ge(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Equals,
    EqualsIgnoringCase,
    Like,
    Number(Order),
    Date(Order),
    Bool,
    Binary,
    Ip,
    Arn,
    Null,
}

/// Every operator: its name, what it compares, whether it is negated.
const OPERATORS: [(&str, Family, bool); 27] = [
    ("StringEquals", Family::Equals, false),
    ("StringNotEquals", Family::Equals, true),
    ("StringEqualsIgnoreCase", Family::EqualsIgnoringCase, false),
    ("StringNotEqualsIgnoreCase", Family::EqualsIgnoringCase, true),
    ("StringLike", Family::Like, false),
    ("StringNotLike", Family::Like, true),
    ("NumericEquals", Family::Number(Order::Equal), false),
    ("NumericNotEquals", Family::Number(Order::Equal), true),
    ("NumericLessThan", Family::Number(Order::Less), false),
    ("NumericLessThanEquals", Family::Number(Order::LessOrEqual), false),
    ("NumericGreaterThan", Family::Number(Order::Greater), false),
    ("NumericGreaterThanEquals", Family::Number(Order::GreaterOrEqual), false),
    ("DateEquals", Family::Date(Order::Equal), false),
    ("DateNotEquals", Family::Date(Order::Equal), true),
    ("DateLessThan", Family::Date(Order::Less), false),
    ("DateLessThanEquals", Family::Date(Order::LessOrEqual), false),
    ("DateGreaterThan", Family::Date(Order::Greater), false),
    ("DateGreaterThanEquals", Family::Date(Order::GreaterOrEqual), false),
    ("Bool", Family::Bool, false),
    ("BinaryEquals", Family::Binary, false),
    ("IpAddress", Family::Ip, false),
    ("NotIpAddress", Family::Ip, true),
    ("ArnEquals", Family::Arn, false),
    ("ArnLike", Family::Arn, false),
    ("ArnNotEquals", Family::Arn, true),
    ("ArnNotLike", Family::Arn, true),
    ("Null", Family::Null, false),
];

/// An operator's name taken apart.
struct Operator {
    quantifier: Quantifier,
    if_exists: bool,
    family: Family,
    negated: bool,
}

fn operator(name: &str) -> Option<Operator> {
    let (quantifier, rest) = match name.split_once(':') {
        Some(("ForAllValues", rest)) => (Quantifier::All, rest),
        Some(("ForAnyValue", rest)) => (Quantifier::Any, rest),
        Some(_) => return None,
        None => (Quantifier::Single, name),
    };
    let base = rest.strip_suffix("IfExists");
    let if_exists = base.is_some();
    let base = base.unwrap_or(rest);
    let (_, family, negated) = OPERATORS.iter().find(|(known, ..)| *known == base)?;
    Some(Operator { quantifier, if_exists, family: *family, negated: *negated })
}

fn truth_value(text: &str) -> Option<bool> {
    match text {
        _ if text.eq_ignore_ascii_case("true") => Some(true),
        _ if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

impl Condition {
    /// Whether there is such an operator.
    pub fn knows(name: &str) -> bool {
        operator(name).is_some()
    }

    /// Whether it compares dates.
    pub fn is_date(name: &str) -> bool {
        operator(name).is_some_and(|operator| matches!(operator.family, Family::Date(_)))
    }

    /// Compiles. `None`: there is no such operator.
    pub fn new(raw: RawCondition, variables: bool) -> Option<Self> {
        let operator = operator(&raw.operator)?;
        let values = &raw.values;
        let templates = |wildcards| {
            values.iter().map(|text| Template::new(text, Syntax { wildcards, variables })).collect()
        };
        let truths = || values.iter().map(|text| truth_value(text)).collect();
        let operands = match operator.family {
            Family::Equals => Operands::Text(templates(false)),
            Family::EqualsIgnoringCase => Operands::TextIgnoringCase(templates(false)),
            Family::Like => Operands::Text(templates(true)),
            Family::Number(order) => {
                Operands::Number(values.iter().map(|text| Number::parse(text)).collect(), order)
            }
            Family::Date(order) => {
                Operands::Date(values.iter().map(|text| Instant::parse(text)).collect(), order)
            }
            Family::Bool => Operands::Bool(truths()),
            Family::Binary => {
                Operands::Binary(values.iter().map(|text| binary::decode(text)).collect())
            }
            Family::Ip => Operands::Ip(values.iter().map(|text| Cidr::parse(text)).collect()),
            Family::Arn => Operands::Arn(
                values.iter().map(|text| ArnPattern::operand(text, variables)).collect(),
            ),
            Family::Null => Operands::Null(truths()),
        };
        Some(Self {
            quantifier: operator.quantifier,
            if_exists: operator.if_exists,
            negated: operator.negated,
            key: raw.key.to_ascii_lowercase().into(),
            name: raw.key.into(),
            operands,
        })
    }

    /// Whether it holds for the request.
    pub fn holds(&self, effect: Effect, context: &dyn Context) -> Truth {
        let values = context.values(&self.key).filter(|values| values.len() > 0);
        if let Operands::Null(wanted) = &self.operands {
            let is_absent = values.is_none();
            return any(wanted, |wanted| match wanted {
                Some(wanted) => (*wanted == is_absent).into(),
                None => Truth::Unknown,
            });
        }
        let Some(values) = values else { return self.holds_without_key().into() };
        self.holds_for(&values, effect, context)
    }

    /// A key that is missing is not equal to anything.
    fn holds_without_key(&self) -> bool {
        self.if_exists
            || match self.quantifier {
                Quantifier::All => true,
                Quantifier::Any => false,
                Quantifier::Single => self.negated,
            }
    }

    fn holds_for(&self, values: &Values, effect: Effect, context: &dyn Context) -> Truth {
        // What AWS does with several values and no set operator is not written anywhere. So: an
        // Allow wants every value to fit, a Deny only one.
        let all = match self.quantifier {
            Quantifier::All => true,
            Quantifier::Any => false,
            Quantifier::Single => effect == Effect::Allow,
        };
        let (end, mut so_far) = if all { (Truth::No, Truth::Yes) } else { (Truth::Yes, Truth::No) };
        values.all(|value| {
            let fits = self.fits(value, context);
            if fits == end || fits == Truth::Unknown {
                so_far = fits;
            }
            fits != end
        });
        so_far
    }

    /// Whether one value fits.
    fn fits(&self, value: &str, context: &dyn Context) -> Truth {
        let equal = if value.len() > TEXT_BYTES_MAX {
            Truth::Unknown
        } else {
            self.equals_any(value, context)
        };
        if self.negated { equal.not() } else { equal }
    }

    fn equals_any(&self, value: &str, context: &dyn Context) -> Truth {
        match &self.operands {
            Operands::Text(templates) => {
                any(templates, |template| template.matches(value, context))
            }
            Operands::TextIgnoringCase(templates) => {
                any(templates, |template| template.equals_ignoring_case(value, context))
            }
            Operands::Number(operands, order) => {
                let value = Number::parse(value);
                compare(operands, value.as_ref(), |value, operand| {
                    order.holds(value.compare(operand))
                })
            }
            Operands::Date(operands, order) => {
                let value = Instant::parse(value);
                compare(operands, value.as_ref(), |value, operand| order.holds(value.cmp(operand)))
            }
            Operands::Bool(operands) => {
                let value = truth_value(value);
                compare(operands, value.as_ref(), |value, operand| value == operand)
            }
            Operands::Binary(operands) => {
                let value = binary::decode(value);
                compare(operands, value.as_ref(), |value, operand| value == operand)
            }
            Operands::Ip(operands) => {
                let value = ip::parse(value);
                compare(operands, value.as_ref(), |value, range| range.contains(*value))
            }
            Operands::Arn(patterns) => {
                let arn = Arn::parse(value);
                any(patterns, |pattern| match (&arn, pattern) {
                    (None, ArnPattern::Any) => Truth::No,
                    _ => pattern.matches(value, arn.as_ref(), context),
                })
            }
            Operands::Null(_) => Truth::Unknown,
        }
    }

    /// What may hold variables.
    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        let (texts, arns): (&[Template], &[ArnPattern]) = match &self.operands {
            Operands::Text(templates) | Operands::TextIgnoringCase(templates) => (templates, &[]),
            Operands::Arn(patterns) => (&[], patterns),
            _ => (&[], &[]),
        };
        texts.iter().chain(arns.iter().flat_map(|pattern| pattern.templates()))
    }
}

/// Whether the value stands so to any operand. A value that cannot be read does to none; an
/// operand that cannot be read leaves it open.
fn compare<V, O>(
    operands: &[Option<O>],
    value: Option<&V>,
    test: impl Fn(&V, &O) -> bool,
) -> Truth {
    any(operands, |operand| match (value, operand) {
        (_, None) => Truth::Unknown,
        (None, Some(_)) => Truth::No,
        (Some(value), Some(operand)) => test(value, operand).into(),
    })
}

/// What [`crate::Policy::is_public`] asks.
impl Condition {
    /// Whether only requests whose key has one of some known values pass. In ARNs, the account
    /// must be known; a user id may have any session behind `AROA…:`.
    pub fn demands_fixed_value(&self) -> bool {
        if !self.demands() {
            return false;
        }
        match &self.operands {
            Operands::Text(templates) | Operands::TextIgnoringCase(templates) => {
                templates.iter().all(|template| match template {
                    Template::Exact(text) => !text.is_empty(),
                    Template::Prefix(text) => {
                        &*self.key == "aws:userid" && text.ends_with(':') || has_account(text)
                    }
                    _ => false,
                })
            }
            Operands::Arn(patterns) => patterns.iter().all(|pattern| match pattern {
                // A bucket's ARN has no account, and must be known as a whole.
                ArnPattern::Parts(parts) => match &parts[3] {
                    Template::Exact(account) if !account.is_empty() => true,
                    Template::Exact(_) => parts.iter().all(Template::is_fixed),
                    _ => false,
                },
                _ => false,
            }),
            _ => false,
        }
    }

    /// Whether only requests from a part of the internet pass.
    pub fn demands_narrow_address(&self) -> bool {
        match &self.operands {
            Operands::Ip(ranges) => {
                &*self.key == "aws:sourceip"
                    && self.demands()
                    && ranges.iter().all(|range| range.is_some_and(|range| !range.is_broad()))
            }
            _ => false,
        }
    }

    /// Whether a request without the key, or with another value, fails.
    fn demands(&self) -> bool {
        !self.negated && !self.if_exists && self.quantifier != Quantifier::All
    }
}

/// Whether an ARN that begins so names its account.
fn has_account(prefix: &str) -> bool {
    let parts: Vec<&str> = prefix.splitn(6, ':').collect();
    parts.len() == 6 && !parts[4].is_empty()
}
