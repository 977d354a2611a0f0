//! Functions of CloudFormation that decide, refer and fill in.

use crate::evaluate::Stack;
use crate::node::{Error, Key, Node, Position, Value};
use crate::yaml::DEPTH_MAX;
use crate::{functions, naming};

/// Names that an error lists.
const NAMES_MAX: usize = 10;
/// References may lead on through names of resources; a circle ends here.
const STEPS_MAX: usize = 2 * DEPTH_MAX;

impl Stack<'_> {
    /// A value with its functions carried out; `None` is `AWS::NoValue`.
    pub(crate) fn reduce(&self, node: &Node, depth: usize) -> Result<Option<Node>, Error> {
        if depth > STEPS_MAX {
            return Err(Error::new(node.at, "this refers to itself"));
        }
        let at = node.at;
        match &node.value {
            Value::Map(entries) => match entries.as_slice() {
                [(key, argument)] if is_function(&key.text, argument) => {
                    self.function(&key.text, at, argument, depth + 1)
                }
                _ => {
                    let mut reduced = Vec::with_capacity(entries.len());
                    for (key, value) in entries {
                        if let Some(value) = self.reduce(value, depth + 1)? {
                            reduced.push((Key { at: key.at, text: key.text.clone() }, value));
                        }
                    }
                    Ok(Some(Node { at, value: Value::Map(reduced) }))
                }
            },
            Value::List(items) => {
                let mut reduced = Vec::with_capacity(items.len());
                for item in items {
                    reduced.extend(self.reduce(item, depth + 1)?);
                }
                Ok(Some(Node { at, value: Value::List(reduced) }))
            }
            _ => Ok(Some(node.clone())),
        }
    }

    fn function(
        &self,
        name: &str,
        at: Position,
        argument: &Node,
        depth: usize,
    ) -> Result<Option<Node>, Error> {
        match name {
            "Ref" => {
                let target = argument.as_text();
                let target =
                    target.ok_or_else(|| Error::new(argument.at, "Ref takes a logical id"))?;
                self.refer(&target, argument.at, depth)
            }
            "Condition" => {
                let name = argument.as_text().unwrap_or_default();
                let truth = self.condition(&name, argument.at, depth)?;
                Ok(Some(Node { at, value: Value::Bool(truth) }))
            }
            "Fn::GetAtt" => self.get_att(argument, depth).map(Some),
            "Fn::If" => self.choose(argument, depth),
            "Fn::And" | "Fn::Or" | "Fn::Not" | "Fn::Equals" => {
                let truth = self.decide(name, at, argument, depth)?;
                Ok(Some(Node { at, value: Value::Bool(truth) }))
            }
            "Fn::Sub" => self.substitute(argument, depth).map(Some),
            "Fn::FindInMap" => self.find_in_map(argument, depth),
            _ => {
                let argument = self.reduce(argument, depth)?.unwrap_or(Node::null(argument.at));
                functions::call(self, name, at, &argument).map(Some)
            }
        }
    }

    fn get_att(&self, argument: &Node, depth: usize) -> Result<Node, Error> {
        let whole = self.reduce(argument, depth)?.unwrap_or(Node::null(argument.at));
        let pair = match (&whole.value, whole.items()) {
            (Value::Text(text), _) => {
                text.split_once('.').map(|(a, b)| (a.to_owned(), b.to_owned()))
            }
            (_, [id, attribute]) => id.as_text().zip(attribute.as_text()),
            _ => None,
        };
        let (id, attribute) = pair.ok_or_else(|| {
            Error::new(argument.at, "Fn::GetAtt takes a logical id and an attribute")
        })?;
        self.attribute(&id, &attribute, argument.at, depth)
    }

    fn choose(&self, argument: &Node, depth: usize) -> Result<Option<Node>, Error> {
        let [condition, yes, no] = argument.items() else {
            let message = "Fn::If takes the name of a condition and two values";
            return Err(Error::new(argument.at, message));
        };
        let name = condition.as_text().ok_or_else(|| {
            Error::new(condition.at, "Fn::If takes the name of a condition first")
        })?;
        let chosen = if self.condition(&name, condition.at, depth)? { yes } else { no };
        self.reduce(chosen, depth)
    }

    /// Whether a named condition holds.
    pub(crate) fn condition(&self, name: &str, at: Position, depth: usize) -> Result<bool, Error> {
        match self.conditions.borrow().get(name) {
            Some(Some(decided)) => return Ok(*decided),
            Some(None) => return Err(Error::new(at, format!("the condition {name} needs itself"))),
            None => {}
        }
        let declared = self.template.section("Conditions").iter().find(|(key, _)| key.text == name);
        let Some((_, declared)) = declared else {
            let known = self.template.section("Conditions").iter();
            let meant = naming::meant(name, known.map(|(key, _)| key.text.as_str()));
            let what = if meant.is_empty() { "; declare it under Conditions" } else { &meant };
            return Err(Error::new(at, format!("there is no condition {name}{what}")));
        };
        self.conditions.borrow_mut().insert(name.to_owned(), None);
        let reduced = self.reduce(declared, depth + 1)?;
        let truth = reduced.as_ref().and_then(Node::as_bool).ok_or_else(|| {
            Error::new(declared.at, format!("the condition {name} is neither true nor false"))
        })?;
        self.conditions.borrow_mut().insert(name.to_owned(), Some(truth));
        Ok(truth)
    }

    fn decide(
        &self,
        name: &str,
        at: Position,
        argument: &Node,
        depth: usize,
    ) -> Result<bool, Error> {
        let mut items = Vec::new();
        for item in argument.items() {
            items.push(self.reduce(item, depth)?.unwrap_or(Node::null(item.at)));
        }
        let truth = |node: &Node| {
            node.as_bool().ok_or_else(|| Error::new(node.at, format!("{name} takes conditions")))
        };
        match (name, items.as_slice()) {
            ("Fn::Equals", [left, right]) => Ok(same(left, right)),
            ("Fn::Not", [one]) => Ok(!truth(one)?),
            ("Fn::And", all) if (2..=10).contains(&all.len()) => {
                all.iter().try_fold(true, |sum, one| Ok(truth(one)? && sum))
            }
            ("Fn::Or", all) if (2..=10).contains(&all.len()) => {
                all.iter().try_fold(false, |sum, one| Ok(truth(one)? || sum))
            }
            _ => {
                let count = match name {
                    "Fn::Equals" => "two values",
                    "Fn::Not" => "one condition",
                    _ => "two to ten conditions",
                };
                Err(Error::new(at, format!("{name} takes a list of {count}")))
            }
        }
    }

    fn find_in_map(&self, argument: &Node, depth: usize) -> Result<Option<Node>, Error> {
        let wrong = || Error::new(argument.at, "Fn::FindInMap takes a map and two keys");
        let items = argument.items();
        let mut names = Vec::new();
        for item in items.get(..3).ok_or_else(wrong)? {
            let name = self.reduce(item, depth)?.and_then(|node| node.as_text());
            names.push(name.ok_or_else(wrong)?);
        }
        let path = [names[0].as_str(), names[1].as_str(), names[2].as_str()];
        let mappings = self.template.root.get("Mappings");
        let found = mappings.and_then(|mappings| mappings.find(&path));
        let default = items.get(3).and_then(|options| options.get("DefaultValue"));
        match found.or(default) {
            Some(found) => self.reduce(found, depth),
            None => {
                let known = |path: &[&str]| mappings.and_then(|mappings| mappings.find(path));
                let depth = (0..3).find(|end| known(&path[..=*end]).is_none()).unwrap_or(2);
                let around = known(&path[..depth]).map_or(&[][..], Node::entries);
                let names: Vec<&str> = around.iter().map(|(key, _)| key.text.as_str()).collect();
                let mut meant = naming::meant(path[depth], names.iter().copied());
                if meant.is_empty() && !names.is_empty() {
                    let some = names.get(..NAMES_MAX).unwrap_or(&names);
                    meant = format!("; there is {}", some.join(", "));
                }
                let message = format!("Mappings has no {}{meant}", path.join("."));
                Err(Error::new(argument.at, message))
            }
        }
    }

    fn substitute(&self, argument: &Node, depth: usize) -> Result<Node, Error> {
        let wrong =
            || Error::new(argument.at, "Fn::Sub takes a text, or a list of a text and a map");
        let (template, names) = match (&argument.value, argument.items()) {
            (Value::Text(_), _) => (argument, None),
            (_, [template, names]) => (template, Some(names)),
            _ => return Err(wrong()),
        };
        let text = template.as_text().ok_or_else(wrong)?;
        let mut out = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some(start) = rest.find("${") {
            out.push_str(&rest[..start]);
            let inner = &rest[start + 2..];
            let end = inner
                .find('}')
                .ok_or_else(|| Error::new(template.at, "Fn::Sub: a ${ without its }"))?;
            let name = &inner[..end];
            rest = &inner[end + 1..];
            // ${!name} stays, as ${name}.
            if let Some(literal) = name.strip_prefix('!') {
                out.push_str(&format!("${{{literal}}}"));
                continue;
            }
            let name = name.trim();
            let value = match names.and_then(|names| names.get(name)) {
                Some(given) => self.reduce(given, depth)?,
                None => match name.split_once('.') {
                    Some((id, attribute)) => {
                        Some(self.attribute(id, attribute, template.at, depth)?)
                    }
                    None => self.refer(name, template.at, depth)?,
                },
            };
            let value = value.and_then(|node| node.as_text()).ok_or_else(|| {
                Error::new(template.at, format!("Fn::Sub: ${{{name}}} is no text"))
            })?;
            out.push_str(&value);
        }
        out.push_str(rest);
        Ok(Node::text(template.at, out))
    }
}

/// `Condition` is also a key of policies, but then what it holds is a map.
fn is_function(name: &str, argument: &Node) -> bool {
    let condition = name == "Condition" && matches!(argument.value, Value::Text(_));
    name == "Ref" || condition || name.starts_with("Fn::")
}

/// CloudFormation compares texts: `1` and `"1"` are the same, `true` and `"true"` too.
fn same(left: &Node, right: &Node) -> bool {
    match (left.as_text(), right.as_text()) {
        (Some(left), Some(right)) => left == right,
        _ => left.to_json() == right.to_json(),
    }
}
