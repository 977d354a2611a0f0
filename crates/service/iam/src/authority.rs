//! The authority: what the policies of a caller and of the resources say of a call.

use std::sync::Arc;

use kernel::access::{Authority, Call, Denied, Need, ResourcePolicy};
use kernel::{Ctx, Kernel, Principal, SessionFacts, StoreError};
use policy::{Decision, Kind, Policies, Policy, Request, ResourceRule, Source};

use crate::compiled::{Compiled, Compiler, Named};
use crate::context::Facts;
use crate::touch::{Touch, Touches};

/// Decides by the records of IAM.
pub(crate) struct Policed {
    compiler: Compiler,
    touches: Touches,
}

/// What a caller may do at most, apart from resources' policies.
struct Caller {
    identity: Option<Arc<Compiled>>,
    /// Allows everything: the root user behind a federated one.
    everything: bool,
    session: Vec<Named>,
}

impl Policed {
    pub(crate) fn new(compiler: Compiler, touches: Touches) -> Self {
        Policed { compiler, touches }
    }

    fn caller(&self, ctx: &Ctx) -> Result<Caller, StoreError> {
        let identity = |user: &kernel::User| {
            self.compiler.user(ctx.store(), &user.account, &user.name, &user.id)
        };
        let mut caller = Caller { identity: None, everything: false, session: Vec::new() };
        match ctx.principal() {
            Principal::User(user) => caller.identity = identity(user)?,
            Principal::AssumedRole(role) => {
                let found =
                    self.compiler.role(ctx.store(), &role.account, &role.role, &role.role_id);
                caller.identity = found?;
                caller.session = self.session(ctx, &role.account, &role.session)?;
            }
            Principal::FederatedUser(user) => {
                caller.everything = user.by.is_none();
                caller.identity = match &user.by {
                    Some(by) => identity(by)?,
                    None => None,
                };
                caller.session = self.session(ctx, &user.account, &user.session)?;
                if caller.session.is_empty() {
                    caller.session.push(self.compiler.nothing());
                }
            }
            Principal::RootSession(root) => {
                if let Some(task) = &root.session.root_task {
                    caller.everything = true;
                    caller.session.push(self.compiler.managed(ctx.store(), &root.account, task)?);
                }
            }
            Principal::Root { .. } | Principal::Service { .. } | Principal::Anonymous => {}
        }
        Ok(caller)
    }

    fn session(
        &self,
        ctx: &Ctx,
        account: &str,
        facts: &SessionFacts,
    ) -> Result<Vec<Named>, StoreError> {
        let mut policies = Vec::new();
        if let Some(text) = &facts.policy {
            policies.push(self.compiler.named("session policy", text, Kind::Identity));
        }
        for arn in &facts.policy_arns {
            policies.push(self.compiler.managed(ctx.store(), account, arn)?);
        }
        Ok(policies)
    }

    /// The documents of a resource that count for this caller.
    fn resource(&self, ctx: &Ctx, found: &ResourcePolicy) -> Vec<Named> {
        let kind = if found.trust { Kind::Trust } else { Kind::Resource };
        let owner = if found.account.is_empty() { ctx.account() } else { &found.account };
        let is_stranger = ctx.principal().account() != owner;
        let mut policies = Vec::new();
        for text in &found.documents {
            let named = self.compiler.named("resource policy", text, kind);
            if found.restricts_public && is_stranger && named.policy.is_public(&[]) {
                continue;
            }
            policies.push(named);
        }
        if found.granted {
            policies.push(self.compiler.granted());
        }
        policies
    }

