//! What the operations that make sessions have in common: policies, tags, source identity, and the
//! credentials of the answer.

use api_sts::{Credentials, Error, PolicyDescriptorType, Tag};
use kernel::{Arn, Ctx, Principal, SESSION_TOKEN_CHARS_MAX, SessionFacts};
use policy::{Kind, Policy};

use crate::fault::{invalid, invalid_parameter, malformed_policy, not_issued};

/// Characters of an inline session policy.
const POLICY_CHARS_MAX: usize = 2048;
/// Managed session policies.
const POLICY_ARNS_MAX: usize = 10;
/// Session tags, with those that are inherited.
const TAGS_MAX: usize = 50;

/// Puts session policies into `facts`.
pub(crate) fn set_policies(
    facts: &mut SessionFacts,
    policy: Option<String>,
    arns: Option<Vec<PolicyDescriptorType>>,
) -> Result<(), Error> {
    if let Some(text) = policy {
        if text.chars().count() > POLICY_CHARS_MAX {
            return Err(invalid(format!(
                "1 validation error detected: Value '{text:.40}...' at 'policy' failed to satisfy \
                 constraint: Member must have length less than or equal to {POLICY_CHARS_MAX}"
            )));
        }
        Policy::parse(&text, Kind::Identity).map_err(|why| malformed_policy(&why))?;
        facts.policy = Some(text);
    }
    let arns: Vec<String> = arns.into_iter().flatten().filter_map(|policy| policy.arn).collect();
    if arns.len() > POLICY_ARNS_MAX {
        return Err(invalid(format!(
            "1 validation error detected: Value at 'policyArns' failed to satisfy constraint: \
             Member must have length less than or equal to {POLICY_ARNS_MAX}"
        )));
    }
    for arn in &arns {
        let parsed = Arn::parse(arn).map_err(|_| invalid(format!("{arn} is invalid")))?;
        if parsed.service != "iam" || !parsed.resource.starts_with("policy/") {
            return Err(invalid(format!("{arn} is invalid")));
        }
    }
    facts.policy_arns = arns;
    Ok(())
}

/// Puts session tags into `facts`: those of the request, and the transitive ones of the session
/// that asks (`from`).
pub(crate) fn set_tags(
    facts: &mut SessionFacts,
    tags: Vec<(String, String)>,
    transitive: Vec<String>,
    from: Option<&SessionFacts>,
) -> Result<(), Error> {
    for (at, (key, _)) in tags.iter().enumerate() {
        if tags[..at].iter().any(|(other, _)| other.eq_ignore_ascii_case(key)) {
            return Err(invalid_parameter(
                "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
            ));
        }
        if key.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:")) {
            return Err(invalid_parameter(
                "Tag keys that begin with aws: are for system use and cannot be passed.",
            ));
        }
    }
    let known = |key: &String| tags.iter().any(|(tag, _)| tag.eq_ignore_ascii_case(key));
    if !transitive.iter().all(known) {
        return Err(invalid_parameter(
            "The specified transitive tag key must be included in the requested tags.",
        ));
    }
    let inherited: Vec<(String, String)> = from.map(inherited).unwrap_or_default();
    if inherited.iter().any(|(key, _)| known(key)) {
        return Err(invalid_parameter(
            "One of the specified transitive tag keys can't be set because it conflicts with a \
             transitive tag key from the calling session.",
        ));
    }
    facts.transitive_tag_keys = inherited.iter().map(|(key, _)| key.clone()).collect();
    facts.transitive_tag_keys.extend(transitive);
    facts.tags = inherited;
    facts.tags.extend(tags);
    if facts.tags.len() > TAGS_MAX {
        return Err(invalid(format!(
            "1 validation error detected: Value at 'tags' failed to satisfy constraint: Member \
             must have length less than or equal to {TAGS_MAX}"
        )));
    }
    Ok(())
}

/// The tags that go on to the next session.
fn inherited(from: &SessionFacts) -> Vec<(String, String)> {
    let goes_on =
        |key: &String| from.transitive_tag_keys.iter().any(|k| k.eq_ignore_ascii_case(key));
    from.tags.iter().filter(|(key, _)| goes_on(key)).cloned().collect()
}

/// The tags of a request as pairs.
pub(crate) fn pairs(tags: Option<Vec<Tag>>) -> Vec<(String, String)> {
    tags.into_iter().flatten().map(|tag| (tag.key, tag.value)).collect()
}

/// What an identity provider says of a source identity that cannot be one.
pub(crate) const BAD_SOURCE_IDENTITY: &str =
    "Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with \"aws:\"";

