//! Conditions on JSON messages: `{ $.level = "ERROR" && ($.ms > 100 || $.user NOT EXISTS) }`.

use serde_json::Value;

use super::PatternError;
use super::cursor::Cursor;
use super::operand::Comparison;

/// How deep parentheses may be nested.
const DEPTH_MAX: usize = 32;

/// A condition.
#[derive(Debug)]
pub(super) enum Expression {
    And(Vec<Expression>),
    Or(Vec<Expression>),
    Test(Vec<Step>, Test),
}

/// One step of a selector.
#[derive(Debug)]
pub(super) enum Step {
    Member(String),
    Element(usize),
    AnyMember,
    AnyElement,
}

/// What must hold for what the selector finds.
#[derive(Debug)]
pub(super) enum Test {
    Compare(Comparison),
    Is(Value),
    NotExists,
}

struct Parser<'a> {
    cursor: Cursor<'a>,
    depth: usize,
    regexes: usize,
}

const WRONG: PatternError = PatternError::Syntax("the JSON pattern is not valid");

impl Expression {
    /// Parses what is between the braces.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let mut parser = Parser { cursor: Cursor::new(text), depth: 0, regexes: 0 };
        let expression = parser.any()?;
        if parser.cursor.more() { Err(WRONG) } else { Ok(expression) }
    }

    /// Only objects and arrays match at all.
    pub fn matches(&self, message: &str) -> bool {
        if !message.trim_start().starts_with(['{', '[']) {
            return false;
        }
        serde_json::from_str(message).is_ok_and(|value| self.holds(&value))
    }

    /// The selectors of all tests with the texts of what they find.
    pub fn extracted(&self, value: &Value, found: &mut Vec<(String, String)>) {
        match self {
            Expression::And(parts) | Expression::Or(parts) => {
                parts.iter().for_each(|part| part.extracted(value, found));
            }
            Expression::Test(selector, _) => {
                let text = find(value, selector).and_then(text);
                found.extend(text.map(|text| (written(selector), text)));
            }
        }
    }

    fn holds(&self, value: &Value) -> bool {
        match self {
            Expression::And(parts) => parts.iter().all(|part| part.holds(value)),
            Expression::Or(parts) => parts.iter().any(|part| part.holds(value)),
            Expression::Test(selector, Test::NotExists) => !select(value, selector, &|_| true),
            Expression::Test(selector, Test::Is(wanted)) => {
                select(value, selector, &|found| found == wanted)
            }
            Expression::Test(selector, Test::Compare(comparison)) => {
                select(value, selector, &|found| compare(comparison, found))
            }
        }
    }
}

/// Reads a selector that finds one thing at most.
pub(super) fn selector(text: &str) -> Option<Vec<Step>> {
    let mut parser = Parser { cursor: Cursor::new(text), depth: 0, regexes: 0 };
    let steps = parser.selector().ok()?;
    let is_one = !steps.iter().any(|step| matches!(step, Step::AnyMember | Step::AnyElement));
    (is_one && !parser.cursor.more()).then_some(steps)
}

/// The first thing that a selector finds.
pub(super) fn find<'a>(value: &'a Value, steps: &[Step]) -> Option<&'a Value> {
    let Some((step, rest)) = steps.split_first() else { return Some(value) };
    match (step, value) {
        (Step::Member(name), Value::Object(members)) => find(members.get(name)?, rest),
        (Step::Element(index), Value::Array(list)) => find(list.get(*index)?, rest),
        (Step::AnyMember, Value::Object(members)) => {
            members.values().find_map(|found| find(found, rest))
        }
        (Step::AnyElement, Value::Array(list)) => list.iter().find_map(|found| find(found, rest)),
        _ => None,
    }
}

/// What stands for a scalar; arrays, objects and null have no text.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A selector as it is written.
fn written(steps: &[Step]) -> String {
    let step = |step: &Step| match step {
        Step::Member(name) => format!(".{name}"),
        Step::Element(index) => format!("[{index}]"),
        Step::AnyMember => ".*".to_owned(),
        Step::AnyElement => "[*]".to_owned(),
    };
    std::iter::once("$".to_owned()).chain(steps.iter().map(step)).collect()
}

