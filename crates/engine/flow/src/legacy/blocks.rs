//! What each block of the legacy format is in the current one.

use super::module::{Module, Parameter};
use crate::document::{RawAction, RawCondition, Report};
use serde_json::{Map, Value, json};

/// Translates `module`. A block that is not known keeps its type, and is reported later.
pub(super) fn translate(module: &Module, report: &mut Report) -> RawAction {
    let mut block = Block {
        report,
        action: RawAction {
            path: module.path.clone(),
            identifier: module.id.clone(),
            ..RawAction::default()
        },
        module,
    };
    block.transitions();
    let action_type = block.parameters();
    block.action.action_type = action_type.to_owned();
    block.action
}

struct Block<'a> {
    module: &'a Module,
    report: &'a mut Report,
    action: RawAction,
}

impl Block<'_> {
    /// Success goes on, errors branch; blocks without a success branch go where their last
    /// resort goes, as the console writes them today.
    fn transitions(&mut self) {
        let module = self.module;
        let errors = [
            ("NoMatch", "NoMatchingCondition"),
            ("Error", "NoMatchingError"),
            ("AtCapacity", "QueueAtCapacity"),
            ("InvalidNumber", "InvalidPhoneNumber"),
            ("NotDialable", "CallbackNumberNotDialable"),
        ];
        for (condition, error) in errors {
            if let Some(next) = module.next(condition) {
                self.action.errors.push((error.to_owned(), next));
            }
        }
        let timeout = module.next("Timeout");
        if let Some(next) = timeout.as_ref().filter(|_| module.kind == "GetUserInput") {
            self.action.errors.push(("InputTimeLimitExceeded".to_owned(), next.clone()));
        }
        let results = [
            ("True", "True"),
            ("False", "False"),
            ("Looping", "ContinueLooping"),
            ("Complete", "DoneLooping"),
            ("CustomerReturn", "CustomerReturned"),
            ("Timeout", "WaitCompleted"),
        ];
        for (condition, result) in results {
            if condition == "Timeout" && module.kind != "Wait" {
                continue;
            }
            if let Some(next) = module.next(condition) {
                self.action.conditions.push(RawCondition {
                    operator: "Equals".to_owned(),
                    operands: vec![result.to_owned()],
                    next,
                });
            }
        }
        self.action.conditions.extend(module.comparisons());
        let last_resort = ["Success", "NoMatch", "Complete", "Error", "False", "Timeout"];
        self.action.next = last_resort.iter().find_map(|condition| module.next(condition));
    }

    /// Sets the parameters and says which type the block is.
    fn parameters(&mut self) -> &str {
        let module = self.module;
        match (module.kind.as_str(), module.target.as_str()) {
            ("PlayPrompt", _) => self.prompt("MessageParticipant"),
            ("GetUserInput", "Lex") => self.prompt("ConnectParticipantWithLexBot"),
            ("GetUserInput", _) => self.menu(),
            ("StoreUserInput", _) => self.store_input(),
            ("CheckAttribute", _) => self.compare(),
            ("SetAttributes", _) => self.attributes(),
            ("InvokeExternalResource", _) => self.lambda(),
            ("SetVoice", _) => {
                self.copy("GlobalVoice", "TextToSpeechVoice");
                "UpdateContactTextToSpeechVoice"
            }
            ("SetLoggingBehavior", _) => {
                let enabled = module.plain("LoggingBehavior") == Some("Enable");
                self.set("FlowLoggingBehavior", if enabled { "Enabled" } else { "Disabled" });
                "UpdateFlowLoggingBehavior"
            }
            ("Loop", _) => {
                self.copy("LoopCount", "LoopCount");
                "Loop"
            }
            ("Wait", _) => self.wait(),
            ("CheckHoursOfOperation", _) => {
                self.copy("HoursOfOperation", "HoursOfOperationId");
                "CheckHoursOfOperation"
            }
            ("Transfer", "Flow") => {
                self.copy("ContactFlowId", "ContactFlowId");
                "TransferToFlow"
            }
            ("Transfer", "Queue") => "TransferContactToQueue",
            ("Transfer", "PhoneNumber") => "TransferParticipantToThirdParty",
            ("Transfer", "Agent") => "TransferContactToAgent",
            ("Disconnect", _) => self.ending("DisconnectParticipant"),
            ("Resume", _) => self.ending("EndFlowExecution"),
            (kind, _) => not_translated(kind).unwrap_or(kind),
        }
    }

    fn prompt(&mut self, action_type: &'static str) -> &'static str {
        let ssml = self.module.plain("TextToSpeechType") == Some("ssml");
        self.copy("Text", if ssml { "SSML" } else { "Text" });
        self.copy("AudioPrompt", "PromptId");
        action_type
    }

    fn menu(&mut self) -> &'static str {
        self.prompt("");
        self.copy("Timeout", "InputTimeLimitSeconds");
        self.set("StoreInput", "False");
        "GetParticipantInput"
    }

    fn store_input(&mut self) -> &'static str {
        self.prompt("");
        self.copy("Timeout", "InputTimeLimitSeconds");
        self.set("StoreInput", "True");
        let plain = |name: &str| self.module.plain(name);
        let validation = match plain("CustomerInputType") {
            Some("PhoneNumber") => {
                let local = plain("PhoneNumberFormat").is_some_and(|format| format == "Local");
                let format = if local { "Local" } else { "E164" };
                let mut phone = json!({ "NumberFormat": format });
                if let Some(country) = plain("CountryCode") {
                    phone["CountryCode"] = json!(country);
                }
                json!({ "PhoneNumberValidation": phone })
            }
            _ => json!({ "CustomValidation": { "MaximumLength": plain("MaxDigits") } }),
        };
        let mut keys = Map::new();
        for (old, new) in [
            ("TerminatorDigits", "InputTerminationSequence"),
            ("DisableCancel", "DisableCancelKey"),
            ("InterdigitTimeout", "InterdigitTimeLimitSeconds"),
        ] {
            if let Some(value) = plain(old) {
                keys.insert(new.to_owned(), json!(value));
            }
        }
        let encrypted = plain("EncryptEntry").is_some_and(|text| text.eq_ignore_ascii_case("true"));
        let encryption = json!({
            "EncryptionKeyId": plain("EncryptionKeyId").unwrap_or_default(),
            "Key": plain("EncryptionKey").unwrap_or_default(),
        });
        self.action.parameters.insert("InputValidation".to_owned(), validation);
        self.action.parameters.insert("DTMFConfiguration".to_owned(), Value::Object(keys));
        if encrypted {
            self.action.parameters.insert("InputEncryption".to_owned(), encryption);
        }
        "GetParticipantInput"
    }

    fn compare(&mut self) -> &'static str {
        let namespace = self.module.plain("Namespace").unwrap_or_default();
        let attribute = self.module.plain("Attribute").unwrap_or_default();
        match super::namespace::reference(namespace, attribute) {
            Ok(value) => self.set("ComparisonValue", &value),
            Err(detail) => self.invalid("Attribute", &detail),
        }
        "Compare"
    }

    fn attributes(&mut self) -> &'static str {
        let attributes = self.keyed("Attribute");
        self.action.parameters.insert("Attributes".to_owned(), attributes);
        "UpdateContactAttributes"
    }

    fn lambda(&mut self) -> &'static str {
        self.copy("FunctionArn", "LambdaFunctionARN");
        self.copy("TimeLimit", "InvocationTimeLimitSeconds");
        let parameters = self.keyed("Parameter");
        self.action.parameters.insert("LambdaInvocationAttributes".to_owned(), parameters);
        "InvokeLambdaFunction"
    }

    fn wait(&mut self) -> &'static str {
        self.copy("TimeoutSeconds", "TimeLimitSeconds");
        if self.module.next("CustomerReturn").is_some() {
            let events = json!(["CustomerReturned"]);
            self.action.parameters.insert("Events".to_owned(), events);
        }
        "Wait"
    }

    /// A block that ends the flow has no way out, whatever its branches say.
    fn ending(&mut self, action_type: &'static str) -> &'static str {
        self.action.next = None;
        self.action.errors.clear();
        self.action.conditions.clear();
        action_type
    }

    /// All parameters called `name`, by their key.
    fn keyed(&mut self, name: &str) -> Value {
        let mut map = Map::new();
        for parameter in self.module.parameters.iter().filter(|p| p.name == name) {
            if let Some(value) = self.translated(parameter) {
                map.insert(parameter.key.clone(), Value::String(value));
            }
        }
        Value::Object(map)
    }

    fn copy(&mut self, old: &str, new: &str) {
        if let Some(parameter) = self.module.value(old)
            && let Some(value) = self.translated(parameter)
        {
            self.set(new, &value);
        }
    }

    fn translated(&mut self, parameter: &Parameter) -> Option<String> {
        match &parameter.value {
            Ok(value) => Some(value.clone()),
            Err(detail) => {
                self.invalid(&parameter.name, detail);
                None
            }
        }
    }

    fn set(&mut self, name: &str, value: &str) {
        self.action.parameters.insert(name.to_owned(), Value::String(value.to_owned()));
    }

    fn invalid(&mut self, name: &str, detail: &str) {
        self.report.push(
            Some(&self.module.id),
            format!("Invalid Action property value. Path: {}.{name}", self.module.path),
            detail,
        );
    }
}

/// Types of blocks whose action this engine does not carry out, so that their parameters do not
/// matter.
fn not_translated(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "CheckOutboundCallStatus" => "CheckOutboundCallStatus",
        "CheckQueueStatus" | "CheckStaffing" => "CheckMetricData",
        "CreateCallback" => "CreateCallbackContact",
        "CreateTask" => "CreateTask",
        "GetQueueMetrics" => "GetMetricData",
        "HoldParticipant" => "UpdatePreviousContactParticipantState",
        "LoopPrompts" => "MessageParticipantIteratively",
        "SetCallBackNumber" | "SetCallbackNumber" => "UpdateContactCallbackNumber",
        "SetContactData" => "UpdateContactData",
        "SetEventHook" => "UpdateContactEventHooks",
        "SetQueue" => "UpdateContactTargetQueue",
        "SetRecordingBehavior" => "UpdateContactRecordingBehavior",
        "SetRoutingCriteria" => "UpdateRoutingCriteria",
        "SetRoutingPriority" | "ChangeRoutingPriority" => "UpdateContactRoutingBehavior",
        "StartMediaStreaming" | "StopMediaStreaming" => "UpdateContactMediaStreamingBehavior",
        "ShowView" => "ShowView",
        _ => return None,
    })
}
