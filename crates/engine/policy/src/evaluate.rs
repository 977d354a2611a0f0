//! The order in which AWS asks the policies that bear on a request.

use crate::arn::{Arn, any_matches};
use crate::context::Context;
use crate::decision::{Decision, Denial, Match, PolicyType};
use crate::policy::{Effect, Kind, Named, Policy, Principals, Statement};
use crate::principal::{Principal, Who};
use crate::template::{Truth, any};

/// A policy and the name by which answers speak of it.
#[derive(Clone, Copy, Debug)]
pub struct Source<'p> {
    /// The policy's ARN, or the name of an inline policy.
    pub name: &'p str,
    /// The policy.
    pub policy: &'p Policy,
}

impl<'p> Source<'p> {
    /// A policy with its name.
    pub fn new(name: &'p str, policy: &'p Policy) -> Self {
        Self { name, policy }
    }
}

/// Whether a resource's policy is needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ResourceRule {
    /// Identity policies are enough within the account: buckets, queues, topics, tables.
    #[default]
    Additive,
    /// Nothing is allowed that the resource's policy does not allow, or leave to the account's
    /// identity policies by naming the account: keys of KMS, and roles.
    Required,
}

/// Everything that bears on a request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Policies<'p> {
    /// Of the user with the user's groups, of the role, or of the user who asked for a
    /// federation token.
    pub identity: &'p [Source<'p>],
    /// The user's or role's permissions boundary.
    pub boundary: Option<Source<'p>>,
    /// Given when the session was made. Empty: none was.
    pub session: &'p [Source<'p>],
    /// The resource's policies: usually none or one.
    pub resource: &'p [Source<'p>],
    /// Whether the request needs what `resource` says.
    pub rule: ResourceRule,
    /// Service control policies of the principal's account: one list for the root, each
    /// organisational unit and the account. Every list must allow.
    pub service_control: &'p [&'p [Source<'p>]],
    /// Resource control policies of the resource's account, likewise.
    pub resource_control: &'p [&'p [Source<'p>]],
}

/// What is asked.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// `s3:GetObject`, in any case.
    pub action: &'a str,
    /// The resource's ARN, or `*` for an action that has none.
    pub resource: &'a str,
    /// The account that owns the resource. `None`: the principal's.
    pub resource_account: Option<&'a str>,
    /// Who asks.
    pub principal: Principal<'a>,
    /// What else is known. It should answer for [`Principal::value`]'s keys, too.
    pub context: &'a dyn Context,
}

/// A request, prepared for matching.
pub(crate) struct Asked<'a> {
    action: String,
    resource: &'a str,
    arn: Option<Arn<'a>>,
    pub principal: &'a Principal<'a>,
    pub context: &'a dyn Context,
}

impl<'a> Asked<'a> {
    pub fn new(request: &'a Request<'a>) -> Self {
        Self {
            action: request.action.to_ascii_lowercase(),
            resource: request.resource,
            arn: Arn::parse(request.resource),
            principal: &request.principal,
            context: request.context,
        }
    }
}

/// How directly a resource's policy names the principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Strength {
    /// Only its account: identity policies decide.
    Account,
    /// The role behind a session, or the user behind a federated one: boundary and session
    /// policies limit what is granted.
    Behind,
    /// Itself, or everybody: nothing limits it but an explicit deny.
    Direct,
}

/// What the policies of one type say.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Layer<'p> {
    pub deny: Option<Match<'p>>,
    pub allow: Option<(Match<'p>, Strength)>,
}

impl Statement {
    /// Whether it applies, and how directly it names the principal.
    pub(crate) fn applies(&self, asked: &Asked) -> Option<Strength> {
        let is_action = any(&self.actions, |action| action.matches(&asked.action, asked.context));
        if (is_action == Truth::Yes) == self.is_not_action {
            return None;
        }
        let strength = match &self.principals {
            None => Strength::Direct,
            Some(principals) => principals.names(asked.principal)?,
        };
        let mut holds = match &self.resources {
            None => Truth::Yes,
            Some(resources) => {
                let matches = any_matches(
                    &resources.patterns,
                    asked.resource,
                    asked.arn.as_ref(),
                    asked.context,
                );
                if resources.is_not { matches.not() } else { matches }
            }
        };
        for condition in &self.conditions {
            if holds == Truth::No {
                return None;
            }
            match condition.holds(self.effect, asked.context) {
                Truth::Yes => {}
                other => holds = other,
            }
        }
        match (holds, self.effect) {
            (Truth::Yes, _) | (Truth::Unknown, Effect::Deny) => Some(strength),
            _ => None,
        }
    }
}

