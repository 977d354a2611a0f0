//! One step of a call: the machine takes an event, and all that comes of it is one commit.

use super::records::{CALL_EVENTS, CALL_INPUTS, CALLS, CallRecord};
use super::{CallError, CallEvent, Calls, inputs, logs, record, turn};
use crate::content;
use crate::records::{CONTACTS, ContactRecord, INSTANCES};
use flow::{Effect, EndReason, Event, Flow, LogEntry, Machine, Waiting};
use kernel::{Ctx, Fault, Kernel};
use std::sync::Arc;
use store::WriteTx;

impl Calls {
    /// Gives `event` to the machine of the call. Answers the effects that the host has to carry
    /// out; everything else about them is stored already.
    pub(super) async fn step(
        &self,
        kernel: &Kernel,
        call_id: &str,
        event: Event,
    ) -> Result<Vec<Effect>, CallError> {
        let effects = kernel
            .store()
            .write(|tx| {
                let record = record(tx, call_id)?;
                if record.ended() {
                    return Err(CallError::Ended);
                }
                let ctx =
                    kernel.service_ctx("connect.amazonaws.com", &record.account, &record.region);
                Step { calls: self, ctx, call_id, record, contact: None }.take(tx, event.clone())
            })
            .await;
        self.tell();
        effects
    }

    /// Notes that something happened that no effect of the machine tells.
    pub(super) async fn note(
        &self,
        kernel: &Kernel,
        call_id: &str,
        event: CallEvent,
    ) -> Result<(), CallError> {
        kernel
            .store()
            .write(|tx| {
                let mut record = record(tx, call_id)?;
                put_event(tx, &mut record, call_id, &event)?;
                Ok::<_, CallError>(tx.put(&CALLS, call_id, &record)?)
            })
            .await?;
        self.tell();
        Ok(())
    }
}

struct Step<'a> {
    calls: &'a Calls,
    ctx: Ctx,
    call_id: &'a str,
    record: CallRecord,
    contact: Option<ContactRecord>,
}

