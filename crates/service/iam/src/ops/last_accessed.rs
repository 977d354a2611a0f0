//! What was used when: `GenerateServiceLastAccessedDetails`, `GetServiceLastAccessedDetails`,
//! `GetServiceLastAccessedDetailsWithEntities`, `ListPoliciesGrantingServiceAccess`.
//!
//! ```text
//! aws iam generate-service-last-accessed-details --arn arn:aws:iam::000000000000:user/ann
//! aws iam get-service-last-accessed-details --job-id …
//! ```

use std::collections::BTreeMap;

use api_iam::{
    AccessAdvisorUsageGranularityType, EntityDetails, EntityInfo,
    GenerateServiceLastAccessedDetailsRequest, GenerateServiceLastAccessedDetailsResponse,
    GetServiceLastAccessedDetailsRequest, GetServiceLastAccessedDetailsResponse,
    GetServiceLastAccessedDetailsWithEntitiesRequest,
    GetServiceLastAccessedDetailsWithEntitiesResponse, JobStatusType,
    ListPoliciesGrantingServiceAccessEntry, ListPoliciesGrantingServiceAccessRequest,
    ListPoliciesGrantingServiceAccessResponse, PolicyGrantingServiceAccess, PolicyOwnerEntityType,
    PolicyType, ServiceLastAccessed,
};
use kernel::{Ctx, Fault, Timestamp};
use policy::{Effect, Kind, Policy};
use store::{ReadTx, Scan};

use crate::entity::{self, change};
use crate::error::{Result, arn_invalid, no_such};
use crate::lookup::{SERVICE_USES, Source, Statement};
use crate::page::page;
use crate::record::{
    GroupRecord, JOBS, JobRecord, JobService, JobUse, MEMBERS, RoleRecord, UserRecord,
};
use crate::{Iam, arn, attach, lookup, managed};

/// An entity whose uses are asked for, and the policies that let it.
struct Subject {
    entities: Vec<JobUse>,
    policies: Vec<Statement>,
}

/// Whom an ARN stands for: a user, a role, the users of a group, those a policy is attached to.
fn subject(tx: &ReadTx, account: &str, asked: &str) -> Result<Subject> {
    let absent = || no_such(format!("ARN {asked} cannot be found."));
    let own = |kind: &str| arn::parts(asked, kind).filter(|(owner, _, _)| *owner == account);
    if let Some((_, _, name)) = own("user") {
        let user = entity::find::<UserRecord>(tx, account, name)?.ok_or_else(absent)?;
        let identity = lookup::user(tx, account, name)?.ok_or_else(absent)?;
        return Ok(Subject { entities: vec![of_user(account, user)], policies: identity.policies });
    }
    if let Some((_, _, name)) = own("role") {
        let role = entity::find::<RoleRecord>(tx, account, name)?.ok_or_else(absent)?;
        let found = lookup::role(tx, account, name)?.ok_or_else(absent)?;
        let entities = vec![of_role(account, role)];
        return Ok(Subject { entities, policies: found.identity.policies });
    }
    if let Some((_, _, name)) = own("group") {
        let group = entity::find::<GroupRecord>(tx, account, name)?.ok_or_else(absent)?;
        let mut entities = Vec::new();
        for (key, ()) in tx.scan(&MEMBERS, Scan::prefix((account, &entity::key(&group.name))))? {
            let user = entity::find::<UserRecord>(tx, account, &super::last_part(&key))?;
            entities.extend(user.map(|user| of_user(account, user)));
        }
        return Ok(Subject { entities, policies: lookup::group_policies(tx, account, &group)? });
    }
    if arn::parts(asked, "policy").is_none() {
        return Err(arn_invalid(asked).into());
    }
    let policy = managed::load(tx, account, asked)?;
    let mut entities = Vec::new();
    for user in attach::users(tx, account, asked)? {
        match user.kind.as_str() {
            "user" => {
                let found = entity::find::<UserRecord>(tx, account, &user.name)?;
                entities.extend(found.map(|found| of_user(account, found)));
            }
            "role" => {
                let found = entity::find::<RoleRecord>(tx, account, &user.name)?;
                entities.extend(found.map(|found| of_role(account, found)));
            }
            _ => {}
        }
    }
    let source = Source::Managed(asked.to_owned());
    let document = policy.document().to_owned();
    Ok(Subject { entities, policies: vec![Statement { source, document }] })
}