impl Principals {
    /// How directly it names the principal.
    fn names(&self, principal: &Principal) -> Option<Strength> {
        let levels = self.named.iter().filter_map(|named| named.names(principal));
        if !self.is_not {
            return levels.max();
        }
        // Exempt is who is listed at every level: session, role or user, and account. The user
        // guide demands to list them all, and warns that anything less may deny.
        let mut has = [false; 3];
        for level in levels {
            has[level as usize] = true;
        }
        let exempt = match principal.who {
            _ if self.named.contains(&Named::Everyone) => true,
            Who::User { .. } => has == [true, false, true],
            Who::Session { .. } | Who::FederatedUser { .. } => has == [true, true, true],
            _ => has[Strength::Direct as usize],
        };
        if exempt { None } else { Some(Strength::Direct) }
    }
}

impl Named {
    fn names(&self, principal: &Principal) -> Option<Strength> {
        let account = || match principal.who {
            Who::Root { .. } => Strength::Direct,
            _ => Strength::Account,
        };
        match self {
            Named::Everyone => Some(Strength::Direct),
            Named::Account(id) => (principal.account() == Some(&**id)).then(account),
            Named::Canonical(id) => (principal.canonical_id == Some(&**id)).then(account),
            Named::Arn(named) => match principal.who {
                Who::User { arn } if arn == &**named => Some(Strength::Direct),
                Who::Session { arn, .. } | Who::FederatedUser { arn, .. } if arn == &**named => {
                    Some(Strength::Direct)
                }
                Who::Session { role_arn: behind, .. }
                | Who::FederatedUser { issuer_arn: behind, .. }
                    if behind == &**named =>
                {
                    Some(Strength::Behind)
                }
                _ => None,
            },
            Named::UniqueId(id) if principal.unique_id == Some(&**id) => match principal.who {
                Who::Session { .. } | Who::FederatedUser { .. } => Some(Strength::Behind),
                _ => Some(Strength::Direct),
            },
            Named::Service(named) => match principal.who {
                Who::Service { name } if name == &**named => Some(Strength::Direct),
                _ => None,
            },
            Named::Federated(named) => match principal.who {
                Who::Federated { provider } if provider == &**named => Some(Strength::Direct),
                _ => None,
            },
            Named::UniqueId(_) => None,
        }
    }
}

impl<'p> Layer<'p> {
    /// Asks every policy of a type, until one denies.
    pub fn ask(policy_type: PolicyType, sources: &[Source<'p>], asked: &Asked) -> Self {
        let mut layer = Self::default();
        for source in sources {
            for (index, statement) in source.policy.statements.iter().enumerate() {
                // A second allow matters only if it is more direct.
                let known = layer.allow.map(|(_, strength)| strength);
                if statement.effect == Effect::Allow && known == Some(Strength::Direct) {
                    continue;
                }
                let Some(strength) = statement.applies(asked) else { continue };
                let found = Match::new(policy_type, source, index, statement);
                if statement.effect == Effect::Deny {
                    layer.deny = Some(found);
                    return layer;
                }
                if known.is_none_or(|known| known < strength) {
                    layer.allow = Some((found, strength));
                }
            }
        }
        layer
    }

    /// Asks the lists of an organisation: each must allow.
    fn ask_levels(
        policy_type: PolicyType,
        levels: &[&'p [Source<'p>]],
        asked: &Asked,
    ) -> Option<Denial<'p>> {
        let mut implicit = None;
        for level in levels {
            let layer = Self::ask(policy_type, level, asked);
            if let Some(deny) = layer.deny {
                return Some(Denial::Explicit(deny));
            }
            if layer.allow.is_none() {
                implicit = Some(Denial::Implicit(policy_type));
            }
        }
        implicit
    }
}

impl<'p> Match<'p> {
    pub(crate) fn new(
        policy_type: PolicyType,
        source: &Source<'p>,
        index: usize,
        statement: &'p Statement,
    ) -> Self {
        Self {
            policy_type,
            source: source.name,
            index,
            sid: statement.sid(),
            effect: statement.effect,
            start: statement.start,
            end: statement.end,
        }
    }
}

