//! A template with its inputs: parameters and conditions decided, functions carried out.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use crate::node::{Error, Node, Position};
use crate::template::Template;
use crate::{naming, parameters};

/// What a stack is made with.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// Values of parameters.
    pub parameters: BTreeMap<String, String>,
    /// Exports of other stacks, for `Fn::ImportValue`.
    pub imports: BTreeMap<String, String>,
    /// `AWS::Region`.
    pub region: String,
    /// `AWS::AccountId`.
    pub account: String,
    /// `AWS::Partition`.
    pub partition: String,
    /// `AWS::StackName`.
    pub stack: String,
    /// Goes before logical ids where they become names.
    pub prefix: String,
    /// Whether what only a deployed stack knows (imports, attributes) stands for itself by its name
    /// and is no error.
    pub lenient: bool,
}

impl Inputs {
    /// Without parameters, in a region of an account.
    pub fn new(region: &str, account: &str, stack: &str) -> Inputs {
        Inputs {
            parameters: BTreeMap::new(),
            imports: BTreeMap::new(),
            region: region.to_owned(),
            account: account.to_owned(),
            partition: "aws".into(),
            stack: stack.to_owned(),
            prefix: String::new(),
            lenient: false,
        }
    }
}

/// A resource whose condition holds.
#[derive(Clone, Debug)]
pub struct Resource {
    /// Its logical id.
    pub id: String,
    /// Its type.
    pub kind: String,
    /// Where it is declared.
    pub at: Position,
    /// `Metadata`, as it was written.
    pub metadata: Node,
}

/// A template that is being evaluated. Properties are evaluated when they are asked for, so that a
/// resource that nobody needs cannot be wrong.
#[derive(Debug)]
pub struct Stack<'a> {
    pub(crate) template: &'a Template,
    pub(crate) inputs: &'a Inputs,
    pub(crate) parameters: BTreeMap<String, Node>,
    /// What is decided; `None` while it is being decided.
    pub(crate) conditions: RefCell<BTreeMap<String, Option<bool>>>,
    /// What `Ref` (`Id`) and `Fn::GetAtt` (`Id.Attribute`) answer of what has been made meanwhile.
    pub(crate) known: RefCell<BTreeMap<String, String>>,
    /// What stands for itself by its name, because nobody knows it.
    pub(crate) guessed: RefCell<BTreeSet<String>>,
    /// The resources whose conditions hold.
    pub resources: Vec<Resource>,
}

impl Template {
    /// Decides parameters and conditions.
    ///
    /// # Errors
    /// Parameters that do not fit, conditions that cannot be decided.
    pub fn evaluate<'a>(&'a self, inputs: &'a Inputs) -> Result<Stack<'a>, Error> {
        let parameters = parameters::resolve(self, &inputs.parameters)?;
        let conditions = RefCell::default();
        let mut stack = Stack {
            template: self,
            inputs,
            parameters,
            conditions,
            known: RefCell::default(),
            guessed: RefCell::default(),
            resources: Vec::new(),
        };
        for (key, _) in self.section("Conditions") {
            stack.condition(&key.text, key.at, 0)?;
        }
        for (key, node) in self.section("Resources") {
            if let Some(condition) = node.get("Condition") {
                let name = condition.as_text().ok_or_else(|| {
                    Error::new(condition.at, "a resource's Condition is the name of one")
                })?;
                if !stack.condition(&name, condition.at, 0)? {
                    continue;
                }
            }
            let kind = node.get("Type").and_then(Node::as_text).unwrap_or_default();
            let metadata = node.get("Metadata").cloned().unwrap_or(Node::null(key.at));
            stack.resources.push(Resource { id: key.text.clone(), kind, at: key.at, metadata });
        }
        Ok(stack)
    }
}

