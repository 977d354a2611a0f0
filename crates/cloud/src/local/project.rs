//! A project on disk: its template, those within it, and where each function's code lies.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use template::sam::{self, Api, Function, Layer, Model};
use template::{Inputs, Template};

use crate::Failure;
use crate::local::args::Common;

/// Where `gureum build` and `sam build` put what they make.
pub const BUILT: &str = ".aws-sam/build";
/// Names that a template is looked for under.
pub const NAMES: [&str; 3] = ["template.yaml", "template.yml", "template.json"];
/// Applications within applications.
const NESTED_MAX: usize = 8;
/// The account of functions that run here.
pub const ACCOUNT: &str = "000000000000";

/// A function and the folder that its paths start from.
#[derive(Debug, Clone)]
pub struct Placed {
    /// With the ids of the applications around it: `Inner/Function`.
    pub path: String,
    /// As the template says.
    pub function: Function,
    /// The template's folder.
    pub base: PathBuf,
    /// The layers of its template.
    pub layers: Vec<Layer>,
}

/// A project.
#[derive(Debug)]
pub struct Project {
    /// The template's file.
    pub file: PathBuf,
    /// All templates, also of nested applications.
    pub files: Vec<PathBuf>,
    /// Whether the template is what a build has made.
    pub built: bool,
    /// All functions, also of nested applications.
    pub functions: Vec<Placed>,
    /// The APIs. Their routes name functions by `Placed::path`.
    pub apis: Vec<Api>,
}

/// The template that is meant.
pub fn find(given: Option<&Path>, build_first: bool) -> Result<PathBuf, Failure> {
    if let Some(given) = given {
        return Ok(given.to_owned());
    }
    let built = NAMES.iter().map(|name| Path::new(BUILT).join(name)).filter(|_| build_first);
    let mut all = built.chain(NAMES.iter().map(PathBuf::from));
    all.find(|file| file.is_file()).ok_or_else(|| {
        Failure(
            "there is no template.yaml, template.yml or template.json here; name one with -t"
                .into(),
        )
    })
}

/// Reads a template's file; errors name the file, the line and the column.
pub fn read(file: &Path) -> Result<Template, Failure> {
    let text = fs::read_to_string(file).map_err(|e| Failure::of(file.display(), e))?;
    Template::parse(&text).map_err(|e| Failure::of(file.display(), e))
}

/// The inputs that the command line gives.
pub fn inputs(overrides: &[String], region: &str) -> Result<Inputs, Failure> {
    let mut inputs = Inputs::new(region, ACCOUNT, "local");
    inputs.parameters = parameters(overrides)?;
    // What only a deployed stack knows must not keep its functions from running.
    inputs.lenient = true;
    Ok(inputs)
}

impl Project {
    /// Reads the project that is meant.
    pub fn open(common: &Common, region: &str) -> Result<Project, Failure> {
        let file = find(common.template.as_deref(), true)?;
        let built = file.parent().is_some_and(|folder| folder.ends_with(BUILT));
        let inputs = inputs(&common.parameter_overrides, region)?;
        let mut project = Project {
            file: file.clone(),
            files: Vec::new(),
            built,
            functions: Vec::new(),
            apis: Vec::new(),
        };
        project.add(&file, "", &inputs, 0)?;
        if project.functions.is_empty() {
            return Err(Failure::of(file.display(), "there are no functions in it"));
        }
        Ok(project)
    }

    fn add(
        &mut self,
        file: &Path,
        within: &str,
        inputs: &Inputs,
        depth: usize,
    ) -> Result<(), Failure> {
        if depth > NESTED_MAX {
            let why = format!("more than {NESTED_MAX} applications within each other");
            return Err(Failure::of(file.display(), why));
        }
        self.files.push(file.to_owned());
        let template = read(file)?;
        let at = |error: template::Error| Failure::of(file.display(), error);
        let model = sam::model(&template.evaluate(inputs).map_err(at)?).map_err(at)?;
        let Model { functions, layers, apis, applications } = model;
        let base = file.parent().unwrap_or(Path::new("")).to_owned();
        for function in functions {
            let (path, layers) = (format!("{within}{}", function.id), layers.clone());
            self.functions.push(Placed { path, function, base: base.clone(), layers });
        }
        for mut api in apis {
            for route in &mut api.routes {
                route.function = format!("{within}{}", route.function);
            }
            self.apis.push(api);
        }
        for application in applications {
            let mut inner = inputs.clone();
            inner.parameters = application.parameters;
            let file = base.join(&application.location);
            self.add(&file, &format!("{within}{}/", application.id), &inner, depth + 1)?;
        }
        Ok(())
    }