fn of_user(account: &str, user: UserRecord) -> JobUse {
    JobUse {
        at_ms: 0,
        region: String::new(),
        arn: arn::of(account, "user", &user.path, &user.name),
        name: user.name,
        id: user.id,
        path: user.path,
        kind: "USER".to_owned(),
    }
}

fn of_role(account: &str, role: RoleRecord) -> JobUse {
    JobUse {
        at_ms: 0,
        region: String::new(),
        arn: arn::of(account, "role", &role.path, &role.name),
        name: role.name,
        id: role.id,
        path: role.path,
        kind: "ROLE".to_owned(),
    }
}

/// Services that policies allow something of, of those that this cloud has; a star is all of them.
fn allowed_services(ctx: &Ctx, policies: &[Statement]) -> Vec<String> {
    let served = ctx.kernel().services();
    let mut services: Vec<String> = served
        .map(|(name, _)| name.to_owned())
        .filter(|service| policies.iter().any(|policy| grants(&policy.document, service)))
        .collect();
    services.sort_unstable();
    services.dedup();
    services
}

/// Does a policy allow an action of this service, whatever its conditions?
fn grants(document: &str, service: &str) -> bool {
    let Ok(policy) = Policy::parse(document, Kind::Identity) else { return false };
    policy.statements().iter().filter(|s| s.effect() == Effect::Allow).any(|statement| {
        let (mut actions, is_not) = statement.actions();
        let whole = format!("{service}:*");
        match is_not {
            true => !actions.any(|action| action == "*" || action.eq_ignore_ascii_case(&whole)),
            false => actions.any(|action| {
                let vendor = action.split(':').next().unwrap_or_default();
                action == "*" || vendor == "*" || vendor.eq_ignore_ascii_case(service)
            }),
        }
    })
}

pub(crate) async fn generate_service_last_accessed_details(
    _: &Iam,
    ctx: &Ctx,
    input: GenerateServiceLastAccessedDetailsRequest,
) -> Result<GenerateServiceLastAccessedDetailsResponse> {
    if matches!(input.granularity, Some(AccessAdvisorUsageGranularityType::ActionLevel)) {
        let what = "last access by action (Granularity ACTION_LEVEL)";
        return Err(Fault::not_implemented(what).into());
    }
    let (account, id, now_ms) = (ctx.account(), ctx.random().uuid(), ctx.now().epoch_ms);
    change(ctx, |tx| {
        let subject = subject(tx, account, &input.arn)?;
        let mut services: BTreeMap<String, Vec<JobUse>> =
            allowed_services(ctx, &subject.policies).into_iter().map(|s| (s, vec![])).collect();
        for entity in &subject.entities {
            for (_, used) in tx.scan(&SERVICE_USES, Scan::prefix((account, &entity.id)))? {
                // What the policies no longer allow is not told, as in AWS.
                if let Some(uses) = services.get_mut(&used.service) {
                    let (at_ms, region) = (used.at_ms, used.region);
                    uses.push(JobUse { at_ms, region, ..entity.clone() });
                }
            }
        }
        let services = services.into_iter().map(|(service, mut uses)| {
            uses.sort_by_key(|used| std::cmp::Reverse(used.at_ms));
            JobService { service, uses }
        });
        let job = JobRecord { made_ms: now_ms, services: services.collect() };
        Ok(tx.put(&JOBS, (account, &id), &job)?)
    })
    .await?;
    Ok(GenerateServiceLastAccessedDetailsResponse { job_id: Some(id) })
}

fn job(ctx: &Ctx, id: &str) -> Result<JobRecord> {
    let found = ctx.store().read(|tx| tx.get(&JOBS, (ctx.account(), id)))?;
    Ok(found.ok_or_else(|| no_such(format!("The job with id {id} cannot be found.")))?)
}

