//! The engine against the slow interpreter.

use std::collections::BTreeMap;

use policy::{
    Context, Decision, Kind, Policies, Policy, Principal, Request, ResourceRule, Source, Values,
    evaluate,
};

use crate::random::{Case, Draw, WHO, World, case};
use crate::slow;

/// A case's context.
pub struct Facts<'a>(pub &'a BTreeMap<&'static str, Vec<&'static str>>);

impl Context for Facts<'_> {
    fn values(&self, key: &str) -> Option<Values<'_>> {
        let values = self.0.get(key)?;
        Some(match values.as_slice() {
            [value] => Values::from(*value),
            values => Values::Many(values.iter().map(|value| (*value).into()).collect()),
        })
    }
}

fn principal(case: &Case) -> Principal<'static> {
    match WHO[case.who] {
        ("user", arn, _) => Principal::user(arn),
        ("session", arn, role) => Principal::session(arn, role),
        ("root", arn, _) => Principal::root(arn),
        ("federated-user", arn, issuer) => Principal::federated_user(arn, issuer),
        ("service", name, _) => Principal::service(name),
        _ => Principal::anonymous(),
    }
}

fn decide(case: &Case) -> String {
    let parse = |text: &serde_json::Value, kind| {
        Policy::parse(&text.to_string(), kind).unwrap_or_else(|why| panic!("{why}: {text}"))
    };
    let identity: Vec<Policy> = case.identity.iter().map(|p| parse(p, Kind::Identity)).collect();
    let session: Vec<Policy> = case.session.iter().map(|p| parse(p, Kind::Identity)).collect();
    let boundary = case.boundary.as_ref().map(|p| parse(p, Kind::Identity));
    let resource = case.resource.as_ref().map(|p| parse(p, Kind::Resource));
    let identity = sources(&identity);
    let session = sources(&session);
    let resource: Vec<Source> = resource.iter().map(|policy| Source::new("", policy)).collect();
    let policies = Policies {
        identity: &identity,
        boundary: boundary.as_ref().map(|policy| Source::new("", policy)),
        session: &session,
        resource: &resource,
        rule: if case.is_required { ResourceRule::Required } else { ResourceRule::Additive },
        ..Policies::default()
    };
    let request = Request {
        action: case.action,
        resource: case.resource_arn,
        resource_account: Some(case.resource_account),
        principal: principal(case),
        context: &Facts(&case.context),
    };
    match evaluate(&policies, &request) {
        Decision::Allowed(_) => "allowed".to_owned(),
        Decision::Denied(denial) => {
            let how = if denial.is_explicit() { "explicit" } else { "implicit" };
            format!("{how} {}", denial.policy_type().name())
        }
    }
}

fn sources(policies: &[Policy]) -> Vec<Source<'_>> {
    policies.iter().map(|policy| Source::new("", policy)).collect()
}

#[test]
fn agrees_with_the_slow_interpreter() {
    let rounds = std::env::var("GUREUM_POLICY_CASES").map_or(6_000, |n| n.parse().expect("cases"));
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for seed in 0..rounds {
        let world = World { has_layers: seed % 4 != 0, has_sets: seed % 3 != 0, operands_max: 3 };
        let case = case(&mut Draw(seed), world);
        let expected = slow::decide(&case);
        assert_eq!(decide(&case), expected, "seed {seed}: {case:#?}");
        *seen.entry(expected).or_default() += 1;
    }
    println!("{seen:#?}");
    // Every answer there is must have come up.
    assert_eq!(seen.len(), 9, "{seen:#?}");
    assert!(seen.values().all(|count| *count as u64 > rounds / 500), "{seen:#?}");
}