    /// The function that a name, a logical id or an ARN means; the only one where none is given.
    pub fn function(&self, named: Option<&str>) -> Result<&Placed, Failure> {
        let Some(named) = named else {
            return match self.functions.as_slice() {
                [only] => Ok(only),
                all => Err(Failure(format!("which function? There are {}", names(all)))),
            };
        };
        let bare = named.rsplit(":function:").next().unwrap_or(named);
        let bare = bare.split(':').next().unwrap_or(bare);
        let found = self.functions.iter().find(|placed| {
            placed.path == named || placed.function.id == bare || placed.function.name == bare
        });
        found.ok_or_else(|| {
            Failure(format!(
                "the template has no function {named}; there are {}",
                names(&self.functions)
            ))
        })
    }
}

fn names(all: &[Placed]) -> String {
    all.iter().map(|placed| placed.path.as_str()).collect::<Vec<_>>().join(", ")
}

/// `A=B`, and the longer form of the AWS CLI; a text may hold several.
fn parameters(overrides: &[String]) -> Result<BTreeMap<String, String>, Failure> {
    let mut found = BTreeMap::new();
    for word in overrides.iter().flat_map(|text| words(text)) {
        let wrong = || Failure(format!("--parameter-overrides: {word:?} is not NAME=VALUE"));
        let (name, value) = match word.strip_prefix("ParameterKey=") {
            Some(rest) => rest.split_once(",ParameterValue=").ok_or_else(wrong)?,
            None => word.split_once('=').ok_or_else(wrong)?,
        };
        found.insert(name.to_owned(), value.to_owned());
    }
    Ok(found)
}

/// Words of a text; quotes keep spaces together.
pub fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    for letter in text.chars() {
        match (letter, quote) {
            (letter, Some(open)) if letter == open => quote = None,
            ('"' | '\'', None) => quote = Some(letter),
            (letter, None) if letter.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            (letter, _) => word.push(letter),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// Values for variables from `--env-vars`.
#[derive(Debug, Default)]
pub struct Overrides(Value);

impl Overrides {
    /// Reads the file.
    pub fn read(file: Option<&Path>) -> Result<Overrides, Failure> {
        let Some(file) = file else { return Ok(Overrides::default()) };
        let text = fs::read_to_string(file).map_err(|e| Failure::of(file.display(), e))?;
        let value: Value =
            serde_json::from_str(&text).map_err(|e| Failure::of(file.display(), e))?;
        match value.as_object().is_some_and(|all| all.values().all(Value::is_object)) {
            true => Ok(Overrides(value)),
            false => {
                Err(Failure::of(file.display(), "it must be {\"Function\": {\"NAME\": \"value\"}}"))
            }
        }
    }

    /// A function's variables: what the template declares, with this shell's values of the same
    /// names, and above all the file's.
    pub fn apply(&self, placed: &Placed) -> BTreeMap<String, String> {
        let mut variables = placed.function.variables.clone();
        let own = [&placed.path, &placed.function.id, &placed.function.name];
        let own = own.iter().map(|name| &self.0[name.as_str()]);
        let given: Vec<&Value> = own.chain([&self.0["Parameters"]]).collect();
        for (name, value) in &mut variables {
            let text = |value: &Value| match value {
                Value::String(text) => Some(text.clone()),
                Value::Null => None,
                other => Some(other.to_string()),
            };
            let file = given.iter().find_map(|given| text(&given[name.as_str()]));
            if let Some(better) = file.or_else(|| env::var(name).ok()) {
                *value = better;
            }
        }
        variables
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameter_overrides() {
        let check = |texts: &[&str], expected: &[(&str, &str)]| {
            let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
            let found = parameters(&texts).expect("sound");
            let found: Vec<_> = found.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
            assert_eq!(found, expected, "{texts:?}");
        };
        check(&["A=1 B='x y'", "C=a=b"], &[("A", "1"), ("B", "x y"), ("C", "a=b")]);
        check(
            &["ParameterKey=A,ParameterValue=1 ParameterKey=B,ParameterValue=2"],
            &[("A", "1"), ("B", "2")],
        );
        assert!(parameters(&["A".to_owned()]).is_err());
    }
}