/// A source identity that may be set: AWS keeps those that begin with `aws:` to itself.
pub(crate) fn check_source_identity(source: &str) -> Result<(), Error> {
    match source.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("aws:")) {
        true => Err(invalid("Source identities that begin with aws: are for system use.")),
        false => Ok(()),
    }
}

/// Whether a session's name or a source identity is one, where no model has checked it.
pub(crate) fn is_name(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    (2..=64).contains(&text.len()) && text.chars().all(fits)
}

/// Credentials as every answer has them.
pub(crate) struct Issued {
    pub credentials: Credentials,
    /// Percent; absent when nothing was packed.
    pub packed_policy_size: Option<i32>,
    /// Percent of the largest token that can be.
    pub utilization: i32,
    /// Characters of the token.
    pub token_size: i32,
}

/// Makes the credentials of a session.
pub(crate) fn issue(
    ctx: &Ctx,
    principal: &Principal,
    token_chars_min: Option<i32>,
) -> Result<Issued, Error> {
    let facts = principal.session();
    let has_policies = facts.is_some_and(|f| f.policy.is_some() || !f.policy_arns.is_empty());
    let chars_min = usize::try_from(token_chars_min.unwrap_or(0)).unwrap_or(0);
    let made = ctx
        .kernel()
        .credentials()
        .issue(ctx.random(), principal, chars_min)
        .map_err(|error| not_issued(error, has_policies))?;
    let packed = facts.map_or(0, SessionFacts::packed_policy_percent);
    let size = made.session_token.len();
    let number = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
    Ok(Issued {
        packed_policy_size: (packed > 0).then_some(number(packed as usize)),
        utilization: number((size * 100).div_ceil(SESSION_TOKEN_CHARS_MAX)),
        token_size: number(size),
        credentials: Credentials {
            access_key_id: made.access_key_id,
            secret_access_key: made.secret_access_key,
            session_token: made.session_token,
            expiration: made.expiration,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::Fault;

    fn tags(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
    }

    fn check(given: &[(&str, &str)], transitive: &[&str], expected: Result<&[&str], &str>) {
        let from = SessionFacts {
            tags: tags(&[("Dept", "9"), ("Local", "x")]),
            transitive_tag_keys: vec!["dept".into()],
            ..SessionFacts::default()
        };
        let mut facts = SessionFacts::new(0, 1);
        let transitive = transitive.iter().map(|key| key.to_string()).collect();
        let set = set_tags(&mut facts, tags(given), transitive, Some(&from));
        let found = set.map(|()| facts.tags.iter().map(|(k, v)| format!("{k}={v}")).collect());
        let found: Result<Vec<String>, String> = found.map_err(|e| Fault::from(e).code.to_string());
        let expected = expected.map_err(str::to_owned);
        assert_eq!(found, expected.map(|list| list.iter().map(|s| s.to_string()).collect()));
    }

    #[test]
    fn tags_of_a_chain() {
        check(&[], &[], Ok(&["Dept=9"]));
        check(&[("a", "1")], &["A"], Ok(&["Dept=9", "a=1"]));
        check(&[("DEPT", "1")], &[], Err("InvalidParameterValue"));
        check(&[("a", "1"), ("A", "2")], &[], Err("InvalidParameterValue"));
        check(&[("a", "1")], &["b"], Err("InvalidParameterValue"));
        check(&[("aws:x", "1")], &[], Err("InvalidParameterValue"));
        let many: Vec<String> = (0..50).map(|i| format!("k{i}")).collect();
        let many: Vec<(&str, &str)> = many.iter().map(|key| (key.as_str(), "")).collect();
        check(&many, &[], Err("ValidationError"));
    }

    #[test]
    fn session_policies() {
        let check = |policy: Option<&str>, arns: &[&str], expected: Result<(), &str>| {
            let arns = arns.iter().map(|a| PolicyDescriptorType { arn: Some(a.to_string()) });
            let (policy, arns) = (policy.map(str::to_owned), Some(arns.collect()));
            let set = set_policies(&mut SessionFacts::default(), policy, arns);
            let found = set.map_err(|error| Fault::from(error).code.to_string());
            assert_eq!(found, expected.map_err(str::to_owned));
        };
        let good = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#;
        let arn = "arn:aws:iam::aws:policy/ReadOnlyAccess";
        check(Some(good), &[arn], Ok(()));
        check(Some("{}"), &[], Err("MalformedPolicyDocument"));
        check(Some("no json"), &[], Err("MalformedPolicyDocument"));
        check(Some(&" ".repeat(2049)), &[], Err("ValidationError"));
        check(None, &[arn; 11], Err("ValidationError"));
        check(None, &["not-an-arn-but-long-enough"], Err("ValidationError"));
        check(None, &["arn:aws:iam::111122223333:role/r"], Err("ValidationError"));
    }
}
