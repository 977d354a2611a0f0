//! Text with references in it, read once when the flow is loaded.

use crate::limits::TEMPLATE_BYTES_MAX;
use crate::path::Path;
use crate::state::State;
use serde_json::{Map, Value};

/// Text with references.
#[derive(Debug, Clone, Default)]
pub(crate) struct Template {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone)]
enum Piece {
    Text(String),
    Path(Path),
}

/// The filled-in text would pass [`TEMPLATE_BYTES_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLong;

impl Template {
    /// Reads `text`. A `$` that starts no reference is itself.
    pub(crate) fn parse(text: &str) -> Template {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(dollar) = rest.find('$') {
            plain.push_str(&rest[..dollar]);
            rest = &rest[dollar..];
            match Path::prefix(rest) {
                Some((path, length)) => {
                    if !plain.is_empty() {
                        pieces.push(Piece::Text(std::mem::take(&mut plain)));
                    }
                    pieces.push(Piece::Path(path));
                    rest = &rest[length..];
                }
                None => {
                    plain.push('$');
                    rest = &rest[1..];
                }
            }
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Template { pieces }
    }

    /// Whether it holds a reference.
    pub(crate) fn is_dynamic(&self) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::Path(_)))
    }

    /// The text, references filled in; one that leads nowhere is empty.
    pub(crate) fn render(&self, state: &State) -> Result<String, TooLong> {
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(plain) => text.push_str(plain),
                Piece::Path(path) => state.append(path, &mut text),
            }
            if text.len() > TEMPLATE_BYTES_MAX {
                return Err(TooLong);
            }
        }
        Ok(text)
    }

    /// As [`Template::render`], but a template that is one reference keeps the referenced value's
    /// type: an object stays an object, and nothing is `null`.
    pub(crate) fn render_value(&self, state: &State) -> Result<Value, TooLong> {
        match &self.pieces[..] {
            [Piece::Path(path)] => Ok(state.value(path).unwrap_or(Value::Null)),
            _ => self.render(state).map(Value::String),
        }
    }
}

/// JSON whose strings are templates.
#[derive(Debug, Clone)]
pub(crate) enum JsonTemplate {
    /// A string.
    Text(Template),
    /// A list.
    List(Vec<JsonTemplate>),
    /// An object; keys are templates too.
    Object(Vec<(Template, JsonTemplate)>),
    /// A number, boolean or null.
    Plain(Value),
}

impl JsonTemplate {
    /// Reads `value`. Its depth was bounded when the flow was read.
    pub(crate) fn parse(value: &Value) -> JsonTemplate {
        match value {
            Value::String(text) => JsonTemplate::Text(Template::parse(text)),
            Value::Array(items) => {
                JsonTemplate::List(items.iter().map(JsonTemplate::parse).collect())
            }
            Value::Object(map) => JsonTemplate::Object(
                map.iter().map(|(k, v)| (Template::parse(k), JsonTemplate::parse(v))).collect(),
            ),
            plain => JsonTemplate::Plain(plain.clone()),
        }
    }

    /// The JSON with all references filled in; entries whose key is empty are left out.
    pub(crate) fn render(&self, state: &State) -> Result<Value, TooLong> {
        Ok(match self {
            JsonTemplate::Text(text) => text.render_value(state)?,
            JsonTemplate::Plain(value) => value.clone(),
            JsonTemplate::List(items) => {
                Value::Array(items.iter().map(|item| item.render(state)).collect::<Result<_, _>>()?)
            }
            JsonTemplate::Object(entries) => Value::Object(render_entries(entries, state)?),
        })
    }
}

/// The object of `entries`, references in keys and values filled in.
pub(crate) fn render_entries(
    entries: &[(Template, JsonTemplate)],
    state: &State,
) -> Result<Map<String, Value>, TooLong> {
    let mut map = Map::new();
    for (key, value) in entries {
        let key = key.render(state)?;
        if !key.is_empty() {
            map.insert(key, value.render(state)?);
        }
    }
    Ok(map)
}