    fn need(&self, ctx: &Ctx, call: &Call<'_>, caller: &Caller, need: &Need) -> Result<(), Denied> {
        let found = match &need.policy {
            Some(policy) => Some(policy.clone()),
            None => call.guard.and_then(|guard| guard.policy(ctx, need)),
        };
        let mut found = found.unwrap_or_default();
        if unlocks(ctx, &found) {
            found.documents.clear();
        }
        let resource = self.resource(ctx, &found);
        let names = Names::of(ctx.principal());
        let principal = names.principal(ctx.principal());
        let facts = Facts { ctx, call, need, principal, identity: caller.identity.as_deref() };
        let everything = caller.everything.then(|| self.compiler.everything());
        let identity: Vec<Source> = match (&everything, &caller.identity) {
            (Some(all), _) => vec![all.source()],
            (None, Some(compiled)) => compiled.policies.iter().map(Named::source).collect(),
            (None, None) => Vec::new(),
        };
        let boundary = caller.identity.as_ref().and_then(|compiled| compiled.boundary.as_ref());
        let session: Vec<Source> = caller.session.iter().map(Named::source).collect();
        let resource: Vec<Source> = resource.iter().map(Named::source).collect();
        let policies = Policies {
            identity: &identity,
            boundary: boundary.map(Named::source),
            session: &session,
            resource: &resource,
            rule: match found.required {
                true => ResourceRule::Required,
                false => ResourceRule::Additive,
            },
            ..Policies::default()
        };
        let owner = owner(ctx, need, &found);
        let request = Request {
            action: &need.action,
            resource: &need.resource,
            resource_account: owner.as_deref(),
            principal,
            context: &facts,
        };
        match policy::evaluate(&policies, &request) {
            Decision::Allowed(_) => Ok(()),
            Decision::Denied(denial) => Err(Denied {
                action: need.action.clone(),
                resource: need.resource.clone(),
                reason: denial.reason(&need.action).to_string(),
                advice: advice(&denial, &principal, call.needs),
            }),
        }
    }

    fn touch(&self, ctx: &Ctx, call: &Call<'_>) {
        let principal_id = match ctx.principal() {
            Principal::User(user) => &user.id,
            Principal::AssumedRole(role) => &role.role_id,
            _ => return,
        };
        let touch = Touch {
            account: ctx.account(),
            access_key_id: ctx.origin().and_then(|origin| origin.access_key_id.as_deref()),
            principal_id,
            service: call.service,
            region: ctx.region(),
            at_ms: ctx.now().epoch_ms,
        };
        self.touches.touched(ctx.kernel(), touch);
    }
}

impl Authority for Policed {
    fn judge(&self, ctx: &Ctx, call: &Call<'_>) -> Result<(), Denied> {
        self.touch(ctx, call);
        let caller = self.caller(ctx).map_err(|error| {
            // Nobody is let through because the store cannot be read.
            ctx.log(kernel::Level::Error, format_args!("iam: policies cannot be read: {error}"));
            let need = call.needs.first().cloned().unwrap_or_default();
            let reason = "because policies could not be read".to_owned();
            Denied { action: need.action, resource: need.resource, reason, advice: String::new() }
        })?;
        call.needs.iter().try_for_each(|need| self.need(ctx, call, &caller, need))
    }
}

/// Whether a resource's policy does not count: such as locks everybody out is what the tasks of an
/// account's root user are for.
fn unlocks(ctx: &Ctx, found: &ResourcePolicy) -> bool {
    let Principal::RootSession(root) = ctx.principal() else { return false };
    let is_own = found.account.is_empty() || found.account == root.account;
    is_own && root.session.root_task.is_some()
}

/// The account that owns a resource: the policy's word, or the ARN's.
fn owner(ctx: &Ctx, need: &Need, found: &ResourcePolicy) -> Option<String> {
    if !found.account.is_empty() {
        return Some(found.account.clone());
    }
    let account = need.resource.split(':').nth(4).unwrap_or_default();
    match (kernel::is_account(account), ctx.principal()) {
        (true, _) => Some(account.to_owned()),
        // One who has no account asks for something of this one.
        (false, Principal::Anonymous | Principal::Service { .. }) => Some(ctx.account().to_owned()),
        (false, _) => None,
    }
}

fn advice(denial: &policy::Denial, principal: &policy::Principal, needs: &[Need]) -> String {
    let needs: Vec<(&str, &str)> =
        needs.iter().map(|need| (need.action.as_str(), need.resource.as_str())).collect();
    match policy::suggest(denial, principal, &needs) {
        policy::Suggestion::Add(kind, text) => {
            format!(
                "A {} would have to say this, besides what it says already:\n{text}",
                kind.name()
            )
        }
        policy::Suggestion::Remove { policy_type, source, index, sid } => {
            let sid = sid.map(|sid| format!(" ({sid})")).unwrap_or_default();
            let statement = index + 1;
            format!(
                "Statement {statement}{sid} of {source}, a {}, denies it: nothing else helps.",
                policy_type.name()
            )
        }
    }
}

