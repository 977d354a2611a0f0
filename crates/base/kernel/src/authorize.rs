//! Whether a call may go on, and the words of a refusal.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::{Mutex, OnceLock};

use shape::{Fault, Model, Protocol, Struct, Timestamp};

use crate::access::{self, Authority, Call, Denied, Need};
use crate::{Ctx, Kernel, Level, Principal, Service};

/// Refusals that `gureum iam explain` can still speak of.
pub const REFUSALS_MAX: usize = 4096;

/// What happens to a caller whose policies do not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Authorization {
    /// The call is refused.
    #[default]
    Enforce,
    /// The call goes on and is written down, with the policy that would be missing.
    Audit,
}

/// A call that policies did not allow.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// The request.
    pub request_id: String,
    /// When.
    pub at: Timestamp,
    /// The caller's ARN.
    pub principal: String,
    /// `s3 GetObject`.
    pub operation: String,
    /// What was missing, and what would have helped.
    pub denied: Denied,
    /// Whether the call was refused, rather than only written down.
    pub is_enforced: bool,
}

/// The part of a kernel that judges.
#[derive(Default)]
pub(crate) struct Gate {
    authority: OnceLock<Arc<dyn Authority>>,
    refusals: Mutex<VecDeque<Refusal>>,
}

impl Kernel {
    /// Says who decides, once; false when that was said before. Without anyone, every verified
    /// principal of an account may act in it.
    pub fn set_authority(&self, authority: Arc<dyn Authority>) -> bool {
        self.gate().authority.set(authority).is_ok()
    }

    /// What was not allowed to a request, as long as it is remembered (the last 4096).
    pub fn refusals(&self, request_id: &str) -> Vec<Refusal> {
        let refusals = self.gate().refusals.lock().unwrap_or_else(|e| e.into_inner());
        refusals.iter().filter(|refusal| refusal.request_id == request_id).cloned().collect()
    }

    /// Whether the caller may have an operation carried out.
    pub(crate) fn authorize(
        &self,
        ctx: &Ctx,
        target: &Service,
        op: usize,
        input: &dyn Struct,
    ) -> Result<(), Fault> {
        let model = target.dispatch.model();
        let operation = &model.operations[op];
        let is_guarded = || operation.access.iter().any(|rule| rule.guarded);
        match ctx.principal() {
            Principal::Root { account } if account == ctx.account() => {
                return self.judge_abroad(ctx, target, op, input);
            }
            Principal::Service { account, .. } if account == ctx.account() && !is_guarded() => {
                return Ok(());
            }
            Principal::Anonymous if operation.unsigned => return Ok(()),
            // Nothing is asked of anyone whose signature is right: GetCallerIdentity.
            Principal::Anonymous => {}
            _ if operation.access.is_empty() => return Ok(()),
            _ => {}
        }
        let guard = target.guard.as_deref();
        if guard.is_some_and(|guard| guard.asks_itself(&operation.name)) {
            return Ok(());
        }
        let needs = access::needs(ctx, operation, input, guard);
        let call = Call {
            service: &model.service.name,
            operation: &operation.name,
            input: Some(input),
            needs: &needs,
            guard,
        };
        self.judge(ctx, model, &call)
    }

    /// A root user may do all in the own account, and elsewhere what policies there allow: asked
    /// where a service's resources can be named by other accounts.
    fn judge_abroad(
        &self,
        ctx: &Ctx,
        target: &Service,
        op: usize,
        input: &dyn Struct,
    ) -> Result<(), Fault> {
        let Some(guard) = target.guard.as_deref().filter(|guard| guard.is_shared()) else {
            return Ok(());
        };
        let model = target.dispatch.model();
        let operation = &model.operations[op];
        let mut needs = access::needs(ctx, operation, input, Some(guard));
        needs.retain_mut(|need| {
            need.policy = need.policy.take().or_else(|| guard.policy(ctx, need));
            let owner = need.policy.as_ref().map_or("", |policy| &policy.account);
            !owner.is_empty() && owner != ctx.account()
        });
        if needs.is_empty() {
            return Ok(());
        }
        let (service, operation) = (&model.service.name, &operation.name);
        let call =
            Call { service, operation, input: Some(input), needs: &needs, guard: Some(guard) };
        self.judge(ctx, model, &call)
    }

