//! One case, asked of each implementation.

use std::collections::BTreeMap;

use iam_rs::{Arn, ContextValue, IAMPolicy, IAMRequest, PolicyEvaluator, PrincipalId};
use policy::{
    Context, Decision, Kind, Policies, Policy, Principal, Request, Source, Values, evaluate,
};
use scratchstack_aspen as aspen;
use scratchstack_aws_principal::{PrincipalIdentity, SessionData, SessionValue, User};
use serde_json::Value;

use crate::Answer;
use crate::random::{Case, WHO};

struct Facts<'a>(&'a BTreeMap<&'static str, Vec<&'static str>>);

impl Context for Facts<'_> {
    fn values(&self, key: &str) -> Option<Values<'_>> {
        Some(match self.0.get(key)?.as_slice() {
            [value] => Values::from(*value),
            values => Values::Many(values.iter().map(|value| (*value).into()).collect()),
        })
    }
}

/// Makes `true` in a policy a text: the others read no other.
pub fn spell_out(value: &mut Value) {
    match value {
        Value::Bool(truth) => *value = truth.to_string().into(),
        Value::Array(items) => items.iter_mut().for_each(spell_out),
        Value::Object(members) => members.values_mut().for_each(spell_out),
        _ => {}
    }
}

/// Our engine.
pub fn ours(case: &Case) -> Answer {
    let policies: Vec<Policy> = case
        .identity
        .iter()
        .map(|text| Policy::parse(&text.to_string(), Kind::Identity).expect("a policy"))
        .collect();
    let sources: Vec<Source> = policies.iter().map(|policy| Source::new("", policy)).collect();
    let policies = Policies { identity: &sources, ..Policies::default() };
    let request = Request {
        action: case.action,
        resource: case.resource_arn,
        resource_account: None,
        principal: Principal::user(WHO[case.who].1),
        context: &Facts(&case.context),
    };
    match evaluate(&policies, &request) {
        Decision::Allowed(_) => Answer::Allowed,
        Decision::Denied(denial) if denial.is_explicit() => Answer::Denied,
        Decision::Denied(_) => Answer::NotAllowed,
    }
}

/// <https://crates.io/crates/iam-rs>, MIT. Its keys are case-sensitive, so it is given the
/// spelling that the policies use.
pub fn iam_rs(case: &Case) -> Answer {
    let mut context = iam_rs::Context::new();
    for (key, values) in &case.context {
        let value = match values.as_slice() {
            ["true"] => ContextValue::Boolean(true),
            ["false"] => ContextValue::Boolean(false),
            [value] if *key == "s3:max-keys" => {
                ContextValue::Number(value.parse().expect("a number"))
            }
            [value] if *key != "aws:tagkeys" => ContextValue::String((*value).to_owned()),
            values => {
                ContextValue::StringList(values.iter().map(|value| (*value).to_owned()).collect())
            }
        };
        context.insert(spelling(key).to_owned(), value);
    }
    let mut policies = Vec::new();
    for text in &case.identity {
        let Ok(policy) = serde_json::from_value::<IAMPolicy>(text.clone()) else {
            return Answer::Refused;
        };
        policies.push(policy);
    }
    let Ok(resource) = Arn::parse(case.resource_arn) else { return Answer::Refused };
    let principal = iam_rs::Principal::Aws(PrincipalId::String(WHO[case.who].1.to_owned()));
    let request = IAMRequest::new_with_context(principal, case.action, resource, context);
    match PolicyEvaluator::with_policies(policies).evaluate(&request).map(|done| done.decision) {
        Ok(iam_rs::Decision::Allow) => Answer::Allowed,
        Ok(iam_rs::Decision::Deny) => Answer::Denied,
        Ok(iam_rs::Decision::NotApplicable) => Answer::NotAllowed,
        Err(_) => Answer::Refused,
    }
}

fn spelling(key: &str) -> &str {
    match key {
        "aws:principaltag/team" => "aws:PrincipalTag/team",
        "aws:currenttime" => "aws:CurrentTime",
        "aws:securetransport" => "aws:SecureTransport",
        "aws:sourceip" => "aws:SourceIp",
        "aws:sourcearn" => "aws:SourceArn",
        "aws:tagkeys" => "aws:TagKeys",
        other => other,
    }
}

/// <https://crates.io/crates/scratchstack-aspen>, MIT. Asked statement by statement: as a whole, it
/// takes the first that applies and so lets an Allow win over a Deny behind it.
pub fn aspen(case: &Case) -> Answer {
    let mut session = SessionData::new();
    for (key, values) in &case.context {
        let [value] = values.as_slice() else { return Answer::Refused };
        let value = match *key {
            "s3:max-keys" => SessionValue::Integer(value.parse().expect("an integer")),
            "aws:currenttime" => SessionValue::Timestamp(value.parse().expect("a date")),
            "aws:securetransport" => SessionValue::Bool(*value == "true"),
            "aws:sourceip" => SessionValue::IpAddr(value.parse().expect("an address")),
            _ => SessionValue::String((*value).to_owned()),
        };
        session.insert(*key, value);
    }
    let (_, arn, _) = WHO[case.who];
    let name = arn.rsplit('/').next().unwrap_or_default();
    let user = User::new("aws", "111111111111", "/", name).expect("a user");
    let (service, api) = case.action.split_once(':').expect("an action");
    let context = aspen::Context::builder()
        .service(service)
        .api(api)
        .actor(vec![PrincipalIdentity::from(user)].into())
        .resources(vec![case.resource_arn.parse().expect("an ARN")])
        .session_data(session)
        .build()
        .expect("a context");
    let mut answer = Answer::NotAllowed;
    for text in &case.identity {
        let Ok(policy) = text.to_string().parse::<aspen::Policy>() else { return Answer::Refused };
        for statement in policy.statement().iter() {
            match statement.evaluate(&context, policy.version()) {
                Ok(aspen::Decision::Deny) => return Answer::Denied,
                Ok(aspen::Decision::Allow) => answer = Answer::Allowed,
                Ok(aspen::Decision::DefaultDeny) => {}
                Err(_) => return Answer::Refused,
            }
        }
    }
    answer
}
