//! `models/access/SERVICE.toml`: what each operation asks of its caller's policies. The language is
//! described in `models/access/README.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde::Deserialize;
use shape::access::{AccessRule, KeyRule, Path, ResourceRule, Step};
use shape::{Kind, Model};

use crate::{Result, root};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    /// Prefix of actions, when it is not the signing name.
    prefix: Option<String>,
    /// Code of the error for a caller whose policies do not allow.
    denied_code: Option<String>,
    /// Requests without a signature may be allowed by policies of resources.
    #[serde(default)]
    anonymous: bool,
    /// Templates of ARNs by kind.
    #[serde(default)]
    resources: BTreeMap<String, Resource>,
    operations: BTreeMap<String, Rules>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Resource {
    Template(String),
    Resolved { resolve: String },
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Rules {
    On(String),
    One(Rule),
    All(Vec<Rule>),
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Rule {
    on: String,
    action: Option<String>,
    otherwise: Option<String>,
    each: Option<String>,
    when: Option<String>,
    unless: Option<String>,
    #[serde(default)]
    keys: BTreeMap<String, String>,
    tags: Option<String>,
    tag_keys: Option<String>,
    #[serde(default)]
    guarded: bool,
}

/// Adds the facts of a service to its model. Every operation must have some.
pub fn add(name: &str, model: &mut Model) -> Result<()> {
    let path = format!("models/access/{name}.toml");
    let full = root().join(&path);
    if !full.exists() && model.operations.is_empty() {
        return Ok(());
    }
    let text = fs::read_to_string(&full).map_err(|e| format!("{path}: {e}"))?;
    let facts: Facts = toml::from_str(&text).map_err(|e| format!("{path}: {e}"))?;
    let listed: BTreeSet<&str> = model.operations.iter().map(|op| op.name.as_str()).collect();
    let known: BTreeSet<&str> = facts.operations.keys().map(String::as_str).collect();
    if let Some(missing) = listed.difference(&known).next() {
        return Err(format!("{path} does not say what {missing} asks of a policy").into());
    }
    if let Some(extra) = known.difference(&listed).next() {
        return Err(format!("{path} names {extra}, which operations.toml does not list").into());
    }
    model.service.denied_code = facts.denied_code.clone().unwrap_or_default();
    model.service.anonymous = facts.anonymous;
    let mut access = Vec::new();
    for op in &model.operations {
        let reader = Reader { facts: &facts, model, operation: &op.name, input: op.input.target };
        let rules = reader.rules().map_err(|e| format!("{path}: {}: {e}", op.name))?;
        access.push(rules);
    }
    for (op, rules) in model.operations.iter_mut().zip(access) {
        op.access = rules;
    }
    Ok(())
}

struct Reader<'a> {
    facts: &'a Facts,
    model: &'a Model,
    operation: &'a str,
    input: u32,
}

impl Reader<'_> {
    fn rules(&self) -> Result<Vec<AccessRule>> {
        match &self.facts.operations[self.operation] {
            Rules::On(on) if on == "open" => Ok(Vec::new()),
            // The service itself says what it asks (`Guard::needs`).
            Rules::On(on) if on == "computed" => Ok(vec![AccessRule {
                action: self.action(&Rule::default()),
                computed: true,
                ..AccessRule::default()
            }]),
            Rules::On(on) => Ok(vec![self.rule(&Rule { on: on.clone(), ..Rule::default() })?]),
            Rules::One(rule) => Ok(vec![self.rule(rule)?]),
            Rules::All(rules) => rules.iter().map(|rule| self.rule(rule)).collect(),
        }
    }

    fn rule(&self, rule: &Rule) -> Result<AccessRule> {
        let each = rule.each.as_deref().map(|text| self.path(text, None)).transpose()?;
        let element = match &each {
            Some(path) => Some(self.end(self.input, path)?),
            None => None,
        };
        let path = |text: &Option<String>| -> Result<Option<Path>> {
            text.as_deref().map(|text| self.path(text, element)).transpose()
        };
        let mut keys = Vec::new();
        for (key, from) in &rule.keys {
            let literal = from.strip_prefix('=').map(str::to_owned);
            let path = match literal {
                Some(_) => Path::new(),
                None => self.path(from, element)?,
            };
            keys.push(KeyRule { key: key.clone(), path, literal });
        }
        Ok(AccessRule {
            action: self.action(rule),
            on: self.resource(rule, element)?,
            when: path(&rule.when)?,
            unless: path(&rule.unless)?,
            keys,
            tags: path(&rule.tags)?,
            tag_keys: path(&rule.tag_keys)?,
            guarded: rule.guarded,
            computed: false,
            each,
        })
    }

    fn action(&self, rule: &Rule) -> String {
        let action = rule.action.as_deref().unwrap_or(self.operation);
        if action.contains(':') {
            return action.to_owned();
        }
        let prefix = self.facts.prefix.as_deref().unwrap_or(&self.model.service.signing_name);
        format!("{prefix}:{action}")
    }

    /// `*`, `kind(path, path)`, or a path to whole ARNs.
    fn resource(&self, rule: &Rule, element: Option<u32>) -> Result<ResourceRule> {
        let otherwise = rule.otherwise.clone();
        if rule.on == "*" {
            return Ok(ResourceRule { template: "*".into(), ..ResourceRule::default() });
        }
        let Some((kind, args)) = rule.on.strip_suffix(')').and_then(|on| on.split_once('(')) else {
            let args = vec![self.path(&rule.on, element)?];
            return Ok(ResourceRule {
                template: "{}".into(),
                args,
                otherwise,
                ..Default::default()
            });
        };
        let (template, resolve) = match self.facts.resources.get(kind) {
            Some(Resource::Template(template)) => (template.clone(), false),
            Some(Resource::Resolved { resolve }) => (resolve.clone(), true),
            None => return Err(format!("[resources] has no {kind}").into()),
        };
        let args = args.split(',').map(str::trim).filter(|arg| !arg.is_empty());
        let args: Vec<Path> = args.map(|arg| self.path(arg, element)).collect::<Result<_>>()?;
        if !resolve && template.matches("{}").count() != args.len() {
            return Err(format!("{template} does not have {} places", args.len()).into());
        }
        Ok(ResourceRule { kind: kind.to_owned(), template, args, otherwise, resolve })
    }

    /// `A.B[].C`, `A{}`; with a leading dot from an element.
    fn path(&self, text: &str, element: Option<u32>) -> Result<Path> {
        let mut path = Path::new();
        let mut rest = text;
        let mut from = self.input;
        if let Some(inner) = text.strip_prefix('.') {
            from = element.ok_or("a path with a leading dot needs `each`")?;
            path.push(Step::Element);
            rest = inner;
        }
        while !rest.is_empty() {
            if let Some(after) = rest.strip_prefix("[]") {
                path.push(Step::Each);
                rest = after;
            } else if let Some(after) = rest.strip_prefix("{}") {
                path.push(Step::Keys);
                rest = after;
            } else {
                let name = rest.strip_prefix('.').unwrap_or(rest);
                let end = name.find(['.', '[', '{']).unwrap_or(name.len());
                path.push(Step::Member(name[..end].to_owned()));
                rest = &name[end..];
            }
        }
        self.end(from, &path)?;
        Ok(path)
    }

    /// The shape a path ends at; an error if it leads nowhere.
    fn end(&self, from: u32, path: &[Step]) -> Result<u32> {
        let mut at = from;
        for step in path {
            let shape = &self.model.shapes[at as usize];
            at = match (step, shape.kind) {
                (Step::Element, _) => at,
                (Step::Member(name), Kind::Structure) => {
                    let index = shape.member_index(name);
                    let index = index.ok_or(format!("{} has no member {name}", shape.name))?;
                    shape.members[index].target
                }
                (Step::Each, Kind::List) => shape.members[0].target,
                (Step::Each, Kind::Map) => shape.members[1].target,
                (Step::Keys, Kind::Map) => shape.members[0].target,
                _ => return Err(format!("{} has no {step:?}", shape.name).into()),
            };
        }
        Ok(at)
    }
}
