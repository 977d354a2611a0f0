//! The action types, one file each: [`SUPPORTED`] is the list of those that run, [`UNSUPPORTED`]
//! of those that Connect has and this engine refuses visibly.

mod check_hours;
mod compare;
mod contact_attributes;
mod distribute;
mod end;
mod flow_attributes;
mod input;
mod keys;
mod lambda;
mod lambda_event;
mod logging;
mod loops;
mod message;
mod prompt;
mod transfer;
mod unsupported;
pub(crate) mod voice;
mod voice_names;
mod wait;

use crate::effect::{Effect, EndReason};
use crate::event::Event;
use crate::machine::FlowReference;
use crate::model::{Action, Flow};
use crate::params::Params;
use crate::state::{State, Waiting};
use serde_json::{Map, Value};
use std::sync::Arc;

/// Every action type that runs.
const SUPPORTED: &[Spec] = &[
    check_hours::SPEC,
    compare::SPEC,
    contact_attributes::SPEC,
    distribute::SPEC,
    end::DISCONNECT,
    end::END_FLOW,
    flow_attributes::SPEC,
    input::SPEC,
    lambda::SPEC,
    logging::SPEC,
    loops::SPEC,
    message::SPEC,
    transfer::SPEC,
    voice::SPEC,
    wait::SPEC,
];

/// Types that Connect knows and this engine does not carry out, with their name in flow logs.
/// Source: the flow language's action lists and console exports.
const UNSUPPORTED: &[(&str, &str)] = &[
    ("AssociateContactToCustomerProfile", "AssociateContactToCustomerProfile"),
    ("AuthenticateParticipant", "AuthenticateParticipant"),
    ("CheckMetricData", "CheckMetricData"),
    ("CheckOutboundCallStatus", "CheckOutboundCallStatus"),
    ("CheckSegmentMembership", "CheckSegmentMembership"),
    ("CheckVoiceId", "CheckVoiceId"),
    ("CompleteOutboundCall", "CompleteOutboundCall"),
    ("ConnectParticipantWithLexBot", "GetUserInput"),
    ("CreateCallbackContact", "CreateCallback"),
    ("CreateCase", "CreateCase"),
    ("CreateContact", "CreateContact"),
    ("CreateCustomerProfile", "CreateCustomerProfile"),
    ("CreatePersistentContactAssociation", "CreatePersistentContactAssociation"),
    ("CreateTask", "CreateTask"),
    ("CreateWisdomSession", "CreateWisdomSession"),
    ("DequeueContactAndTransferToQueue", "Transfer"),
    ("EndFlowModuleExecution", "Return"),
    ("EvaluateDataTableValues", "EvaluateDataTableValues"),
    ("GetCalculatedAttributesForCustomerProfile", "GetCalculatedAttributesForCustomerProfile"),
    ("GetCase", "GetCase"),
    ("GetCustomerProfile", "GetCustomerProfile"),
    ("GetCustomerProfileObject", "GetCustomerProfileObject"),
    ("GetMetricData", "GetQueueMetrics"),
    ("InvokeFlowModule", "InvokeFlowModule"),
    ("ListDataTableValues", "ListDataTableValues"),
    ("LoadContactContent", "LoadContactContent"),
    ("MessageParticipantIteratively", "LoopPrompts"),
    ("RenderMessageTemplate", "RenderMessageTemplate"),
    ("ResumeContact", "ResumeContact"),
    ("RouteContactToAgent", "RouteContactToAgent"),
    ("ShowView", "ShowView"),
    ("StartOutboundChatContact", "StartOutboundChatContact"),
    ("StartOutboundEmailContact", "StartOutboundEmailContact"),
    ("StartVoiceIdStream", "StartVoiceIdStream"),
    ("TagContact", "TagContact"),
    ("TransferContactToAgent", "Transfer"),
    ("TransferContactToQueue", "Transfer"),
    ("TransferParticipantToThirdParty", "Transfer"),
    ("UnTagContact", "UntagContact"),
    ("UntagContact", "UntagContact"),
    ("UpdateCase", "UpdateCase"),
    ("UpdateContactCallbackNumber", "SetCallBackNumber"),
    ("UpdateContactData", "SetContactData"),
    ("UpdateContactEventHooks", "SetEventHook"),
    ("UpdateContactMediaProcessing", "UpdateContactMediaProcessing"),
    ("UpdateContactMediaStreamingBehavior", "StartMediaStreaming"),
    ("UpdateContactRecordingAndAnalyticsBehavior", "SetRecordingAndAnalyticsBehavior"),
    ("UpdateContactRecordingBehavior", "SetRecordingBehavior"),
    ("UpdateContactRoutingBehavior", "ChangeRoutingPriority"),
    ("UpdateContactRoutingCriteria", "SetRoutingCriteria"),
    ("UpdateContactTargetQueue", "SetQueue"),
    ("UpdateCustomerProfile", "UpdateCustomerProfile"),
    ("UpdatePreviousContactParticipantState", "HoldParticipant"),
    ("UpdateRoutingCriteria", "SetRoutingCriteria"),
    ("UpdateWisdomSession", "UpdateWisdomSession"),
    ("UpsertDataTableValues", "UpsertDataTableValues"),
];