    fn judge(&self, ctx: &Ctx, model: &Model, call: &Call<'_>) -> Result<(), Fault> {
        let judged = match self.gate().authority.get() {
            Some(authority) if !call.needs.is_empty() => authority.judge(ctx, call),
            Some(_) => Err(unjudged(call)),
            None if is_local(ctx) => Ok(()),
            None => Err(unjudged(call)),
        };
        let Err(denied) = judged else { return Ok(()) };
        let is_enforced = self.config().authorization == Authorization::Enforce
            || matches!(ctx.principal(), Principal::Anonymous);
        let fault = refusal(ctx, model, &denied);
        self.remember(Refusal {
            request_id: ctx.request_id().to_owned(),
            at: ctx.now(),
            principal: ctx.principal().arn(),
            operation: format!("{} {}", call.service, call.operation),
            denied,
            is_enforced,
        });
        if is_enforced {
            return Err(fault);
        }
        ctx.log(Level::Warn, format_args!("allowed while auditing: {}", fault.message));
        Ok(())
    }

    fn remember(&self, refusal: Refusal) {
        let mut refusals = self.gate().refusals.lock().unwrap_or_else(|e| e.into_inner());
        if refusals.len() == REFUSALS_MAX {
            refusals.pop_front();
        }
        refusals.push_back(refusal);
    }
}

impl Ctx {
    /// Asks for what an operation's facts cannot say, such as the trust policy of a role: whether
    /// the caller may do all of `needs`. The fault is worded as `service` words it.
    pub fn authorize(&self, service: &str, operation: &str, needs: &[Need]) -> Result<(), Fault> {
        let kernel = self.kernel();
        let Some(target) = kernel.registered().get(service) else {
            return Err(Fault::internal(format_args!("no service {service}")));
        };
        if matches!(self.principal(), Principal::Root { .. }) && is_local(self) {
            let foreign = |need: &Need| {
                let policy = need.policy.as_ref();
                policy.is_some_and(|p| !p.account.is_empty() && p.account != self.account())
            };
            if !needs.iter().any(foreign) {
                return Ok(());
            }
        }
        let guard = target.guard.as_deref();
        let call = Call { service, operation, input: None, needs, guard };
        kernel.judge(self, target.dispatch.model(), &call)
    }
}

fn is_local(ctx: &Ctx) -> bool {
    ctx.principal().account() == ctx.account()
}

fn unjudged(call: &Call<'_>) -> Denied {
    let need = call.needs.first().cloned().unwrap_or_default();
    let reason = format!("because no identity-based policy allows the {} action", need.action);
    Denied { action: need.action, resource: need.resource, reason, advice: String::new() }
}

/// The error of a service for a caller whose policies do not allow.
fn refusal(ctx: &Ctx, model: &Model, denied: &Denied) -> Fault {
    let Denied { action, resource, reason, .. } = denied;
    let service = &model.service;
    let (code, status) = match service.protocol {
        Protocol::Json | Protocol::Cbor => ("AccessDeniedException", 400),
        Protocol::RestJson => ("AccessDeniedException", 403),
        Protocol::RestXml | Protocol::Query => ("AccessDenied", 403),
        Protocol::Ec2 => ("UnauthorizedOperation", 403),
    };
    let code = match service.denied_code.as_str() {
        "" => code.to_owned(),
        own => own.to_owned(),
    };
    if matches!(ctx.principal(), Principal::Anonymous) {
        return Fault::new(code, status, "Access Denied");
    }
    let is_s3 = service.protocol == Protocol::RestXml;
    let on = match (resource.as_str(), is_s3) {
        ("*", true) => String::new(),
        (resource, true) => format!(" on resource: \"{resource}\""),
        (resource, false) => format!(" on resource: {resource}"),
    };
    let arn = ctx.principal().arn();
    let message = format!("User: {arn} is not authorized to perform: {action}{on} {reason}");
    Fault::new(code, status, message)
}
