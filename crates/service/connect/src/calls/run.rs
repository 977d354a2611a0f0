//! Carrying out a turn: effects are done and answered until the flow wants input or ends.

use super::live::Live;
use super::{CallError, CallEvent, Calls, record};
use crate::flows::{self, Alias};
use crate::{content, ids};
use flow::{Effect, Event, FlowReference};
use kernel::{Ctx, Kernel, Level};
use std::collections::VecDeque;

impl Calls {
    /// Gives `event` to the call and carries out what follows, in the background.
    pub(super) fn spawn(&self, kernel: &Kernel, call_id: &str, event: Event, live: Live) {
        let (calls, background, call_id) = (self.clone(), kernel.clone(), call_id.to_owned());
        kernel.spawn(async move {
            let _live = live;
            match calls.run_turn(&background, &call_id, event).await {
                // The caller may hang up while a turn is carried out.
                Ok(()) | Err(CallError::Ended) => {}
                Err(error) => {
                    let why = match &error {
                        CallError::Internal(fault) => format!("{fault:?}"),
                        other => other.to_string(),
                    };
                    background.log(Level::Error, format_args!("call {call_id}: {why}"));
                }
            }
        });
    }

    async fn run_turn(
        &self,
        kernel: &Kernel,
        call_id: &str,
        event: Event,
    ) -> Result<(), CallError> {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            for effect in self.step(kernel, call_id, event).await? {
                events.extend(self.carry_out(kernel, call_id, effect).await?);
            }
        }
        Ok(())
    }

    /// Carries out an effect; answers what the machine has to be told.
    async fn carry_out(
        &self,
        kernel: &Kernel,
        call_id: &str,
        effect: Effect,
    ) -> Result<Option<Event>, CallError> {
        Ok(match effect {
            // Prompts are text here, and spoken at once.
            Effect::Speak { .. } => Some(Event::SpeechDone),
            Effect::InvokeLambda { .. } => self.invoke(kernel, call_id, effect).await?,
            Effect::TransferToFlow { id } => Some(self.load(kernel, call_id, &id)?),
            Effect::CheckHours { .. } => {
                let text = "the instance has no hours of operation".to_owned();
                self.note(kernel, call_id, CallEvent::Warning { text }).await?;
                Some(Event::HoursResult { open: None })
            }
            _ => None,
        })
    }

    /// The published flow `id` of the call's instance.
    fn load(&self, kernel: &Kernel, call_id: &str, id: &str) -> Result<Event, CallError> {
        kernel.store().read(|tx| {
            let record = record(tx, call_id)?;
            let ctx: Ctx =
                kernel.service_ctx("connect.amazonaws.com", &record.account, &record.region);
            let missing = |why: String| Ok(Event::FlowMissing { message: why });
            let instance = record.instance_id.as_str();
            let Ok((flow, _)) = flows::find(tx, &ctx, instance, id) else {
                return missing(format!("there is no flow {id:?} in the instance"));
            };
            let Ok(which) = flow.content(Alias::Published) else {
                return missing(format!("the flow {:?} is not published", flow.name));
            };
            match content::read(tx, &ctx, instance, &which.sha256)? {
                None => missing(format!("the flow {:?} has no content", flow.name)),
                Some(content) => {
                    let id = ids::flow_arn(&ctx, instance, &flow.id);
                    let reference = FlowReference { id, name: flow.name };
                    Ok(Event::FlowLoaded { reference, content })
                }
            }
        })
    }
}
