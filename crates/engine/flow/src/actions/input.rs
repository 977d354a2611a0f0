//! `GetParticipantInput`: takes keys from the caller.
//!
//! With `StoreInput` "False" it is a menu (block "Get customer input"): one key, compared with the
//! conditions. With "True" it keeps the keys as `$.StoredCustomerInput` (block "Store customer
//! input").
//!
//! ```json
//! {"Type": "GetParticipantInput",
//!  "Parameters": {"Text": "예약 번호를 누르고 우물 정자를 누르세요.", "StoreInput": "True",
//!    "InputTimeLimitSeconds": "5", "InputValidation": {"CustomValidation": {"MaximumLength": "6"}}}}
//! ```

use super::prompt::PromptTemplate;
use super::{Behavior, Outcome, Run, Spec, keys};
use crate::effect::Effect;
use crate::event::Event;
use crate::limits::{
    INPUT_DIGITS_MAX, INPUT_SECONDS_MAX, INTERDIGIT_SECONDS_DEFAULT, INTERDIGIT_SECONDS_MAX,
    PHONE_DIGITS_MAX, TERMINATOR_KEYS_MAX,
};
use crate::params::Params;
use crate::state::{State, Waiting};
use serde_json::{Map, Value, json};

pub(super) const SPEC: Spec =
    Spec { name: "GetParticipantInput", module_type: "GetUserInput", terminal: false, build };

/// What is stored when the caller keys nothing in. Source: "Store customer input" block.
const TIMED_OUT: &str = "Timeout";

struct Input {
    prompt: Option<PromptTemplate>,
    first_digit_timeout_ms: u64,
    keys: Keys,
    store: Option<Store>,
}

struct Keys {
    terminator: String,
    cancel_key: bool,
    interdigit_timeout_ms: u64,
}

struct Store {
    validation: Validation,
    encrypted: bool,
}

enum Validation {
    /// Any keys, up to a length.
    Custom { digits_max: u32 },
    /// A number of this country.
    Local { country: String },
    /// A number that begins with a calling code.
    International,
}

fn build(params: &mut Params<'_>) -> Option<Box<dyn Behavior>> {
    let prompt = PromptTemplate::read(params, false);
    params.require("InputTimeLimitSeconds");
    let seconds = params.integer("InputTimeLimitSeconds", 1..=INPUT_SECONDS_MAX);
    params.require("StoreInput");
    let store_input = params.boolean("StoreInput");
    let keys = params.object("DTMFConfiguration", read_keys).unwrap_or(Some(Keys::default()));
    let encrypted = params.object("InputEncryption", |encryption| {
        encryption.required_template("EncryptionKeyId");
        encryption.required_template("Key");
    });
    let validation = params.object("InputValidation", read_validation);
    let store = if store_input? {
        params.no_conditions();
        params.require_errors(&["NoMatchingError"]);
        params.allow_errors(&["NoMatchingError", "InvalidPhoneNumber"]);
        params.require("InputValidation");
        Some(Store { validation: validation??, encrypted: encrypted.is_some() })
    } else {
        check_menu(params);
        None
    };
    Some(Box::new(Input {
        prompt,
        first_digit_timeout_ms: seconds? as u64 * 1_000,
        keys: keys?,
        store,
    }))
}

fn check_menu(params: &mut Params<'_>) {
    let errors = ["NoMatchingCondition", "InputTimeLimitExceeded", "NoMatchingError"];
    params.require_errors(&errors);
    params.allow_errors(&errors);
    let is_key = |operand: &String| operand.len() == 1 && keys::keys(operand).count() == 1;
    let all_keys = params
        .conditions()
        .iter()
        .all(|condition| condition.operator == "Equals" && condition.operands.iter().all(is_key));
    if !all_keys {
        params.invalid_conditions("a menu compares with Equals and one key: 0 to 9, * or #");
    }
}

impl Default for Keys {
    fn default() -> Keys {
        Keys {
            terminator: "#".to_owned(),
            cancel_key: true,
            interdigit_timeout_ms: INTERDIGIT_SECONDS_DEFAULT as u64 * 1_000,
        }
    }
}

fn read_keys(params: &mut Params<'_>) -> Option<Keys> {
    let defaults = Keys::default();
    let terminator = params.text("InputTerminationSequence").unwrap_or(defaults.terminator);
    let keys = terminator.chars().count();
    if keys == 0 || keys > TERMINATOR_KEYS_MAX || keys::keys(&terminator).count() != keys {
        let detail = format!("is not 1 to {TERMINATOR_KEYS_MAX} keys");
        params.invalid("InputTerminationSequence", &detail);
    }
    let cancel_key = !params.boolean("DisableCancelKey").unwrap_or(false);
    let interdigit = params
        .integer("InterdigitTimeLimitSeconds", 1..=INTERDIGIT_SECONDS_MAX)
        .unwrap_or(INTERDIGIT_SECONDS_DEFAULT);
    Some(Keys { terminator, cancel_key, interdigit_timeout_ms: interdigit as u64 * 1_000 })
}

