//! A template that was read: its sections, checked for their shape.

use crate::node::{Error, Node, Value};
use crate::yaml;

/// CloudFormation's limit of resources in one template.
const RESOURCES_MAX: usize = 500;

/// A template.
#[derive(Clone, Debug)]
pub struct Template {
    /// All of it, as it was written, with short forms made long.
    pub root: Node,
}

impl Template {
    /// Reads YAML or JSON.
    ///
    /// # Errors
    /// What is no YAML, and sections that have not the shape that CloudFormation asks for.
    pub fn parse(text: &str) -> Result<Template, Error> {
        let root = yaml::read(text)?;
        if !matches!(root.value, Value::Map(_)) {
            let kind = root.kind();
            return Err(Error::new(root.at, format!("a template is a map, and this is {kind}")));
        }
        let sections =
            ["Parameters", "Mappings", "Conditions", "Resources", "Outputs", "Globals", "Metadata"];
        for section in sections {
            if let Some(node) = root.get(section)
                && !matches!(node.value, Value::Map(_))
            {
                let empty = if node.is_null() { "; indent what belongs to it" } else { "" };
                let kind = node.kind();
                let message = format!("{section} must be a map, and this is {kind}{empty}");
                return Err(Error::new(node.at, message));
            }
        }
        let template = Template { root };
        if template.section("Resources").is_empty() {
            return Err(Error::new(template.root.at, "there are no Resources"));
        }
        template.check_resources()?;
        Ok(template)
    }

    fn check_resources(&self) -> Result<(), Error> {
        let resources = self.section("Resources");
        if let Some((key, _)) = resources.get(RESOURCES_MAX) {
            return Err(Error::new(key.at, format!("more than {RESOURCES_MAX} resources")));
        }
        for (key, resource) in resources {
            if !matches!(resource.value, Value::Map(_)) {
                let kind = resource.kind();
                let message =
                    format!("the resource {} must be a map, and this is {kind}", key.text);
                return Err(Error::new(resource.at, message));
            }
            if !key.text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                let message = format!("the name {:?} must be letters and digits", key.text);
                return Err(Error::new(key.at, message));
            }
            match resource.get("Type").map(|kind| &kind.value) {
                Some(Value::Text(_)) => {}
                _ => {
                    let message = format!("the resource {} needs a Type", key.text);
                    return Err(Error::new(key.at, message));
                }
            }
            if let Some(properties) = resource.get("Properties")
                && !matches!(properties.value, Value::Map(_) | Value::Null)
            {
                let message = format!("Properties of {} must be a map", key.text);
                return Err(Error::new(properties.at, message));
            }
        }
        Ok(())
    }

    /// The entries of a section; none where it is not there.
    pub fn section(&self, name: &str) -> &[(crate::Key, Node)] {
        self.root.get(name).map_or(&[], Node::entries)
    }

    /// A resource as it was written.
    pub fn resource(&self, id: &str) -> Option<&Node> {
        self.section("Resources").iter().find(|(key, _)| key.text == id).map(|(_, node)| node)
    }

    /// The type of a resource.
    pub fn kind(&self, id: &str) -> Option<String> {
        self.resource(id)?.get("Type")?.as_text()
    }

    /// Whether the SAM transform is asked for.
    pub fn is_sam(&self) -> bool {
        let sam =
            |node: &Node| node.as_text().is_some_and(|name| name == "AWS::Serverless-2016-10-31");
        self.root.get("Transform").is_some_and(|node| sam(node) || node.items().iter().any(sam))
    }
}