pub(crate) async fn get_service_last_accessed_details(
    _: &Iam,
    ctx: &Ctx,
    input: GetServiceLastAccessedDetailsRequest,
) -> Result<GetServiceLastAccessedDetailsResponse> {
    let job = job(ctx, &input.job_id)?;
    let made = Timestamp::from_ms(job.made_ms);
    let shown = job.services.into_iter().map(|found| {
        let last = found.uses.first();
        let shown = ServiceLastAccessed {
            service_name: service_name(ctx, &found.service),
            last_authenticated: last.map(|used| Timestamp::from_ms(used.at_ms)),
            service_namespace: found.service.clone(),
            last_authenticated_entity: last.map(|used| used.arn.clone()),
            last_authenticated_region: last.map(|used| used.region.clone()),
            total_authenticated_entities: Some(found.uses.len() as i32),
            tracked_actions_last_accessed: None,
        };
        (found.service, shown)
    });
    let page = page(shown.collect(), input.marker.as_deref(), input.max_items)?;
    Ok(GetServiceLastAccessedDetailsResponse {
        job_status: JobStatusType::Completed,
        job_type: Some(AccessAdvisorUsageGranularityType::ServiceLevel),
        job_creation_date: made,
        services_last_accessed: page.items,
        job_completion_date: made,
        is_truncated: page.is_truncated,
        marker: page.marker,
        error: None,
    })
}

/// The service's name for people, as far as its model has one.
fn service_name(ctx: &Ctx, service: &str) -> String {
    let model = ctx.kernel().service(service).map(|dispatch| dispatch.model());
    model.map_or_else(|| service.to_owned(), |model| model.service.id.to_string())
}

pub(crate) async fn get_service_last_accessed_details_with_entities(
    _: &Iam,
    ctx: &Ctx,
    input: GetServiceLastAccessedDetailsWithEntitiesRequest,
) -> Result<GetServiceLastAccessedDetailsWithEntitiesResponse> {
    let job = job(ctx, &input.job_id)?;
    let made = Timestamp::from_ms(job.made_ms);
    let mut services = job.services.into_iter();
    let found = services.find(|found| found.service == input.service_namespace);
    let uses = found.map(|found| found.uses).unwrap_or_default();
    let shown = uses.into_iter().enumerate().map(|(at, used)| {
        let details = EntityDetails {
            entity_info: EntityInfo {
                arn: used.arn,
                name: used.name,
                r#type: PolicyOwnerEntityType::from(used.kind.as_str()),
                id: used.id,
                path: Some(used.path),
            },
            last_authenticated: Some(Timestamp::from_ms(used.at_ms)),
        };
        (format!("{at:06}"), details)
    });
    let page = page(shown.collect(), input.marker.as_deref(), input.max_items)?;
    Ok(GetServiceLastAccessedDetailsWithEntitiesResponse {
        job_status: JobStatusType::Completed,
        job_creation_date: made,
        job_completion_date: made,
        entity_details_list: page.items,
        is_truncated: page.is_truncated,
        marker: page.marker,
        error: None,
    })
}

pub(crate) async fn list_policies_granting_service_access(
    _: &Iam,
    ctx: &Ctx,
    input: ListPoliciesGrantingServiceAccessRequest,
) -> Result<ListPoliciesGrantingServiceAccessResponse> {
    let account = ctx.account();
    let policies = ctx
        .store()
        .read(|tx| Ok::<_, api_iam::Error>(subject(tx, account, &input.arn)?.policies))?;
    let entries = input.service_namespaces.into_iter().enumerate().map(|(at, service)| {
        let granting = policies.iter().filter(|policy| grants(&policy.document, &service));
        let entry = ListPoliciesGrantingServiceAccessEntry {
            policies: Some(granting.map(|policy| shown(&policy.source)).collect()),
            service_namespace: Some(service),
        };
        (format!("{at:06}"), entry)
    });
    let page = page(entries.collect(), input.marker.as_deref(), None)?;
    Ok(ListPoliciesGrantingServiceAccessResponse {
        policies_granting_service_access: page.items,
        is_truncated: page.is_truncated,
        marker: page.marker,
    })
}

fn shown(source: &Source) -> PolicyGrantingServiceAccess {
    match source {
        Source::Managed(policy_arn) => PolicyGrantingServiceAccess {
            policy_name: arn::parts(policy_arn, "policy")
                .map_or("", |(_, _, name)| name)
                .to_owned(),
            policy_type: PolicyType::Managed,
            policy_arn: Some(policy_arn.clone()),
            ..PolicyGrantingServiceAccess::default()
        },
        Source::Inline(kind, entity, name) => PolicyGrantingServiceAccess {
            policy_name: name.clone(),
            policy_type: PolicyType::Inline,
            policy_arn: None,
            entity_type: Some(PolicyOwnerEntityType::from(kind.to_uppercase().as_str())),
            entity_name: Some(entity.clone()),
        },
    }
}
