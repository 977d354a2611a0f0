//! What an action says: one of `Text`, `SSML`, `PromptId` and `Media`.

use super::{Outcome, Run};
use crate::effect::{Effect, Prompt, PromptKind};
use crate::limits::PROMPT_CHARS_MAX;
use crate::params::Params;
use crate::state::State;
use crate::template::Template;
use serde_json::{Map, Value, json};

/// A prompt with references.
pub(super) struct PromptTemplate {
    kind: PromptKind,
    content: Template,
}

impl PromptTemplate {
    /// Reads the prompt; at most one of the four may be given, and one must be if `required`.
    pub(super) fn read(params: &mut Params<'_>, required: bool) -> Option<PromptTemplate> {
        let given = [
            (PromptKind::Text, params.template("Text")),
            (PromptKind::Ssml, params.template("SSML")),
            (PromptKind::PromptId, params.template("PromptId")),
            (PromptKind::Media, media(params)),
        ];
        let mut given = given
            .into_iter()
            .filter_map(|(kind, content)| content.map(|content| PromptTemplate { kind, content }));
        let first = given.next();
        if given.next().is_some() {
            params.invalid_whole("more than one of Text, SSML, PromptId and Media is given");
        }
        if required && first.is_none() {
            params.invalid_whole("one of Text, SSML, PromptId and Media must be given");
        }
        first
    }

    /// Says it. Fails if it is too long, or if all of it came from references that were empty.
    pub(super) fn speak(&self, run: &mut Run<'_>) -> Result<(), Outcome> {
        let content = self.content.render(run.state)?;
        if self.content.is_dynamic() && content.trim().is_empty() {
            return Err(Outcome::failed("the prompt is empty"));
        }
        if content.chars().count() > PROMPT_CHARS_MAX {
            let message = format!("the prompt has more than {PROMPT_CHARS_MAX} characters");
            return Err(Outcome::failed(message));
        }
        run.state.lambda_chain_ms = 0;
        let prompt = Prompt { kind: self.kind, content };
        run.effects.push(Effect::Speak { prompt, voice: run.state.voice.clone() });
        Ok(())
    }

    /// Adds itself to the log's parameters.
    pub(super) fn log(&self, state: &State, parameters: &mut Map<String, Value>) {
        let name = match self.kind {
            PromptKind::Text | PromptKind::Ssml => "Text",
            PromptKind::PromptId | PromptKind::Media => "Prompt",
        };
        if let Ok(content) = self.content.render(state) {
            parameters.insert(name.to_owned(), Value::String(content));
        }
        let speech = match self.kind {
            PromptKind::Text => "text",
            PromptKind::Ssml => "ssml",
            PromptKind::PromptId | PromptKind::Media => return,
        };
        parameters.insert("TextToSpeechType".to_owned(), json!(speech));
        parameters.insert("Voice".to_owned(), json!(state.voice.name));
    }
}

fn media(params: &mut Params<'_>) -> Option<Template> {
    params
        .object("Media", |media| {
            let uri = media.required_template("Uri");
            media.require("SourceType");
            media.choice("SourceType", &["S3"]);
            media.require("MediaType");
            media.choice("MediaType", &["Audio"]);
            uri
        })
        .flatten()
}
