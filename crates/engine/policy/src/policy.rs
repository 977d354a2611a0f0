//! A compiled policy.

use std::collections::BTreeMap;

use crate::condition::Condition;
use crate::malformed::Malformed;
use crate::read::{self, Resources};
use crate::template::{Template, Variable};

/// What a policy is attached to. It decides which elements it must and must not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A user's, group's or role's policy; also a permissions boundary, a session policy and an
    /// organisation's policy. No principal.
    Identity,
    /// A resource's policy: names principals.
    Resource,
    /// A role's trust policy: names principals, and no resource, which is the role.
    Trust,
}

/// `Allow` or `Deny`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Allows.
    Allow,
    /// Denies.
    Deny,
}

/// A place in a document. The simulator of AWS counts both from 1 and points behind the token
/// that precedes a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// From 1.
    pub line: u32,
    /// In characters, from 1.
    pub column: u32,
}

/// A policy, read and compiled: matching needs the text no more.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    pub(crate) kind: Kind,
    pub(crate) statements: Vec<Statement>,
}

/// A statement of a policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    pub(crate) effect: Effect,
    pub(crate) sid: Option<Box<str>>,
    pub(crate) start: Position,
    pub(crate) end: Position,
    /// `None`: an identity policy.
    pub(crate) principals: Option<Principals>,
    /// In lower case.
    pub(crate) actions: Box<[Template]>,
    pub(crate) is_not_action: bool,
    /// `None`: any, since the policy's own resource is meant.
    pub(crate) resources: Option<Resources>,
    pub(crate) conditions: Box<[Condition]>,
    /// The actions, and the resources, as they are written.
    pub(crate) written: [Box<[Box<str>]>; 2],
}

/// `Principal` or `NotPrincipal`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Principals {
    pub is_not: bool,
    pub named: Box<[Named]>,
}

/// One principal that a policy names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// `"*"` or `{"AWS": "*"}`.
    Everyone,
    /// An account: its number, or its root user's ARN.
    Account(Box<str>),
    /// A user, role, or session.
    Arn(Box<str>),
    /// `AIDA…`, `AROA…`: who was deleted, or is named so on purpose.
    UniqueId(Box<str>),
    Service(Box<str>),
    Federated(Box<str>),
    Canonical(Box<str>),
}

impl Policy {
    /// Reads a document.
    ///
    /// # Errors
    /// With AWS's text; see [`Malformed`].
    pub fn parse(text: &str, kind: Kind) -> Result<Self, Malformed> {
        read::read(text, kind)
    }

    /// What it was read as.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Its statements in their order.
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// The context keys that its conditions and variables ask for, as they are written: what
    /// GetContextKeysForCustomPolicy lists. Sorted; a key that is written in two ways is there once.
    pub fn context_keys(&self) -> Vec<&str> {
        let mut keys: BTreeMap<&str, &str> = BTreeMap::new();
        for statement in &self.statements {
            statement.each_key(&mut |key, name| {
                keys.entry(key).or_insert(name);
            });
        }
        keys.into_values().collect()
    }
}

impl Statement {
    /// Whether it allows or denies.
    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// Its `Sid`, unless that is empty or absent.
    pub fn sid(&self) -> Option<&str> {
        self.sid.as_deref()
    }

    /// Where it begins and ends in the document.
    pub fn positions(&self) -> (Position, Position) {
        (self.start, self.end)
    }

    /// `Action` or `NotAction`, as it is written, and whether it is `NotAction`.
    pub fn actions(&self) -> (impl Iterator<Item = &str>, bool) {
        (self.written[0].iter().map(|text| &**text), self.is_not_action)
    }

    /// `Resource` or `NotResource`, as it is written, and whether it is `NotResource`. Empty for a
    /// policy that speaks of its own resource only.
    pub fn resources(&self) -> (impl Iterator<Item = &str>, bool) {
        let is_not = self.resources.as_ref().is_some_and(|resources| resources.is_not);
        (self.written[1].iter().map(|text| &**text), is_not)
    }

    /// Calls with every context key it needs, in lower case and as it is written.
    pub(crate) fn each_key<'a>(&'a self, found: &mut dyn FnMut(&'a str, &'a str)) {
        let mut variables = |variables: &'a [Variable]| {
            for variable in variables {
                found(&variable.key, &variable.name);
            }
        };
        for template in self.resources.iter().flat_map(Resources::templates) {
            variables(template.variables());
        }
        for condition in &self.conditions {
            for template in condition.templates() {
                variables(template.variables());
            }
        }
        for condition in &self.conditions {
            found(&condition.key, &condition.name);
        }
    }
}
