//! Placing a call.

use super::records::{CALL_EVENTS, CALLS, CallRecord};
use super::{CallError, CallEvent, Calls, turn};
use crate::records::{
    CLAIMS, CONTACTS, ContactRecord, FLOWS, FlowRecord, INSTANCES, InstanceRecord, NUMBERS,
};
use crate::{content, ids};
use flow::{Contact, Event, FlowReference, Machine};
use kernel::{Ctx, Kernel};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::ReadTx;

/// A call to place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StartCall {
    /// The number to call, E.164; somebody must have claimed it.
    pub to: String,
    /// The number of the caller, E.164.
    pub from: String,
    /// Whether time limits of input are real: without that, input times out only when the caller
    /// says so ([`super::CallerAct::Silence`]).
    #[serde(default)]
    pub real_time: bool,
    /// Decides `DistributeByPercentage`; random if none.
    #[serde(default)]
    pub seed: Option<u64>,
}

/// A call that was placed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallStarted {
    /// The call's id, which is its contact's.
    pub call_id: String,
    /// The instance that answers.
    pub instance_arn: String,
    /// Its account.
    pub account: String,
    /// Its region.
    pub region: String,
}

/// Who answers a number.
struct Answering {
    ctx: Ctx,
    instance: InstanceRecord,
    flow: FlowRecord,
    sha256: String,
    text: String,
}

impl Calls {
    /// Places a call and lets the flow run up to the caller's first turn, in the background.
    ///
    /// # Errors
    /// The call cannot be placed: nobody claimed the number, no published flow answers it, ….
    pub async fn start(
        &self,
        kernel: &Kernel,
        request: StartCall,
    ) -> Result<CallStarted, CallError> {
        for number in [&request.to, &request.from] {
            check_number(number)?;
        }
        let answering = kernel.store().read(|tx| answering(tx, kernel, &request.to))?;
        let ctx = &answering.ctx;
        let call_id = ctx.random().uuid();
        let record = answering.call(&request, &call_id)?;
        let contact = contact(ctx, &request, &call_id);
        let started = CallEvent::Started {
            contact_id: call_id.clone(),
            instance_arn: record.state.contact.instance_arn.clone(),
            flow_arn: record.state.flow.id.clone(),
            flow_name: record.state.flow.name.clone(),
        };
        let live = self.live(&call_id);
        ctx.store()
            .write(|tx| {
                tx.put(&CONTACTS, record.contact_key(&call_id), &contact)?;
                tx.put(&CALL_EVENTS, (call_id.as_str(), record.events), &started)?;
                tx.put(&CALLS, call_id.as_str(), &record)?;
                turn::limit(tx, ctx, &call_id, record.turn)
            })
            .await?;
        self.spawn(kernel, &call_id, Event::Started, live);
        Ok(CallStarted {
            call_id,
            instance_arn: record.state.contact.instance_arn,
            account: record.account,
            region: record.region,
        })
    }
}

impl Answering {
    fn call(&self, request: &StartCall, call_id: &str) -> Result<CallRecord, CallError> {
        let ctx = &self.ctx;
        let arn = ids::instance_arn(ctx, &self.instance.id);
        let mut contact =
            Contact::inbound_call(call_id, &arn, ctx.region(), &request.from, &request.to);
        let subtype = json!({"connect:Subtype": {"ValueString": "connect:Telephony"}});
        contact.data.insert("SegmentAttributes".to_owned(), subtype);
        let reference = FlowReference {
            id: ids::flow_arn(ctx, &self.instance.id, &self.flow.id),
            name: self.flow.name.clone(),
        };
        let flow = flow::load(&self.text).map_err(|problems| {
            CallError::Internal(kernel::Fault::internal(format_args!("published: {problems}")))
        })?;
        let seed = request.seed.unwrap_or_else(|| ctx.random().u64());
        let machine = Machine::start(flow.into(), reference, contact, seed);
        let name = self.instance.alias.as_deref().unwrap_or(&self.instance.id);
        Ok(CallRecord {
            account: ctx.account().to_owned(),
            region: ctx.region().to_owned(),
            instance_id: self.instance.id.clone(),
            log_group: format!("/aws/connect/{name}"),
            sha256: self.sha256.clone(),
            state: machine.state().clone(),
            turn: 1,
            busy: true,
            real_time: request.real_time,
            events: 1,
            inputs: 0,
        })
    }
}

/// Who answers `number`, and in which account and region that is.
fn answering(tx: &ReadTx, kernel: &Kernel, number: &str) -> Result<Answering, CallError> {
    let not_claimed = || CallError::NotClaimed(number.to_owned());
    let no_flow = || CallError::NoFlow(number.to_owned());
    let claim = tx.get(&CLAIMS, number)?.ok_or_else(not_claimed)?;
    let ctx = kernel.service_ctx("connect.amazonaws.com", &claim.account, &claim.region);
    let scope = (claim.account.as_str(), claim.region.as_str());
    let number_key = (scope.0, scope.1, claim.number_id.as_str());
    let number = tx.get(&NUMBERS, number_key)?.ok_or_else(not_claimed)?;
    let instance_id = number.instance_id.as_str();
    let instance = tx.get(&INSTANCES, (scope.0, scope.1, instance_id))?.ok_or_else(not_claimed)?;
    if !instance.inbound_calls {
        return Err(CallError::NoInboundCalls(instance.id));
    }
    let flow_id = number.flow_id.ok_or_else(no_flow)?;
    let flow_key = (scope.0, scope.1, instance_id, flow_id.as_str());
    let flow = tx.get(&FLOWS, flow_key)?.ok_or_else(no_flow)?;
    let not_published = || CallError::NotPublished(flow.name.clone());
    let sha256 = flow.published.as_ref().ok_or_else(not_published)?.sha256.clone();
    let text = content::read(tx, &ctx, instance_id, &sha256)?.ok_or_else(no_flow)?;
    Ok(Answering { ctx, instance, flow, sha256, text })
}

fn contact(ctx: &Ctx, request: &StartCall, call_id: &str) -> ContactRecord {
    let now_ms = ctx.now().epoch_ms;
    ContactRecord {
        id: call_id.to_owned(),
        initiation_method: "INBOUND".to_owned(),
        channel: "VOICE".to_owned(),
        customer: request.from.clone(),
        system: request.to.clone(),
        started_ms: now_ms,
        ended_ms: None,
        updated_ms: now_ms,
        disconnect_reason: None,
        attributes: Default::default(),
    }
}

fn check_number(number: &str) -> Result<(), CallError> {
    let digits = number.strip_prefix('+').unwrap_or_default();
    let valid = (2..=15).contains(&digits.len())
        && !digits.starts_with('0')
        && digits.bytes().all(|digit| digit.is_ascii_digit());
    if valid { Ok(()) } else { Err(CallError::InvalidNumber(number.to_owned())) }
}
