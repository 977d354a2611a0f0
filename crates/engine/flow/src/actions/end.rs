//! `DisconnectParticipant` and `EndFlowExecution` (blocks "Disconnect" and "End flow / Resume").

use super::{Behavior, Outcome, Run, Spec};
use crate::effect::EndReason;
use crate::params::Params;

pub(super) const DISCONNECT: Spec = Spec {
    name: "DisconnectParticipant",
    module_type: "Disconnect",
    terminal: true,
    build: |params| build(params, EndReason::Disconnected),
};

pub(super) const END_FLOW: Spec = Spec {
    name: "EndFlowExecution",
    module_type: "Resume",
    terminal: true,
    build: |params| build(params, EndReason::FlowEnded),
};

struct End {
    reason: EndReason,
}

fn build(params: &mut Params<'_>, reason: EndReason) -> Option<Box<dyn Behavior>> {
    params.no_conditions();
    params.allow_errors(&[]);
    Some(Box::new(End { reason }))
}

impl Behavior for End {
    fn enter(&self, _run: &mut Run<'_>) -> Outcome {
        Outcome::End(self.reason.clone())
    }
}
