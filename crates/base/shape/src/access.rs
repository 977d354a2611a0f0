//! What an operation asks of the policies of its caller: actions, resources and condition keys, as
//! data. `xtask codegen` makes it from `models/access/SERVICE.toml`; the kernel asks for it at each
//! call.

use serde::{Deserialize, Serialize};

use crate::{List, Struct, TimeFormat, View};

/// One permission that an operation needs, for each resource it names.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct AccessRule {
    /// `dynamodb:GetItem`.
    pub action: String,
    /// Which resources.
    pub on: ResourceRule,
    /// A list of structures: the rule holds for each of them, and paths that begin with
    /// [`Step::Element`] start there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub each: Option<Path>,
    /// The rule holds only where this is present.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Path>,
    /// The rule holds only where this is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unless: Option<Path>,
    /// Condition keys and where their values are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<KeyRule>,
    /// Tags in the request: a map, or a list of structures with `Key` and `Value`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Path>,
    /// Tag keys in the request: a list of strings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag_keys: Option<Path>,
    /// A service that calls for itself needs the resource's own policy to allow it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub guarded: bool,
    /// The service itself says what it needs, from the text of the request.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub computed: bool,
}

/// The resources a rule is about.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct ResourceRule {
    /// `table`, for the service to resolve; empty for `*` and whole ARNs.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// `arn:aws:dynamodb:{region}:{account}:table/{}`; each `{}` is the next argument. A first
    /// argument that is itself an ARN stands for all up to its place.
    pub template: String,
    /// Where the arguments are. A path to several values makes as many resources.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<Path>,
    /// What it is when an argument is absent; without it the rule does not hold then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<String>,
    /// The service knows better than the template ([`ResourceRule::kind`], arguments).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub resolve: bool,
}

/// A condition key of one request.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeyRule {
    /// `s3:prefix`.
    pub key: String,
    /// Where its values are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub path: Path,
    /// A value that is always the same, instead of a path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub literal: Option<String>,
}

/// From an input to values in it.
pub type Path = Vec<Step>;

/// One step of a [`Path`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// From the element of [`AccessRule::each`] rather than from the input.
    #[serde(rename = ".")]
    Element,
    /// Into a member.
    #[serde(rename = "m")]
    Member(String),
    /// To all elements of a list, or values of a map.
    #[serde(rename = "[]")]
    Each,
    /// To the keys of a map.
    #[serde(rename = "{}")]
    Keys,
}

/// Calls `found` with every value that `path` leads to from `from`.
pub fn walk(from: View<'_>, path: &[Step], found: &mut dyn FnMut(View<'_>)) {
    let Some((step, rest)) = path.split_first() else {
        if !matches!(from, View::Absent) {
            found(from);
        }
        return;
    };
    match (step, from) {
        (Step::Element, from) => walk(from, rest, found),
        (Step::Member(name), View::Struct(value)) => {
            if let Some(index) = value.shape().member_index(name) {
                walk(value.field(index), rest, found);
            }
        }
        (Step::Each, View::List(list)) => {
            (0..list.len()).for_each(|index| walk(list.get(index), rest, found));
        }
        (Step::Each, View::Map(map)) => map.visit(&mut |_, value| walk(value, rest, found)),
        (Step::Keys, View::Map(map)) => map.visit(&mut |key, _| found(View::Str(key))),
        _ => {}
    }
}

/// The scalars that `path` leads to, as policies compare them.
pub fn texts(from: View<'_>, path: &[Step]) -> Vec<String> {
    let mut texts = Vec::new();
    walk(from, path, &mut |view| match view {
        View::Str(text) => texts.push(text.to_owned()),
        View::Bool(value) => texts.push(value.to_string()),
        View::Int(value) => texts.push(value.to_string()),
        View::Double(value) => texts.push(value.to_string()),
        View::Time(value) => texts.push(value.format(TimeFormat::Iso8601)),
        View::List(list) => texts.extend(strings(list)),
        _ => {}
    });
    texts
}

fn strings(list: &dyn List) -> impl Iterator<Item = String> + '_ {
    (0..list.len()).filter_map(|index| match list.get(index) {
        View::Str(text) => Some(text.to_owned()),
        _ => None,
    })
}

/// Tags in a request: of a map, or of a list of structures with a key and a value.
pub fn tags(input: &dyn Struct, path: &[Step]) -> Vec<(String, String)> {
    let mut tags = Vec::new();
    let text = |view: View<'_>| match view {
        View::Str(text) => text.to_owned(),
        _ => String::new(),
    };
    walk(View::Struct(input), path, &mut |view| match view {
        View::Map(map) => map.visit(&mut |key, value| tags.push((key.to_owned(), text(value)))),
        View::List(list) => {
            for index in 0..list.len() {
                let View::Struct(tag) = list.get(index) else { continue };
                let member = |names: [&str; 2]| {
                    let index = names.iter().find_map(|name| tag.shape().member_index(name));
                    index.map(|index| text(tag.field(index))).unwrap_or_default()
                };
                tags.push((member(["Key", "TagKey"]), member(["Value", "TagValue"])));
            }
        }
        _ => {}
    });
    tags
}