/// Arrays, objects and null compare with nothing, not even as unequal.
fn compare(comparison: &Comparison, found: &Value) -> bool {
    match found {
        Value::String(text) => comparison.holds(text, None),
        Value::Bool(flag) => comparison.holds(if *flag { "true" } else { "false" }, None),
        Value::Number(number) => comparison.holds(&number.to_string(), number.as_f64()),
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}

/// Does anything that the selector finds pass the test?
fn select(value: &Value, steps: &[Step], test: &dyn Fn(&Value) -> bool) -> bool {
    let Some((step, rest)) = steps.split_first() else { return test(value) };
    match (step, value) {
        (Step::Member(name), Value::Object(members)) => {
            members.get(name).is_some_and(|found| select(found, rest, test))
        }
        (Step::Element(index), Value::Array(list)) => {
            list.get(*index).is_some_and(|found| select(found, rest, test))
        }
        (Step::AnyMember, Value::Object(members)) => {
            members.values().any(|found| select(found, rest, test))
        }
        (Step::AnyElement, Value::Array(list)) => {
            list.iter().any(|found| select(found, rest, test))
        }
        _ => false,
    }
}

impl Parser<'_> {
    fn any(&mut self) -> Result<Expression, PatternError> {
        let mut parts = vec![self.all()?];
        while self.cursor.more() && self.cursor.eat("||") {
            parts.push(self.all()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::Or(parts) })
    }

    fn all(&mut self) -> Result<Expression, PatternError> {
        let mut parts = vec![self.one()?];
        while self.cursor.more() && self.cursor.eat("&&") {
            parts.push(self.one()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::And(parts) })
    }

    fn one(&mut self) -> Result<Expression, PatternError> {
        self.cursor.more();
        if self.cursor.eat("(") {
            self.depth += 1;
            if self.depth > DEPTH_MAX {
                return Err(PatternError::Syntax("the pattern is nested too deeply"));
            }
            let inner = self.any()?;
            self.depth -= 1;
            self.cursor.more();
            return if self.cursor.eat(")") { Ok(inner) } else { Err(WRONG) };
        }
        let selector = self.selector()?;
        let test = self.test()?;
        Ok(Expression::Test(selector, test))
    }

    fn test(&mut self) -> Result<Test, PatternError> {
        self.cursor.more();
        if self.cursor.eat_word("NOT") {
            self.cursor.more();
            return if self.cursor.eat_word("EXISTS") { Ok(Test::NotExists) } else { Err(WRONG) };
        }
        if self.cursor.eat_word("IS") {
            self.cursor.more();
            let words =
                [("NULL", Value::Null), ("TRUE", Value::Bool(true)), ("FALSE", Value::Bool(false))];
            let found = words.into_iter().find(|(word, _)| self.cursor.eat_word(word));
            return found.map(|(_, value)| Test::Is(value)).ok_or(WRONG);
        }
        let comparison = Comparison::read(&mut self.cursor, &mut self.regexes, WRONG)?;
        comparison.map(Test::Compare).ok_or(WRONG)
    }

    fn selector(&mut self) -> Result<Vec<Step>, PatternError> {
        if !self.cursor.eat("$") {
            return Err(WRONG);
        }
        let mut steps = Vec::new();
        let mut wildcards = 0;
        loop {
            let step = if self.cursor.eat("[*]") {
                Step::AnyElement
            } else if self.cursor.eat("[") {
                let index = self.cursor.take_while(|c| c.is_ascii_digit()).parse();
                if !self.cursor.eat("]") {
                    return Err(WRONG);
                }
                Step::Element(index.map_err(|_| WRONG)?)
            } else if self.cursor.eat(".*") {
                Step::AnyMember
            } else if self.cursor.eat(".") {
                let name = self.cursor.take_while(|c| c.is_alphanumeric() || "_-".contains(c));
                if name.is_empty() {
                    return Err(WRONG);
                }
                Step::Member(name.to_owned())
            } else {
                break;
            };
            wildcards += usize::from(matches!(step, Step::AnyElement | Step::AnyMember));
            if wildcards > 1 {
                return Err(PatternError::Syntax("a selector may have one wildcard"));
            }
            steps.push(step);
        }
        if steps.is_empty() { Err(WRONG) } else { Ok(steps) }
    }
}
