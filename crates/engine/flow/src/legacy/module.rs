//! One module of the legacy format, as written.

use super::namespace;
use crate::document::RawCondition;
use crate::lenient;
use serde_json::Value;

/// A module.
pub(super) struct Module {
    /// Where it stands: `modules[3]`.
    pub(super) path: String,
    pub(super) id: String,
    pub(super) kind: String,
    /// What a `GetUserInput`, `Transfer` or `InvokeExternalResource` works with.
    pub(super) target: String,
    pub(super) parameters: Vec<Parameter>,
    pub(super) branches: Vec<Branch>,
}

/// A parameter. The same name may come several times.
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) key: String,
    /// Its value in the current format: a reference if it had a namespace.
    pub(super) value: Result<String, String>,
    /// Its value as written.
    pub(super) plain: String,
}

/// A way out.
pub(super) struct Branch {
    pub(super) condition: String,
    pub(super) comparison: String,
    pub(super) value: String,
    pub(super) next: String,
}

impl Module {
    /// Reads a module, or says what is wrong with it.
    pub(super) fn read(path: String, item: &Value) -> Result<Module, String> {
        let text = |key: &str| {
            item.get(key).and_then(Value::as_str).filter(|t| !t.is_empty()).map(str::to_owned)
        };
        let list = |key: &str| match item.get(key) {
            None | Some(Value::Null) => Ok(&[][..]),
            Some(Value::Array(items)) => Ok(&items[..]),
            Some(_) => Err(format!("{key} of {path} is not a list")),
        };
        let parameters = list("parameters")?.iter().map(parameter).collect::<Result<_, _>>()?;
        let branches = list("branches")?.iter().map(branch).collect::<Result<_, _>>()?;
        Ok(Module {
            id: text("id").ok_or_else(|| format!("{path} has no id"))?,
            kind: text("type").ok_or_else(|| format!("{path} has no type"))?,
            target: text("target").unwrap_or_default(),
            parameters,
            branches,
            path,
        })
    }

    /// The first parameter called `name`, in the current format.
    pub(super) fn value(&self, name: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|parameter| parameter.name == name)
    }

    /// The first parameter called `name`, as written.
    pub(super) fn plain(&self, name: &str) -> Option<&str> {
        self.value(name).map(|parameter| parameter.plain.as_str())
    }

    /// Where the branch called `condition` goes.
    pub(super) fn next(&self, condition: &str) -> Option<String> {
        let branch = self.branches.iter().find(|branch| branch.condition == condition)?;
        Some(branch.next.clone())
    }

    /// The branches that compare, as conditions.
    pub(super) fn comparisons(&self) -> Vec<RawCondition> {
        let compares = |branch: &&Branch| branch.condition == "Evaluate";
        self.branches
            .iter()
            .filter(compares)
            .map(|branch| RawCondition {
                operator: operator(&branch.comparison),
                operands: vec![branch.value.clone()],
                next: branch.next.clone(),
            })
            .collect()
    }
}

/// The operator of the current format; a name that is not known is kept, and reported later.
fn operator(comparison: &str) -> String {
    match comparison {
        "Equals" | "" => "Equals",
        "StartsWith" => "TextStartsWith",
        "EndsWith" => "TextEndsWith",
        "Contains" => "TextContains",
        "GT" | "GreaterThan" => "NumberGreaterThan",
        "GTE" | "GreaterThanOrEqualTo" => "NumberGreaterOrEqualTo",
        "LT" | "LessThan" => "NumberLessThan",
        "LTE" | "LessThanOrEqualTo" => "NumberLessOrEqualTo",
        other => other,
    }
    .to_owned()
}

fn parameter(item: &Value) -> Result<Parameter, String> {
    let name = item.get("name").and_then(Value::as_str).ok_or("a parameter has no name")?;
    let plain = match item.get("value") {
        None | Some(Value::Null) => String::new(),
        Some(value) => {
            lenient::text(value).ok_or_else(|| format!("the parameter {name:?} is not plain"))?
        }
    };
    let space = item.get("namespace").and_then(Value::as_str).unwrap_or_default();
    let key = item.get("key").and_then(Value::as_str).unwrap_or_default();
    Ok(Parameter {
        name: name.to_owned(),
        key: key.to_owned(),
        value: namespace::reference(space, &plain),
        plain,
    })
}

fn branch(item: &Value) -> Result<Branch, String> {
    let text = |key: &str| match item.get(key) {
        None | Some(Value::Null) => Ok(String::new()),
        Some(value) => lenient::text(value).ok_or_else(|| format!("a branch's {key} is not plain")),
    };
    let next = text("transition")?;
    let condition = text("condition")?;
    if next.is_empty() || condition.is_empty() {
        return Err("a branch has no condition or no transition".to_owned());
    }
    Ok(Branch {
        condition,
        comparison: text("conditionType")?,
        value: text("conditionValue")?,
        next,
    })
}