/// An action type that runs.
pub(crate) struct Spec {
    /// The type's name in the flow language.
    pub(crate) name: &'static str,
    /// The block's name in Connect's flow logs.
    pub(crate) module_type: &'static str,
    /// Whether the flow ends with it.
    pub(crate) terminal: bool,
    /// Reads the parameters; none only if a problem was noted.
    pub(crate) build: fn(&mut Params<'_>) -> Option<Box<dyn Behavior>>,
}

/// How an action runs.
pub(crate) trait Behavior: Send + Sync {
    /// The block's name in flow logs, where it is not the one of [`Spec::module_type`].
    fn module_type(&self) -> Option<&'static str> {
        None
    }

    /// The parameters for the log, references filled in. Ones that grow too long are left out.
    fn parameters(&self, _state: &State) -> Map<String, Value> {
        Map::new()
    }

    /// The flow came to the action.
    fn enter(&self, run: &mut Run<'_>) -> Outcome;

    /// What the action waited for happened. Only called with an event that answers the
    /// [`Waiting`] the action returned.
    fn resume(&self, _run: &mut Run<'_>, _event: Event) -> Outcome {
        Outcome::Done
    }
}

/// What an action works on.
pub(crate) struct Run<'a> {
    pub(crate) state: &'a mut State,
    pub(crate) effects: &'a mut Vec<Effect>,
    pub(crate) action: &'a Action,
    /// A Lambda function's answer, for the log.
    pub(crate) external: Option<Value>,
}

impl Run<'_> {
    /// Tells the flow's author something.
    pub(crate) fn warn(&mut self, message: impl Into<String>) {
        self.effects.push(Effect::Warning {
            action: self.action.identifier.clone(),
            action_type: self.action.action_type.clone(),
            message: message.into(),
        });
    }
}

/// What came of an action.
pub(crate) enum Outcome {
    /// Go to the next action.
    Done,
    /// Take the first condition that holds for this run result.
    Result(String),
    /// Take the error's branch.
    Error { error: String, message: String },
    /// Stay until an event comes.
    Wait(Waiting),
    /// The contact ends.
    End(EndReason),
    /// Go on in another flow.
    Transfer { reference: FlowReference, flow: Arc<Flow> },
}

impl Outcome {
    /// The catch-all error.
    pub(crate) fn failed(message: impl Into<String>) -> Outcome {
        Outcome::error("NoMatchingError", message)
    }

    /// An error.
    pub(crate) fn error(error: &str, message: impl Into<String>) -> Outcome {
        Outcome::Error { error: error.to_owned(), message: message.into() }
    }
}

impl From<crate::template::TooLong> for Outcome {
    fn from(_: crate::template::TooLong) -> Outcome {
        let limit = crate::limits::TEMPLATE_BYTES_MAX;
        Outcome::failed(format!("a parameter grew beyond {limit} bytes"))
    }
}

/// What is known of a type.
pub(crate) enum Found {
    /// It runs.
    Supported(&'static Spec),
    /// Connect knows it; the name is the one in flow logs.
    Unsupported(&'static str),
    /// Connect does not know it.
    Unknown,
}

/// Looks up an action type.
pub(crate) fn find(name: &str) -> Found {
    if let Some(spec) = SUPPORTED.iter().find(|spec| spec.name == name) {
        return Found::Supported(spec);
    }
    match UNSUPPORTED.iter().find(|(known, _)| *known == name) {
        Some((_, module_type)) => Found::Unsupported(module_type),
        None => Found::Unknown,
    }
}

/// The behaviour of an unsupported type.
pub(crate) fn unsupported() -> Box<dyn Behavior> {
    Box::new(unsupported::Unsupported)
}
