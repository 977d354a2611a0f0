//! The order in which resources can be made: each after those that it refers to.

use std::collections::BTreeSet;

use crate::evaluate::{Resource, Stack};
use crate::node::{Error, Node, Position, Value};

impl Stack<'_> {
    /// The name that a resource has: the template's, else its logical id behind the prefix, in the form
    /// that its type asks for.
    ///
    /// # Errors
    /// Ids of nothing, and functions that cannot be carried out.
    pub fn name(&self, id: &str) -> Result<String, Error> {
        Ok(self.physical(id, Position::default(), 0)?.1)
    }

    /// All resources, each after those that it refers to or depends on, otherwise in the order of the
    /// text. Of a circle, the first goes first.
    pub fn ordered(&self) -> Vec<&Resource> {
        let ids: BTreeSet<&str> = self.resources.iter().map(|one| one.id.as_str()).collect();
        let mut left: Vec<(&Resource, BTreeSet<String>)> = self
            .resources
            .iter()
            .map(|resource| (resource, self.needs(&resource.id, &ids)))
            .collect();
        let (mut made, mut ordered) = (BTreeSet::new(), Vec::new());
        while !left.is_empty() {
            let ready = left.iter().position(|(_, needs)| needs.is_subset(&made));
            let (next, _) = left.remove(ready.unwrap_or(0));
            made.insert(next.id.clone());
            ordered.push(next);
        }
        ordered
    }

    /// The ids among `ids` that a resource needs before it.
    fn needs(&self, id: &str, ids: &BTreeSet<&str>) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let resource = self.template.resource(id);
        if let Some(properties) = resource.and_then(|resource| resource.get("Properties")) {
            named(properties, &mut found);
        }
        if let Some(depends) = resource.and_then(|resource| resource.get("DependsOn")) {
            found.extend(depends.as_text());
            found.extend(depends.items().iter().filter_map(Node::as_text));
        }
        found.retain(|other| other != id && ids.contains(other.as_str()));
        found
    }
}

/// Ids in `Ref`, `Fn::GetAtt` and `Fn::Sub`. The depth of a template is bounded where it is read.
fn named(node: &Node, found: &mut BTreeSet<String>) {
    if let Value::List(items) = &node.value {
        items.iter().for_each(|item| named(item, found));
        return;
    }
    for (key, value) in node.entries() {
        match key.text.as_str() {
            "Ref" => found.extend(value.as_text()),
            "Fn::GetAtt" => {
                let whole = value.as_text().or_else(|| value.items().first()?.as_text());
                found.extend(whole.and_then(|text| text.split('.').next().map(str::to_owned)));
            }
            "Fn::Sub" => {
                let text = value.as_text().or_else(|| value.items().first()?.as_text());
                for part in text.unwrap_or_default().split("${").skip(1) {
                    let name = part.split(['.', '}']).next().unwrap_or_default();
                    found.insert(name.trim().to_owned());
                }
                value.items().iter().skip(1).for_each(|names| named(names, found));
            }
            _ => named(value, found),
        }
    }
}
