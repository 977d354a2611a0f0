//! The policy simulator: `SimulateCustomPolicy`, `SimulatePrincipalPolicy`.
//!
//! ```text
//! aws iam simulate-principal-policy --policy-source-arn arn:aws:iam::…:user/ann \
//!     --action-names s3:GetObject --resource-arns arn:aws:s3:::reports/2026.csv
//! {"EvaluationResults": [{"EvalActionName": "s3:GetObject", "EvalDecision": "allowed", …}]}
//! ```

use api_iam::{
    EvaluationResult, SimulateCustomPolicyRequest, SimulatePolicyResponse,
    SimulatePrincipalPolicyRequest,
};
use kernel::Ctx;
use policy::Kind;

use crate::Iam;
use crate::error::{Result, invalid_input};
use crate::page::page;
use crate::simulate::{
    Caller, Document, Excluded, Facts, Simulation, boundary, of_principal, organisation, owner,
};

pub(crate) async fn simulate_custom_policy(
    _: &Iam,
    ctx: &Ctx,
    input: SimulateCustomPolicyRequest,
) -> Result<SimulatePolicyResponse> {
    if input.resource_policy.is_some() && input.caller_arn.is_none() {
        let message = "CallerArn is required if ResourcePolicy is provided.";
        return Err(invalid_input(message).into());
    }
    let caller = match &input.caller_arn {
        Some(arn) => Caller::new(arn)?,
        None => Caller::nobody(ctx.account()),
    };
    let simulation = Simulation {
        identity: Document::read_all("PolicyInputList", &input.policy_input_list)?,
        boundary: boundary(input.permissions_boundary_policy_input_list)?,
        resource: resource_policy(input.resource_policy)?,
        organisation: organisation(input.ordered_organization_policy_input_list)?,
        actions: input.action_names,
        resources: input.resource_arns.filter(|arns| !arns.is_empty()),
        resource_owner: owner(input.resource_owner)?,
        caller,
        facts: Facts::new(input.context_entries)?,
    };
    answer(simulation.run()?, input.marker.as_deref(), input.max_items)
}

pub(crate) async fn simulate_principal_policy(
    _: &Iam,
    ctx: &Ctx,
    input: SimulatePrincipalPolicyRequest,
) -> Result<SimulatePolicyResponse> {
    let excluded = Excluded::new(input.policy_exclusion_list)?;
    let mut named = of_principal(ctx, &input.policy_source_arn, &excluded)?;
    if let Some(arn) = input.caller_arn.filter(|arn| *arn != input.policy_source_arn) {
        named.caller = Caller::new(&arn)?;
    }
    let given = input.policy_input_list.unwrap_or_default();
    named.identity.extend(Document::read_all("PolicyInputList", &given)?);
    let simulation = Simulation {
        identity: named.identity,
        boundary: boundary(input.permissions_boundary_policy_input_list)?.or(named.boundary),
        resource: resource_policy(input.resource_policy)?,
        organisation: Vec::new(),
        actions: input.action_names,
        resources: input.resource_arns.filter(|arns| !arns.is_empty()),
        resource_owner: owner(input.resource_owner)?,
        caller: named.caller,
        facts: Facts::new(input.context_entries)?,
    };
    answer(simulation.run()?, input.marker.as_deref(), input.max_items)
}

fn resource_policy(text: Option<String>) -> Result<Option<Document>> {
    text.map(|text| Document::read("ResourcePolicy".to_owned(), &text, Kind::Resource)).transpose()
}

fn answer(
    results: Vec<EvaluationResult>,
    marker: Option<&str>,
    max_items: Option<i32>,
) -> Result<SimulatePolicyResponse> {
    let keyed = results.into_iter().enumerate().map(|(at, r)| (format!("{at:06}"), r)).collect();
    let page = page(keyed, marker, max_items)?;
    Ok(SimulatePolicyResponse {
        evaluation_results: Some(page.items),
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}
