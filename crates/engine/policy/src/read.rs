//! From the text of a document to a compiled policy.

use std::collections::HashSet;

use crate::arn::ArnPattern;
use crate::condition::Condition;
use crate::json::{self, Json};
use crate::limits::DOCUMENT_BYTES_MAX;
use crate::malformed::Malformed;
use crate::policy::{Effect, Kind, Named, Policy, Position, Principals, Statement};
use crate::template::{Syntax, Template};
use crate::validate;

/// The version that has variables.
const NEW: &str = "2012-10-17";
const OLD: &str = "2008-10-17";

/// `Resource` or `NotResource`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Resources {
    pub is_not: bool,
    pub patterns: Box<[ArnPattern]>,
}

impl Resources {
    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        self.patterns.iter().flat_map(ArnPattern::templates)
    }
}

/// A statement whose types are right.
#[derive(Debug, Default)]
pub(crate) struct Raw {
    pub effect: Option<String>,
    pub sid: Option<String>,
    pub action: Option<Vec<String>>,
    pub not_action: Option<Vec<String>>,
    pub resource: Option<Vec<String>>,
    pub not_resource: Option<Vec<String>>,
    pub principal: Option<Json>,
    pub not_principal: Option<Json>,
    pub conditions: Vec<RawCondition>,
    /// Offsets in the document.
    pub span: (usize, usize),
}

/// One key of one operator.
#[derive(Debug)]
pub(crate) struct RawCondition {
    pub operator: String,
    pub key: String,
    pub values: Vec<String>,
}

/// What stands around the statements.
#[derive(Debug)]
pub(crate) struct RawPolicy {
    pub version: Option<String>,
    pub statements: Vec<Raw>,
}

/// Reads a policy of this kind.
pub(crate) fn read(text: &str, kind: Kind) -> Result<Policy, Malformed> {
    if text.len() > DOCUMENT_BYTES_MAX {
        return Err(if kind == Kind::Identity { Malformed::Syntax } else { Malformed::Element });
    }
    let is_identity = kind == Kind::Identity;
    let json = json::parse(text)
        .map_err(|_| if is_identity { Malformed::Syntax } else { Malformed::Json })?;
    let raw = raw_policy(json, kind)?;
    if is_identity {
        validate::identity(text, &raw)?;
    } else {
        validate::resource(&raw, kind)?;
    }
    let variables = raw.version.as_deref() == Some(NEW);
    let mut places = Places { rest: text, at: 0, position: Position { line: 1, column: 1 } };
    let mut statements = Vec::with_capacity(raw.statements.len());
    for statement in raw.statements {
        statements.push(compile(statement, variables, &mut places)?);
    }
    Ok(Policy { kind, statements })
}

fn raw_policy(json: Json, kind: Kind) -> Result<RawPolicy, Malformed> {
    let broken = if kind == Kind::Identity { Malformed::Syntax } else { Malformed::Element };
    let Json::Object(members, ..) = json else { return Err(broken) };
    let mut version = None;
    let mut statement = None;
    for (name, value) in members {
        match (name.as_str(), value) {
            ("Version", Json::Text(text)) => version = Some(text),
            ("Id", Json::Text(_)) => {}
            ("Statement", value) => statement = Some(value),
            _ => return Err(broken),
        }
    }
    if version.as_deref().is_some_and(|version| ![NEW, OLD].contains(&version)) {
        return Err(if kind == Kind::Identity { broken } else { Malformed::VersionString });
    }
    let mut statements = Vec::new();
    match statement {
        Some(object @ Json::Object(..)) => {
            // AWS's parser has read the opening brace when it notes where the statement begins.
            statements.push(raw_statement(object, None).ok_or(broken)?);
        }
        Some(Json::List(items, mut start)) if !items.is_empty() => {
            for item in items {
                let statement = raw_statement(item, Some(start)).ok_or(broken.clone())?;
                start = statement.span.1;
                statements.push(statement);
            }
        }
        _ => return Err(if kind == Kind::Identity { broken } else { Malformed::Empty }),
    }
    Ok(RawPolicy { version, statements })
}

/// `None`: some element is unknown or has the wrong type.
fn raw_statement(json: Json, start: Option<usize>) -> Option<Raw> {
    let Json::Object(members, inner, end) = json else { return None };
    let mut raw = Raw { span: (start.unwrap_or(inner), end), ..Raw::default() };
    for (name, value) in members {
        match (name.as_str(), value) {
            ("Effect", Json::Text(text)) => raw.effect = Some(text),
            ("Sid", Json::Text(text)) => raw.sid = Some(text),
            ("Action", value) => raw.action = Some(texts(value)?),
            ("NotAction", value) => raw.not_action = Some(texts(value)?),
            ("Resource", value) => raw.resource = Some(texts(value)?),
            ("NotResource", value) => raw.not_resource = Some(texts(value)?),
            ("Principal", value) => raw.principal = Some(value),
            ("NotPrincipal", value) => raw.not_principal = Some(value),
            ("Condition", Json::Object(operators, ..)) => {
                raw.conditions = raw_conditions(operators)?;
            }
            _ => return None,
        }
    }
    let twice = raw.action.is_some() && raw.not_action.is_some()
        || raw.resource.is_some() && raw.not_resource.is_some()
        || raw.principal.is_some() && raw.not_principal.is_some();
    if twice { None } else { Some(raw) }
}

