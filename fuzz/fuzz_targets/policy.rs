//! IAM policies: a document of each kind, then a request that its own texts are likely to match.
#![no_main]

use libfuzzer_sys::fuzz_target;
use policy::{
    Context, Effect, Kind, Policies, Policy, Principal, Request, Source, Values, evaluate, explain,
};

/// Answers every key with the same text, or has none.
struct Echo<'a>(&'a str);

impl Context for Echo<'_> {
    fn values(&self, key: &str) -> Option<Values<'_>> {
        match key.len() % 4 {
            0 => None,
            1 => Some(Values::Many(self.0.split(' ').map(Into::into).collect())),
            _ => Some(self.0.into()),
        }
    }
}

fuzz_target!(|text: &str| {
    let (document, rest) = text.split_once('\0').unwrap_or((text, "a:b\0*"));
    let (action, resource) = rest.split_once('\0').unwrap_or((rest, document));
    for kind in [Kind::Identity, Kind::Resource, Kind::Trust] {
        let policy = match Policy::parse(document, kind) {
            Ok(policy) => policy,
            Err(why) => {
                assert!(!why.to_string().is_empty());
                continue;
            }
        };
        policy.is_public(&[]);
        let source = [Source::new("fuzz", &policy)];
        let sources =
            if kind == Kind::Identity { (&source[..], &[][..]) } else { (&[][..], &source[..]) };
        let policies = Policies { identity: sources.0, resource: sources.1, ..Policies::default() };
        let principal = Principal::user("arn:aws:iam::111111111111:user/ann");
        let context = Echo(resource);
        let request =
            Request { action, resource, resource_account: None, principal, context: &context };
        let decision = evaluate(&policies, &request);
        let explained = explain(&policies, &request);
        assert_eq!(decision, explained.decision);
        let has = |effect| explained.matched.iter().any(|found| found.effect == effect);
        if has(Effect::Deny) {
            assert!(!decision.is_allowed());
        } else if kind == Kind::Identity {
            assert_eq!(decision.is_allowed(), has(Effect::Allow));
        }
    }
});