/// Decides a request.
///
/// An explicit deny in any policy wins; of several, the first in the order of [`PolicyType`] is
/// reported. Otherwise every gate must be open, and the first that is shut is reported:
/// 1. resource control and service control policies;
/// 2. the resource's policy. In the principal's own account it may be all that is needed: what it
///    grants to the user, the session or everybody is granted; what it grants to the role behind
///    a session, boundary and session policies limit; what it grants to the account, identity
///    policies must allow, too. For a principal without account (a service, an unsigned request, an
///    identity that a provider vouches for) nothing else is asked;
/// 3. identity policies, which a root user does not need;
/// 4. the permissions boundary and the session policies;
/// 5. across accounts, the resource's policy, which then must allow in any case.
pub fn evaluate<'p>(policies: &Policies<'p>, request: &Request) -> Decision<'p> {
    let asked = Asked::new(request);
    let mut implicit = None;
    let principal = asked.principal;
    let organisation = [
        (PolicyType::ResourceControl, policies.resource_control),
        (PolicyType::ServiceControl, policies.service_control),
    ];
    for (policy_type, levels) in organisation {
        if policy_type == PolicyType::ServiceControl && !principal.has_identity() {
            continue;
        }
        match Layer::ask_levels(policy_type, levels, &asked) {
            Some(denial @ Denial::Explicit(_)) => return Decision::Denied(denial),
            denial => implicit = implicit.or(denial),
        }
    }
    let is_trust = policies.resource.iter().any(|source| source.policy.kind == Kind::Trust);
    let resource_type = if is_trust { PolicyType::Trust } else { PolicyType::Resource };
    let resource = Layer::ask(resource_type, policies.resource, &asked);
    let mut layers = [Layer::default(); 3];
    if principal.has_identity() {
        layers = [
            Layer::ask(PolicyType::Identity, policies.identity, &asked),
            Layer::ask(PolicyType::Boundary, policies.boundary.as_slice(), &asked),
            Layer::ask(PolicyType::Session, policies.session, &asked),
        ];
    }
    let denies = [&resource].into_iter().chain(&layers).find_map(|layer| layer.deny);
    if let Some(deny) = denies {
        return Decision::Denied(Denial::Explicit(deny));
    }
    if let Some(denial) = implicit {
        return Decision::Denied(denial);
    }
    let gates = Gates { policies, principal, resource_type, resource, layers };
    match principal.account() {
        None => gates.by_resource(),
        Some(own) if request.resource_account.is_none_or(|account| account == own) => {
            gates.same_account()
        }
        Some(_) => gates.across_accounts(),
    }
}

/// What every type of policy said, none of them denying.
struct Gates<'a, 'p> {
    policies: &'a Policies<'p>,
    principal: &'a Principal<'a>,
    resource_type: PolicyType,
    resource: Layer<'p>,
    /// Identity, boundary, session.
    layers: [Layer<'p>; 3],
}

impl<'p> Gates<'_, 'p> {
    fn by_resource(&self) -> Decision<'p> {
        match self.resource.allow {
            Some((found, _)) => Decision::Allowed(Some(found)),
            None => Decision::Denied(Denial::Implicit(self.resource_type)),
        }
    }

    fn same_account(&self) -> Decision<'p> {
        match self.resource.allow {
            Some((found, Strength::Direct)) => Decision::Allowed(Some(found)),
            Some((found, Strength::Behind)) => match self.limits() {
                Some(limit) => Decision::Denied(Denial::Implicit(limit)),
                None => Decision::Allowed(Some(found)),
            },
            None if self.policies.rule == ResourceRule::Required => self.by_resource(),
            _ => self.own(),
        }
    }

    fn across_accounts(&self) -> Decision<'p> {
        match self.own() {
            Decision::Allowed(_) => self.by_resource(),
            denied => denied,
        }
    }

    /// What the principal's own account says.
    fn own(&self) -> Decision<'p> {
        let is_root_session = match self.principal.who {
            Who::FederatedUser { issuer_arn, .. } => {
                Arn::parse(issuer_arn).is_some_and(|arn| arn.parts[4] == "root")
            }
            who => matches!(who, Who::Root { .. }),
        };
        let identity = self.layers[0].allow.map(|(found, _)| found);
        if identity.is_none() && !is_root_session {
            return Decision::Denied(Denial::Implicit(PolicyType::Identity));
        }
        match self.limits() {
            Some(limit) => Decision::Denied(Denial::Implicit(limit)),
            None => Decision::Allowed(identity),
        }
    }

    /// The boundary or the session policies, if they do not allow.
    fn limits(&self) -> Option<PolicyType> {
        let [_, boundary, session] = &self.layers;
        if self.policies.boundary.is_some() && boundary.allow.is_none() {
            return Some(PolicyType::Boundary);
        }
        // A federated user has what the session's policies name, and no more.
        let is_federated = matches!(self.principal.who, Who::FederatedUser { .. });
        let has_session = is_federated || !self.policies.session.is_empty();
        (has_session && session.allow.is_none()).then_some(PolicyType::Session)
    }
}