/// A text or a list of texts. IAM passes over a null in a list.
fn texts(json: Json) -> Option<Vec<String>> {
    match json {
        Json::Text(text) => Some(vec![text]),
        Json::List(items, _) => items
            .into_iter()
            .filter(|item| *item != Json::Null)
            .map(|item| match item {
                Json::Text(text) => Some(text),
                _ => None,
            })
            .collect(),
        _ => None,
    }
}

fn raw_conditions(operators: Vec<(String, Json)>) -> Option<Vec<RawCondition>> {
    let mut conditions = Vec::new();
    for (operator, keys) in operators {
        let Json::Object(keys, ..) = keys else { return None };
        // An unknown operator does no harm as long as nothing is asked of it.
        if !keys.is_empty() && !Condition::knows(&operator) {
            return None;
        }
        for (key, value) in keys {
            let values = match value {
                Json::List(items, _) => items.into_iter().map(scalar).collect::<Option<_>>()?,
                value => vec![scalar(value)?],
            };
            conditions.push(RawCondition { operator: operator.clone(), key, values });
        }
    }
    Some(conditions)
}

fn scalar(json: Json) -> Option<String> {
    match json {
        Json::Text(text) | Json::Number(text) => Some(text),
        Json::Bool(value) => Some(value.to_string()),
        _ => None,
    }
}

/// Turns offsets that grow into lines and columns.
struct Places<'a> {
    rest: &'a str,
    at: usize,
    position: Position,
}

impl Places<'_> {
    fn position(&mut self, offset: usize) -> Position {
        let (before, rest) = self.rest.split_at(offset.saturating_sub(self.at));
        for c in before.chars() {
            if c == '\n' {
                self.position = Position { line: self.position.line + 1, column: 1 };
            } else {
                self.position.column += 1;
            }
        }
        self.rest = rest;
        self.at = offset;
        self.position
    }
}

fn compile(raw: Raw, variables: bool, places: &mut Places) -> Result<Statement, Malformed> {
    let principals = match (raw.principal, raw.not_principal) {
        (Some(json), _) => Some(Principals { is_not: false, named: principals(json)?.into() }),
        (None, Some(json)) => Some(Principals { is_not: true, named: principals(json)?.into() }),
        (None, None) => None,
    };
    let is_not_action = raw.not_action.is_some();
    let actions = raw.action.or(raw.not_action).unwrap_or_default();
    let is_not = raw.not_resource.is_some();
    let resources = raw.resource.or(raw.not_resource);
    let syntax = Syntax { wildcards: true, variables: false };
    let boxed = |texts: &[String]| texts.iter().map(|text| text.as_str().into()).collect();
    let written = [boxed(&actions), boxed(resources.as_deref().unwrap_or_default())];
    let patterns = resources.map(|resources| Resources {
        is_not,
        patterns: resources.iter().map(|text| ArnPattern::resource(text, variables)).collect(),
    });
    let conditions = raw
        .conditions
        .into_iter()
        .map(|condition| Condition::new(condition, variables).ok_or(Malformed::Syntax))
        .collect::<Result<_, _>>()?;
    Ok(Statement {
        effect: if raw.effect.as_deref() == Some("Deny") { Effect::Deny } else { Effect::Allow },
        sid: raw.sid.filter(|sid| !sid.is_empty()).map(Into::into),
        start: places.position(raw.span.0),
        end: places.position(raw.span.1),
        principals,
        actions: actions
            .iter()
            .map(|text| Template::new(&text.to_ascii_lowercase(), syntax))
            .collect(),
        is_not_action,
        resources: patterns,
        conditions,
        written,
    })
}

/// The principals that an element names.
pub(crate) fn principals(json: Json) -> Result<Vec<Named>, Malformed> {
    let members = match json {
        Json::Text(text) if text == "*" => return Ok(vec![Named::Everyone]),
        Json::Text(text) => return Err(Malformed::Principal("AWS".to_owned(), text)),
        Json::Object(members, ..) if !members.is_empty() => members,
        Json::Object(..) => return Err(Malformed::PrincipalEmpty),
        _ => return Err(Malformed::Element),
    };
    let mut named = Vec::new();
    let mut seen = HashSet::new();
    for (kind, value) in members {
        let values = texts(value).ok_or(Malformed::Element)?;
        if values.is_empty() {
            return Err(Malformed::PrincipalEmpty);
        }
        for value in values {
            let one = validate::principal(&kind, &value)
                .ok_or_else(|| Malformed::Principal(kind.clone(), value.clone()))?;
            if seen.insert((kind.clone(), value)) {
                named.push(one);
            }
        }
    }
    Ok(named)
}