/// A principal's names, which the language's own form of it borrows.
struct Names {
    arn: String,
    behind: String,
    id: String,
}

impl Names {
    fn of(principal: &Principal) -> Self {
        let behind = match principal {
            Principal::FederatedUser(user) => match &user.by {
                Some(by) => by.arn(),
                None => format!("arn:aws:iam::{}:root", user.account),
            },
            other => other.principal_arn(),
        };
        let id = match principal {
            Principal::User(user) => user.id.clone(),
            Principal::AssumedRole(role) => role.role_id.clone(),
            _ => String::new(),
        };
        Names { arn: principal.arn(), behind, id }
    }

    fn principal<'a>(&'a self, principal: &'a Principal) -> policy::Principal<'a> {
        use policy::Principal as Who;
        match principal {
            Principal::Root { .. } => Who::root(&self.arn),
            // With a task policy, a root user's session is no more than the task.
            Principal::RootSession(root) if root.session.root_task.is_some() => {
                Who::federated_user(&self.arn, &self.arn)
            }
            Principal::RootSession(_) => Who::root(&self.arn),
            Principal::User(_) => Who::user(&self.arn).with_unique_id(&self.id),
            Principal::AssumedRole(_) => {
                Who::session(&self.arn, &self.behind).with_unique_id(&self.id)
            }
            Principal::FederatedUser(_) => Who::federated_user(&self.arn, &self.behind),
            Principal::Service { name, .. } => Who::service(name),
            Principal::Anonymous => Who::anonymous(),
        }
    }
}

/// Access keys of users, for the gateway.
pub(crate) struct Keys;

impl kernel::UserKeys for Keys {
    fn find(&self, kernel: &Kernel, access_key_id: &str) -> Option<kernel::AccessKey> {
        let found = kernel.store().read(|tx| {
            Ok::<_, StoreError>(crate::lookup::access_key(tx, kernel.sealer(), access_key_id))
        });
        let key = match found {
            Ok(Ok(key)) => key?,
            Ok(Err(error)) => {
                let text = format_args!("iam: access key {access_key_id}: {error:?}");
                kernel.log(kernel::Level::Error, text);
                return None;
            }
            Err(error) => {
                kernel.log(kernel::Level::Error, format_args!("iam: access keys: {error}"));
                return None;
            }
        };
        if !key.active {
            return None;
        }
        let principal = match key.user {
            None => Principal::Root { account: key.account },
            Some(user) => Principal::User(Arc::new(kernel::User {
                account: key.account,
                path: user.path,
                name: user.name,
                id: user.id,
                session: None,
            })),
        };
        Some(kernel::AccessKey { secret: key.secret, principal })
    }

    fn check_mfa<'a>(
        &'a self,
        kernel: &'a Kernel,
        caller: &'a Principal,
        serial: &'a str,
        code: &'a str,
    ) -> kernel::BoxFuture<'a, Result<kernel::MfaVerdict, kernel::Fault>> {
        Box::pin(async move {
            // A root's devices are kept under its account.
            let owner = match caller {
                Principal::User(user) => user.id.as_str(),
                Principal::Root { account } => account,
                _ => return Ok(kernel::MfaVerdict::NoDevice),
            };
            let now_ms = kernel.clock().now().epoch_ms;
            let device = (caller.account(), owner, serial);
            let taken = crate::mfa::take(kernel.store(), kernel.sealer(), device, code, now_ms);
            match taken.await.map_err(kernel::store_fault)? {
                true => Ok(kernel::MfaVerdict::Right),
                false => Ok(kernel::MfaVerdict::Wrong),
            }
        })
    }
}

/// A policy that cannot be read allows nothing.
pub(crate) fn parsed(text: &str, kind: Kind) -> Option<Policy> {
    Policy::parse(text, kind).ok()
}
