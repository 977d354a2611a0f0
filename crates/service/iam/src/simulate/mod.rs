//! The policy simulator: what policies would say to requests that nobody made.
//!
//! How its answers look was taken from recorded ones: a result for each action and resource, whose
//! `ResourceSpecificResults` repeat it when resources were named; `IAM Policy` as the type of every
//! statement's policy, which the model's list does not have.

mod facts;
mod source;

use std::collections::BTreeMap;

use api_iam::{
    EvaluationResult, OrderedOrganizationPolicyType, OrganizationsDecisionDetail,
    PermissionsBoundaryDecisionDetail, PolicyEvaluationDecisionType, PolicySourceType, Position,
    ResourceSpecificResult,
};
use policy::{
    Decision, Denial, Effect, Explanation, Kind, Policies, Policy, PolicyType, Request, Source,
    explain,
};

pub(crate) use facts::{Caller, Facts};
pub(crate) use source::{Excluded, of_principal};

use crate::error::{Result, invalid_input};

/// Actions times resources that one request may ask for: an answer holds at most 1000.
const QUESTIONS_MAX: usize = 10_000;

/// A policy of a simulation and the id by which answers name it.
pub(crate) struct Document {
    pub id: String,
    pub policy: Policy,
}

impl Document {
    /// Reads a policy.
    pub(crate) fn read(id: String, text: &str, kind: Kind) -> Result<Self> {
        match Policy::parse(text, kind) {
            Ok(policy) => Ok(Self { id, policy }),
            Err(why) => Err(invalid_input(format!("Invalid Policy Document {id}: {why}")).into()),
        }
    }

    /// Reads a list of the request, named after the list.
    pub(crate) fn read_all(list: &str, texts: &[String]) -> Result<Vec<Self>> {
        let numbered = texts.iter().zip(1..);
        numbered
            .map(|(text, at)| Self::read(format!("{list}.{at}"), text, Kind::Identity))
            .collect()
    }
}

/// All that is asked, whichever operation asks it.
pub(crate) struct Simulation {
    pub identity: Vec<Document>,
    pub boundary: Option<Document>,
    pub resource: Option<Document>,
    /// Levels of an organisation, from its root to the account.
    pub organisation: Vec<Vec<Document>>,
    pub actions: Vec<String>,
    /// `None`: `*`, and nothing was named.
    pub resources: Option<Vec<String>>,
    pub resource_owner: Option<String>,
    pub caller: Caller,
    pub facts: Facts,
}

/// The levels of service control policies that a request gives.
pub(crate) fn organisation(
    levels: Option<Vec<OrderedOrganizationPolicyType>>,
) -> Result<Vec<Vec<Document>>> {
    let levels = levels.unwrap_or_default().into_iter();
    levels
        .map(|level| {
            let texts = level.service_control_policy_input_list.unwrap_or_default();
            Document::read_all("ServiceControlPolicyInputList", &texts)
        })
        .collect()
}

/// The one boundary that a request may give.
pub(crate) fn boundary(texts: Option<Vec<String>>) -> Result<Option<Document>> {
    let mut documents =
        Document::read_all("PermissionsBoundaryPolicyInputList", &texts.unwrap_or_default())?;
    if documents.len() > 1 {
        return Err(invalid_input("Only one permissions boundary policy can be simulated.").into());
    }
    Ok(documents.pop())
}

/// The account that `ResourceOwner` means: an ARN of an account, or its number.
pub(crate) fn owner(text: Option<String>) -> Result<Option<String>> {
    let Some(text) = text else { return Ok(None) };
    let inner = text.strip_prefix("arn:aws:iam::").and_then(|rest| rest.strip_suffix(":root"));
    let account = inner.unwrap_or(&text);
    if kernel::is_account(account) {
        return Ok(Some(account.to_owned()));
    }
    Err(invalid_input(format!("Invalid Resource Owner: {text}")).into())
}

impl Simulation {
    /// All answers, in the order of actions, then resources.
    pub(crate) fn run(&self) -> Result<Vec<EvaluationResult>> {
        for action in &self.actions {
            let is_one = action.split_once(':').is_some_and(|(service, name)| {
                let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
                !service.is_empty()
                    && !name.is_empty()
                    && format!("{service}{name}").chars().all(plain)
            });
            if !is_one {
                return Err(invalid_input(format!("Invalid Action Name: {action}")).into());
            }
        }
        let any = ["*".to_owned()];
        let resources = self.resources.as_deref().unwrap_or(&any);
        if self.actions.len() * resources.len() > QUESTIONS_MAX {
            return Err(invalid_input("Too many actions and resources in one simulation.").into());
        }
        let questions = self
            .actions
            .iter()
            .flat_map(|a| resources.iter().map(move |r| (a.as_str(), r.as_str())));
        Ok(questions.map(|(action, resource)| self.ask(action, resource)).collect())
    }