fn read_validation(params: &mut Params<'_>) -> Option<Validation> {
    let custom = params.object("CustomValidation", |custom| {
        custom.require("MaximumLength");
        let digits_max = custom.integer("MaximumLength", 1..=INPUT_DIGITS_MAX)?;
        Some(Validation::Custom { digits_max: digits_max as u32 })
    });
    let phone = params.object("PhoneNumberValidation", |phone| {
        phone.require("NumberFormat");
        match phone.choice("NumberFormat", &["Local", "E164"])? {
            "Local" => {
                phone.require("CountryCode");
                let country = phone.text("CountryCode")?;
                if crate::calling_codes::calling_code(&country).is_none() {
                    phone.invalid("CountryCode", &format!("is {country:?}, which is no country"));
                }
                Some(Validation::Local { country })
            }
            _ => {
                phone.has("CountryCode");
                Some(Validation::International)
            }
        }
    });
    match (custom, phone) {
        (Some(validation), None) | (None, Some(validation)) => validation,
        _ => {
            params.invalid_whole("one of CustomValidation and PhoneNumberValidation must be given");
            None
        }
    }
}

impl Behavior for Input {
    fn module_type(&self) -> Option<&'static str> {
        self.store.as_ref().map(|_| "StoreUserInput")
    }

    fn parameters(&self, state: &State) -> Map<String, Value> {
        let mut parameters = Map::new();
        if let Some(prompt) = &self.prompt {
            prompt.log(state, &mut parameters);
        }
        let timeout_s = self.first_digit_timeout_ms / 1_000;
        parameters.insert("Timeout".to_owned(), json!(timeout_s.to_string()));
        parameters.insert("MaxDigits".to_owned(), json!(self.digits_max().to_string()));
        parameters
    }

    fn enter(&self, run: &mut Run<'_>) -> Outcome {
        if !run.state.contact.is_voice() {
            return Outcome::failed("only a caller has keys");
        }
        if self.store.as_ref().is_some_and(|store| store.encrypted) {
            run.warn("encrypting the input is not supported yet; taking NoMatchingError");
            return Outcome::failed("InputEncryption is not supported yet");
        }
        if let Some(prompt) = &self.prompt
            && let Err(outcome) = prompt.speak(run)
        {
            return outcome;
        }
        run.state.lambda_chain_ms = 0;
        run.effects.push(Effect::CollectDigits {
            first_digit_timeout_ms: self.first_digit_timeout_ms,
            interdigit_timeout_ms: self.keys.interdigit_timeout_ms,
            digits_max: self.digits_max(),
            terminator: self.store.as_ref().map(|_| self.keys.terminator.clone()),
            cancel_key: self.store.is_some() && self.keys.cancel_key,
        });
        Outcome::Wait(Waiting::Digits)
    }

    fn resume(&self, run: &mut Run<'_>, event: Event) -> Outcome {
        let Some(store) = &self.store else { return menu(&event) };
        let Event::Digits { digits } = event else {
            run.state.stored_input = Some(TIMED_OUT.to_owned());
            return Outcome::Done;
        };
        let keys = &self.keys;
        let input = keys::stored(&digits, &keys.terminator, keys.cancel_key, self.digits_max());
        let input = match &store.validation {
            Validation::Custom { .. } => Some(input),
            Validation::Local { country } => keys::local_number(&input, country),
            Validation::International => keys::international_number(&input),
        };
        match input {
            Some(input) => {
                run.state.stored_input = Some(input);
                Outcome::Done
            }
            None => Outcome::error("InvalidPhoneNumber", "that is no telephone number"),
        }
    }
}

fn menu(event: &Event) -> Outcome {
    match event {
        Event::Digits { digits } => {
            Outcome::Result(keys::keys(digits).next().map(String::from).unwrap_or_default())
        }
        _ => Outcome::error("InputTimeLimitExceeded", "the caller keyed nothing in"),
    }
}

impl Input {
    fn digits_max(&self) -> u32 {
        match self.store.as_ref().map(|store| &store.validation) {
            None => 1,
            Some(Validation::Custom { digits_max }) => *digits_max,
            Some(Validation::Local { .. } | Validation::International) => PHONE_DIGITS_MAX,
        }
    }
}