impl Step<'_> {
    fn take(mut self, tx: &mut WriteTx, event: Event) -> Result<Vec<Effect>, CallError> {
        let event = self.possible(tx, event)?;
        let flow = self.flow(tx)?;
        let mut machine = Machine::resume(Arc::clone(&flow), self.record.state.clone());
        if let Some(contact) = &self.contact
            && contact.attributes != self.record.state.attributes
        {
            let attributes = contact.attributes.clone();
            self.give(tx, &mut machine, Event::AttributesChanged { attributes })?;
        }
        let begun = self.ctx.elapsed();
        let effects = self.give(tx, &mut machine, event.clone())?;
        let engine_us = self.ctx.elapsed().saturating_sub(begun).as_micros() as u64;
        if let Event::FlowLoaded { content, .. } = &event
            && !Arc::ptr_eq(&flow, machine.flow())
        {
            self.record.sha256 = content::sha256(content);
        }
        self.record.state = machine.state().clone();
        self.record.busy = matches!(
            machine.waiting(),
            Waiting::Start | Waiting::Speech | Waiting::Lambda | Waiting::Hours | Waiting::Flow
        );
        self.keep(tx, &effects, engine_us)?;
        // A menu speaks and takes keys at once: nobody waits for its prompt to end.
        let speaking = machine.waiting() == Waiting::Speech;
        let for_host = |effect: &Effect| match effect {
            Effect::Speak { .. } => speaking,
            effect => is_for_host(effect),
        };
        Ok(effects.into_iter().filter(for_host).collect())
    }

    /// Gives the machine an event, and keeps that for a replay.
    fn give(
        &mut self,
        tx: &mut WriteTx,
        machine: &mut Machine,
        event: Event,
    ) -> Result<Vec<Effect>, CallError> {
        self.record.inputs += 1;
        let kept = inputs::without_content(&event);
        tx.put(&CALL_INPUTS, (self.call_id, self.record.inputs), &kept)?;
        Ok(machine.step(event))
    }

    /// `event`, or the end of the call if its instance is gone.
    fn possible(&mut self, tx: &WriteTx, event: Event) -> Result<Event, CallError> {
        let record = &self.record;
        let (account, region) = (record.account.as_str(), record.region.as_str());
        let instance = tx.contains(&INSTANCES, (account, region, record.instance_id.as_str()))?;
        self.contact = tx.get(&CONTACTS, record.contact_key(self.call_id))?;
        Ok(if instance { event } else { Event::CustomerHungUp })
    }

    fn flow(&self, tx: &WriteTx) -> Result<Arc<Flow>, CallError> {
        let internal = |why: String| CallError::Internal(Fault::internal(why));
        let sha256 = self.record.sha256.as_str();
        self.calls.flow(sha256, || {
            let text = content::read(tx, &self.ctx, &self.record.instance_id, sha256)?;
            let text = text.ok_or_else(|| internal(format!("no flow content {sha256}")))?;
            flow::load(&text).map_err(|problems| internal(problems.to_string()))
        })
    }

    fn keep(
        mut self,
        tx: &mut WriteTx,
        effects: &[Effect],
        engine_us: u64,
    ) -> Result<(), CallError> {
        let steps = effects.iter().filter(|effect| matches!(effect, Effect::Log { .. })).count();
        let each_us = engine_us / (steps.max(1) as u64);
        let mut entries: Vec<&LogEntry> = Vec::new();
        for effect in effects {
            if let Some(event) = told(effect, each_us) {
                put_event(tx, &mut self.record, self.call_id, &event)?;
            }
            match effect {
                Effect::Log { entry } if entry.recorded => entries.push(entry),
                Effect::CollectDigits { first_digit_timeout_ms, .. } if self.record.real_time => {
                    let (after_ms, turn) = (*first_digit_timeout_ms, self.record.turn);
                    turn::limit_input(tx, &self.ctx, after_ms, self.call_id, turn)?;
                }
                Effect::SetTimer { after_ms } => {
                    let turn = self.record.turn;
                    turn::limit_pause(tx, &self.ctx, *after_ms, self.call_id, turn)?;
                }
                Effect::UpdateAttributes { attributes } => {
                    if let Some(contact) = &mut self.contact {
                        contact.attributes.clone_from(attributes);
                    }
                }
                Effect::Ended { reason } => {
                    self.end(reason);
                    turn::forget_later(tx, &self.ctx, self.call_id, self.record.turn)?;
                }
                _ => {}
            }
        }
        if !entries.is_empty() {
            let contact_id = self.call_id;
            logs::emit(tx, &self.ctx, &self.record.log_group, contact_id, &entries)?;
        }
        if let Some(contact) = &mut self.contact {
            contact.updated_ms = self.ctx.now().epoch_ms;
            tx.put(&CONTACTS, self.record.contact_key(self.call_id), contact)?;
        }
        Ok(tx.put(&CALLS, self.call_id, &self.record)?)
    }

    fn end(&mut self, reason: &EndReason) {
        if let Some(contact) = &mut self.contact {
            contact.ended_ms = Some(self.ctx.now().epoch_ms);
            let reason = match reason {
                EndReason::CustomerHungUp => "CUSTOMER_DISCONNECT",
                EndReason::Disconnected | EndReason::FlowEnded => "CONTACT_FLOW_DISCONNECT",
                _ => "TELECOM_PROBLEM",
            };
            contact.disconnect_reason = Some(reason.to_owned());
        }
    }
}

fn put_event(
    tx: &mut WriteTx,
    record: &mut CallRecord,
    call_id: &str,
    event: &CallEvent,
) -> Result<(), CallError> {
    record.events += 1;
    Ok(tx.put(&CALL_EVENTS, (call_id, record.events), event)?)
}

/// Whether the host has to do something about it besides speaking.
fn is_for_host(effect: &Effect) -> bool {
    matches!(
        effect,
        Effect::InvokeLambda { .. } | Effect::TransferToFlow { .. } | Effect::CheckHours { .. }
    )
}

/// What the phone is told of an effect.
fn told(effect: &Effect, engine_microseconds: u64) -> Option<CallEvent> {
    Some(match effect {
        Effect::Speak { prompt, voice } => CallEvent::Prompt {
            kind: prompt.kind,
            text: prompt.content.clone(),
            voice: voice.name.clone(),
            language: voice.language.clone(),
        },
        Effect::CollectDigits { first_digit_timeout_ms, digits_max, terminator, .. } => {
            CallEvent::WantsInput {
                digits_max: *digits_max,
                time_limit_milliseconds: *first_digit_timeout_ms,
                terminator: terminator.clone(),
            }
        }
        Effect::Log { entry } => CallEvent::Step {
            action: entry.identifier.clone(),
            action_type: entry.action_type.clone(),
            result: entry.result.clone(),
            engine_microseconds,
        },
        Effect::Warning { action, action_type, message } => {
            CallEvent::Warning { text: format!("{action} ({action_type}): {message}") }
        }
        Effect::SetTimer { after_ms } => CallEvent::Pause { milliseconds: *after_ms },
        Effect::Ended { reason } => {
            CallEvent::Ended { reason: reason.to_string(), cause: reason.clone() }
        }
        Effect::InvokeLambda { .. }
        | Effect::TransferToFlow { .. }
        | Effect::CheckHours { .. }
        | Effect::UpdateAttributes { .. } => return None,
    })
}