    fn ask(&self, action: &str, resource: &str) -> EvaluationResult {
        fn sources(documents: &[Document]) -> Vec<Source<'_>> {
            documents.iter().map(|d| Source::new(&d.id, &d.policy)).collect()
        }
        let owner = resource.split(':').nth(4).filter(|account| !account.is_empty());
        let identity = sources(&self.identity);
        let resource_policies = sources(self.resource.as_slice());
        let levels: Vec<Vec<Source>> = self.organisation.iter().map(|l| sources(l)).collect();
        let levels: Vec<&[Source]> = levels.iter().map(Vec::as_slice).collect();
        let policies = Policies {
            identity: &identity,
            boundary: self.boundary.as_ref().map(|d| Source::new(&d.id, &d.policy)),
            resource: &resource_policies,
            service_control: &levels,
            ..Policies::default()
        };
        let principal = self.caller.principal();
        let request = Request {
            action,
            resource,
            resource_account: owner.or(self.resource_owner.as_deref()),
            principal,
            context: &self.facts.with(&self.caller, principal),
        };
        let account = request.resource_account;
        let is_foreign = account.is_some() && account != principal.account();
        self.shown(action, resource, &explain(&policies, &request), is_foreign)
    }

    fn shown(
        &self,
        action: &str,
        resource: &str,
        found: &Explanation<'_>,
        is_foreign: bool,
    ) -> EvaluationResult {
        let decision = decision(found);
        let statements: Vec<_> = determining(found).map(statement).collect();
        let missing: Vec<String> = found.missing.iter().map(|key| (*key).to_owned()).collect();
        let is_named = self.resources.as_ref().is_some_and(|_| resource != "*");
        let boundary = self.boundary.as_ref().map(|_| PermissionsBoundaryDecisionDetail {
            allowed_by_permissions_boundary: Some(found.allows(PolicyType::Boundary)),
        });
        let organisation = (!self.organisation.is_empty()).then(|| OrganizationsDecisionDetail {
            allowed_by_organizations: Some(
                !matches!(found.decision, Decision::Denied(d) if d.policy_type() == PolicyType::ServiceControl),
            ),
        });
        let details = is_foreign.then(|| details(found));
        let specific = ResourceSpecificResult {
            eval_resource_name: resource.to_owned(),
            eval_resource_decision: decision.clone(),
            matched_statements: Some(statements.clone()),
            missing_context_values: (!missing.is_empty()).then(|| missing.clone()),
            eval_decision_details: details.clone(),
            permissions_boundary_decision_detail: boundary.clone(),
        };
        EvaluationResult {
            eval_action_name: action.to_owned(),
            eval_resource_name: Some(resource.to_owned()),
            eval_decision: decision,
            matched_statements: Some(statements),
            missing_context_values: Some(missing),
            organizations_decision_detail: organisation,
            permissions_boundary_decision_detail: boundary,
            eval_decision_details: details.or_else(|| is_named.then(BTreeMap::new)),
            resource_specific_results: is_named.then(|| vec![specific]),
        }
    }
}

fn decision(found: &Explanation) -> PolicyEvaluationDecisionType {
    match found.decision {
        Decision::Allowed(_) => PolicyEvaluationDecisionType::Allowed,
        Decision::Denied(Denial::Explicit(_)) => PolicyEvaluationDecisionType::ExplicitDeny,
        Decision::Denied(Denial::Implicit(_)) => PolicyEvaluationDecisionType::ImplicitDeny,
    }
}

/// The statements to which the decision is due; none for an implicit deny. Those of organisations
/// and boundaries are not shown.
fn determining<'a, 'p>(
    found: &'a Explanation<'p>,
) -> impl Iterator<Item = &'a policy::Match<'p>> + use<'a, 'p> {
    let wanted = match found.decision {
        Decision::Allowed(_) => Some(Effect::Allow),
        Decision::Denied(Denial::Explicit(_)) => Some(Effect::Deny),
        Decision::Denied(Denial::Implicit(_)) => None,
    };
    let is_shown = |policy_type| matches!(policy_type, PolicyType::Identity | PolicyType::Resource);
    found.matched.iter().filter(move |m| is_shown(m.policy_type) && Some(m.effect) == wanted)
}

fn statement(found: &policy::Match) -> api_iam::Statement {
    let position = |at: policy::Position| Position {
        line: i32::try_from(at.line).ok(),
        column: i32::try_from(at.column).ok(),
    };
    api_iam::Statement {
        source_policy_id: Some(found.source.to_owned()),
        source_policy_type: Some(PolicySourceType::from(type_name(found.policy_type))),
        start_position: Some(position(found.start)),
        end_position: Some(position(found.end)),
    }
}

fn type_name(policy_type: PolicyType) -> &'static str {
    match policy_type {
        PolicyType::Resource => "Resource Policy",
        _ => "IAM Policy",
    }
}

/// What each type of policy says by itself, across accounts.
fn details(found: &Explanation) -> BTreeMap<String, PolicyEvaluationDecisionType> {
    let types = [PolicyType::Identity, PolicyType::Resource];
    let said = types.map(|policy_type| {
        let mut of = found.matched.iter().filter(|m| m.policy_type == policy_type);
        let decision = if of.any(|m| m.effect == Effect::Deny) {
            PolicyEvaluationDecisionType::ExplicitDeny
        } else if found.allows(policy_type) {
            PolicyEvaluationDecisionType::Allowed
        } else {
            PolicyEvaluationDecisionType::ImplicitDeny
        };
        (type_name(policy_type).to_owned(), decision)
    });
    said.into()
}