impl Stack<'_> {
    /// From now on `Ref` (`Id`) or `Fn::GetAtt` (`Id.Attribute`) of something that has been made answers
    /// what it really is.
    pub fn know(&self, name: &str, value: &str) {
        self.known.borrow_mut().insert(name.to_owned(), value.to_owned());
    }

    /// What has been answered by its own name, because nobody knows it (`lenient`).
    pub fn guessed(&self) -> Vec<String> {
        self.guessed.borrow().iter().cloned().collect()
    }

    pub(crate) fn guess(&self, name: String) -> String {
        self.guessed.borrow_mut().insert(name.clone());
        name
    }

    /// The properties of a resource, evaluated.
    ///
    /// # Errors
    /// Functions that cannot be carried out.
    pub fn properties(&self, id: &str) -> Result<Node, Error> {
        let resource = self.template.resource(id);
        match resource.and_then(|resource| resource.get("Properties")) {
            Some(properties) => self.value(properties),
            None => Ok(Node::null(resource.map(|node| node.at).unwrap_or_default())),
        }
    }

    /// All outputs whose condition holds.
    ///
    /// # Errors
    /// Functions that cannot be carried out.
    pub fn outputs(&self) -> Result<Vec<(String, Node)>, Error> {
        let mut outputs = Vec::new();
        for (key, output) in self.template.section("Outputs") {
            if let Some(name) = output.get("Condition").and_then(Node::as_text)
                && !self.condition(&name, output.at, 0)?
            {
                continue;
            }
            let value = output.get("Value");
            let message = || Error::new(key.at, format!("the output {} needs a Value", key.text));
            outputs.push((key.text.clone(), self.value(value.ok_or_else(message)?)?));
        }
        Ok(outputs)
    }

    /// A value with its functions carried out; `AWS::NoValue` alone is nothing.
    ///
    /// # Errors
    /// Functions that cannot be carried out.
    pub fn value(&self, node: &Node) -> Result<Node, Error> {
        Ok(self.reduce(node, 0)?.unwrap_or(Node::null(node.at)))
    }

    /// What a logical id stands for: a parameter, a pseudo parameter or a resource.
    pub(crate) fn refer(
        &self,
        name: &str,
        at: Position,
        depth: usize,
    ) -> Result<Option<Node>, Error> {
        let Inputs { region, account, partition, stack, .. } = self.inputs;
        let text = match name {
            "AWS::NoValue" => return Ok(None),
            "AWS::Region" => region.clone(),
            "AWS::AccountId" => account.clone(),
            "AWS::Partition" => partition.clone(),
            "AWS::StackName" => stack.clone(),
            "AWS::URLSuffix" => "amazonaws.com".into(),
            "AWS::NotificationARNs" => {
                return Ok(Some(Node { at, value: crate::Value::List(Vec::new()) }));
            }
            "AWS::StackId" => {
                let id = "00000000-0000-0000-0000-000000000000";
                format!("arn:{partition}:cloudformation:{region}:{account}:stack/{stack}/{id}")
            }
            _ => {
                if let Some(value) = self.parameters.get(name) {
                    return Ok(Some(Node { at, value: value.value.clone() }));
                }
                if let Some(known) = self.known.borrow().get(name) {
                    return Ok(Some(Node::text(at, known)));
                }
                let (kind, physical) = self.physical(name, at, depth)?;
                naming::reference(&kind, &physical, self.inputs)
            }
        };
        Ok(Some(Node::text(at, text)))
    }

    /// An attribute of a resource.
    pub(crate) fn attribute(
        &self,
        name: &str,
        attribute: &str,
        at: Position,
        depth: usize,
    ) -> Result<Node, Error> {
        let whole = format!("{name}.{attribute}");
        if let Some(known) = self.known.borrow().get(&whole) {
            return Ok(Node::text(at, known));
        }
        let (kind, mut physical) = self.physical(name, at, depth)?;
        if kind == "AWS::Events::Rule"
            && let Some(bus) = self
                .template
                .resource(name)
                .and_then(|rule| rule.find(&["Properties", "EventBusName"]))
            && let Some(bus) = self.reduce(bus, depth + 1)?.and_then(|bus| bus.as_text())
        {
            physical = naming::on_bus(&bus, &physical);
        }
        match naming::attribute(&kind, &physical, attribute, self.inputs) {
            Some(text) => Ok(Node::text(at, text)),
            None if self.inputs.lenient => Ok(Node::text(at, self.guess(whole))),
            None => {
                let meant = naming::meant(attribute, naming::attributes(&kind));
                Err(Error::new(at, format!("what {whole} is, is not known ({kind}){meant}")))
            }
        }
    }

    /// Type and name of a resource.
    pub(crate) fn physical(
        &self,
        id: &str,
        at: Position,
        depth: usize,
    ) -> Result<(String, String), Error> {
        let Some(kind) = self.template.kind(id) else {
            return match self.generated(id) {
                Some(kind) => Ok((kind.into(), format!("{}{id}", self.inputs.prefix))),
                None => {
                    let known = ["Parameters", "Resources"];
                    let known = known.iter().flat_map(|section| self.template.section(section));
                    let known = known.map(|(key, _)| key.text.as_str());
                    let meant = naming::meant(id, known.chain(naming::PSEUDO.iter().copied()));
                    let what = if meant.is_empty() {
                        "; declare it under Parameters or Resources"
                    } else {
                        &meant
                    };
                    let message = format!("there is no parameter and no resource {id}{what}");
                    Err(Error::new(at, message))
                }
            };
        };
        let given = naming::property(&kind)
            .and_then(|property| self.template.resource(id)?.find(&["Properties", property]));
        let given = given.map(|node| self.reduce(node, depth + 1)).transpose()?.flatten();
        let properties = self.template.resource(id).and_then(|found| found.get("Properties"));
        let generated = || naming::generated(&kind, id, properties, self.inputs);
        let name = given.and_then(|node| node.as_text()).unwrap_or_else(generated);
        Ok((kind, name))
    }

    /// The type of a resource that SAM generates.
    fn generated(&self, id: &str) -> Option<&'static str> {
        let of = |suffix: &str, kinds: &[&str]| {
            let kind = id.strip_suffix(suffix).and_then(|owner| self.template.kind(owner));
            kind.is_some_and(|kind| kinds.contains(&kind.as_str()))
        };
        let functions = ["AWS::Serverless::Function", "AWS::Serverless::StateMachine"];
        match id {
            _ if !self.template.is_sam() => None,
            "ServerlessRestApi" => Some("AWS::ApiGateway::RestApi"),
            "ServerlessHttpApi" => Some("AWS::ApiGatewayV2::Api"),
            "ServerlessRestApiProdStage" => Some("AWS::ApiGateway::Stage"),
            _ if of("Role", &functions) => Some("AWS::IAM::Role"),
            _ if of(".Version", &functions) || of("Version", &functions) => {
                Some("AWS::Lambda::Version")
            }
            _ if of(".Alias", &functions) => Some("AWS::Lambda::Alias"),
            _ if of(".Stage", &["AWS::Serverless::Api", "AWS::Serverless::HttpApi"]) => {
                Some("AWS::ApiGateway::Stage")
            }
            _ => None,
        }
    }
}
