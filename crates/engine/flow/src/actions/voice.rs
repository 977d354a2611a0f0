//! `UpdateContactTextToSpeechVoice`: chooses who speaks (block "Set voice").
//!
//! ```json
//! {"Type": "UpdateContactTextToSpeechVoice",
//!  "Parameters": {"TextToSpeechVoice": "Seoyeon", "TextToSpeechEngine": "Neural"}}
//! ```

use super::{Behavior, Outcome, Run, Spec, voice_names};
use crate::params::Params;
use crate::state::State;
use crate::template::{Template, TooLong};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

pub(super) const SPEC: Spec = Spec {
    name: "UpdateContactTextToSpeechVoice",
    module_type: "SetVoice",
    terminal: false,
    build,
};

const ENGINES: [&str; 4] = ["Standard", "Neural", "Long-form", "Generative"];
const STYLES: [&str; 3] = ["None", "Conversational", "Newscaster"];

/// Who speaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voice {
    /// Name of a Polly voice.
    pub name: String,
    /// The language it speaks first; none if that is not known.
    pub language: Option<String>,
    /// `Standard`, `Neural`, `Long-form` or `Generative`; none if the flow named none.
    pub engine: Option<String>,
    /// `Conversational` or `Newscaster`; none for the plain style.
    pub style: Option<String>,
}

impl Default for Voice {
    /// Joanna, the voice of a contact that set none.
    fn default() -> Voice {
        Voice {
            name: "Joanna".to_owned(),
            language: Some("en-US".to_owned()),
            engine: None,
            style: None,
        }
    }
}

/// The language the Polly voice `name` speaks first: `ko-KR` for Seoyeon.
pub fn language_of_voice(name: &str) -> Option<&'static str> {
    voice_names::find(name).and_then(|(_, language)| language)
}

struct SetVoice {
    voice: Template,
    engine: Option<Template>,
    style: Option<Template>,
}

fn build(params: &mut Params<'_>) -> Option<Box<dyn Behavior>> {
    params.no_conditions();
    params.allow_errors(&["NoMatchingError"]);
    let voice = params.required_template("TextToSpeechVoice");
    let engine = params.template("TextToSpeechEngine");
    let style = params.template("TextToSpeechStyle");
    Some(Box::new(SetVoice { voice: voice?, engine, style }))
}

impl Behavior for SetVoice {
    fn parameters(&self, state: &State) -> Map<String, Value> {
        let voice = self.voice.render(state).unwrap_or_default();
        Map::from_iter([("GlobalVoice".to_owned(), json!(voice))])
    }

    fn enter(&self, run: &mut Run<'_>) -> Outcome {
        match self.voice(run.state) {
            Ok(voice) => {
                run.state.voice = voice;
                Outcome::Done
            }
            Err(outcome) => outcome,
        }
    }
}

impl SetVoice {
    fn voice(&self, state: &State) -> Result<Voice, Outcome> {
        let name = self.voice.render(state)?;
        let Some((name, language)) = voice_names::find(name.trim()) else {
            return Err(Outcome::failed(format!("there is no voice {name:?}")));
        };
        let engine = choose("engine", &render(&self.engine, state)?, &ENGINES)?;
        let style = choose("style", &render(&self.style, state)?, &STYLES)?;
        Ok(Voice {
            name: name.to_owned(),
            language: language.map(str::to_owned),
            engine,
            style: style.filter(|style| style != "None"),
        })
    }
}

fn render(template: &Option<Template>, state: &State) -> Result<String, TooLong> {
    template.as_ref().map_or(Ok(String::new()), |template| template.render(state))
}

fn choose(what: &str, text: &str, choices: &[&str]) -> Result<Option<String>, Outcome> {
    if text.is_empty() {
        return Ok(None);
    }
    match choices.iter().find(|choice| choice.eq_ignore_ascii_case(text)) {
        Some(choice) => Ok(Some((*choice).to_owned())),
        None => Err(Outcome::failed(format!("there is no {what} {text:?}"))),
    }
}
