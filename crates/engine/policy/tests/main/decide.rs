//! Decisions: conditions one by one, and the order in which policies are asked.

use policy::{
    Context, Decision, Denial, Kind, NoContext, Policies, Policy, Principal, Request, ResourceRule,
    Source, Values, evaluate, explain,
};

/// `key=value` pairs, keys in lower case; values with `|` are several, `key=` has none.
struct Facts(Vec<(String, Vec<String>)>);

impl Facts {
    fn new(text: &str) -> Self {
        let pairs = text.split_whitespace().filter_map(|pair| pair.split_once('='));
        let values = |text: &str| match text {
            "" => Vec::new(),
            text => text.split('|').map(|value| value.replace('_', " ")).collect(),
        };
        Self(pairs.map(|(key, text)| (key.to_owned(), values(text))).collect())
    }
}

impl Context for Facts {
    fn values(&self, key: &str) -> Option<Values<'_>> {
        assert_eq!(key, key.to_ascii_lowercase(), "keys are asked for in lower case");
        let (_, values) = self.0.iter().find(|(known, _)| known == key)?;
        Some(match values.as_slice() {
            [value] => Values::from(value.as_str()),
            values => Values::List(values),
        })
    }
}

fn policy(text: &str, kind: Kind) -> Policy {
    let text = text.replace('\'', "\"");
    Policy::parse(&text, kind).unwrap_or_else(|why| panic!("{why}: {text}"))
}

/// Whether a condition holds, in an Allow and in a Deny.
fn condition(condition: &str, facts: &str) -> (bool, bool) {
    let [allow, deny] = ["Allow", "Deny"].map(|effect| {
        let both = format!(
            "{{'Version': '2012-10-17', 'Statement': [{{'Effect': '{effect}', 'Action': '*', \
             'Resource': '*', 'Condition': {condition}}}]}}"
        );
        let policy = policy(&both, Kind::Identity);
        let source = [Source::new("p", &policy)];
        let policies = Policies { identity: &source, ..Policies::default() };
        let facts = Facts::new(facts);
        let request = Request {
            action: "a:b",
            resource: "*",
            resource_account: None,
            principal: Principal::user("arn:aws:iam::111111111111:user/ann"),
            context: &facts,
        };
        match evaluate(&policies, &request) {
            Decision::Allowed(_) => true,
            Decision::Denied(denial) => denial.is_explicit(),
        }
    });
    (allow, deny)
}

#[test]
fn conditions() {
    let arn = "arn:aws:sns:eu-west-1:111111111111:news";
    for (text, facts, expected) in [
        // Texts.
        ("{'StringEquals': {'a:K': 'x'}}", "a:k=x", true),
        ("{'StringEquals': {'a:K': ['y', 'x']}}", "a:k=x", true),
        ("{'StringEquals': {'a:K': 'X'}}", "a:k=x", false),
        ("{'StringEquals': {'a:K': 'x*'}}", "a:k=xy", false),
        ("{'StringEquals': {'a:K': 'x*'}}", "a:k=x*", true),
        ("{'StringEquals': {'a:K': 'x'}}", "", false),
        ("{'StringEquals': {'a:K': 'x'}}", "a:k=", false),
        ("{'StringEquals': {'a:K': ''}}", "a:k=", false),
        ("{'StringEquals': {'a:K': []}}", "a:k=x", false),
        ("{'StringEquals': {}}", "", true),
        ("{'StringEquals': {'a:K': 'x', 'a:L': 'y'}}", "a:k=x a:l=z", false),
        ("{'StringEquals': {'a:K': 'x'}, 'StringLike': {'a:L': '?'}}", "a:k=x a:l=z", true),
        ("{'StringNotEquals': {'a:K': ['x', 'y']}}", "a:k=x", false),
        ("{'StringNotEquals': {'a:K': ['x', 'y']}}", "a:k=z", true),
        ("{'StringNotEquals': {'a:K': 'x'}}", "", true),
        ("{'StringEqualsIgnoreCase': {'a:K': 'RÉD'}}", "a:k=réd", true),
        ("{'StringNotEqualsIgnoreCase': {'a:K': 'RED'}}", "a:k=Red", false),
        ("{'StringLike': {'a:K': 'h*e/?'}}", "a:k=home/é", true),
        ("{'StringLike': {'a:K': '${*}'}}", "a:k=x", false),
        ("{'StringLike': {'a:K': '${*}${?}${$}'}}", "a:k=*?$", true),
        ("{'StringNotLike': {'a:K': 'h*'}}", "a:k=home", false),
        // If it exists.
        ("{'StringEqualsIfExists': {'a:K': 'x'}}", "", true),
        ("{'StringEqualsIfExists': {'a:K': 'x'}}", "a:k=y", false),
        ("{'NumericLessThanIfExists': {'a:K': '5'}}", "a:k=5", false),
        // Numbers.
        ("{'NumericEquals': {'a:K': '10'}}", "a:k=10.0", true),
        ("{'NumericEquals': {'a:K': 10}}", "a:k=1e1", true),
        ("{'NumericEquals': {'a:K': '9007199254740993'}}", "a:k=9007199254740992", false),
        ("{'NumericEquals': {'a:K': '10'}}", "a:k=ten", false),
        ("{'NumericNotEquals': {'a:K': '10'}}", "a:k=ten", true),
        ("{'NumericLessThan': {'a:K': '-1'}}", "a:k=-1.5", true),
        ("{'NumericLessThanEquals': {'a:K': '5'}}", "a:k=5", true),
        ("{'NumericGreaterThan': {'a:K': '5'}}", "a:k=5", false),
        ("{'NumericGreaterThanEquals': {'a:K': '5'}}", "a:k=5", true),
        ("{'NumericEquals': {'a:K': '1'}}", "a:k=NaN", false),
        // Dates.
        ("{'DateEquals': {'a:K': '1970-01-01T00:01:00Z'}}", "a:k=60", true),
        ("{'DateNotEquals': {'a:K': '2026-01-01'}}", "a:k=2026-01-01T00:00:00Z", false),
        (
            "{'DateLessThan': {'a:K': '2026-01-01T09:00:00+09:00'}}",
            "a:k=2025-12-31T23:59:59Z",
            true,
        ),
        ("{'DateLessThanEquals': {'a:K': '2026-01-01'}}", "a:k=2026-01-01T00:00:00.001Z", false),
        ("{'DateGreaterThan': {'a:K': '2026'}}", "a:k=2027", true),
        ("{'DateGreaterThanEquals': {'a:K': '2026-01-01T00:00:00Z'}}", "a:k=soon", false),
        // Truths, bytes.
        ("{'Bool': {'a:K': 'TRUE'}}", "a:k=true", true),
        ("{'Bool': {'a:K': true}}", "a:k=false", false),
        ("{'Bool': {'a:K': 'false'}}", "", false),
        ("{'BoolIfExists': {'a:K': 'false'}}", "", true),
        ("{'BinaryEquals': {'a:K': 'QmluYXJ5'}}", "a:k=QmluYXJ5", true),
        ("{'BinaryEquals': {'a:K': 'QQ=='}}", "a:k=QQ", true),
        ("{'BinaryEquals': {'a:K': 'QQ=='}}", "a:k=Qg==", false),
        // Addresses.
        ("{'IpAddress': {'a:K': '10.0.0.0/8'}}", "a:k=10.255.255.255", true),
        ("{'IpAddress': {'a:K': '10.0.0.0/8'}}", "a:k=11.0.0.0", false),
        ("{'IpAddress': {'a:K': '10.1.2.3/8'}}", "a:k=10.9.9.9", true),
        ("{'IpAddress': {'a:K': '0.0.0.0/0'}}", "a:k=203.0.113.9", true),
        ("{'IpAddress': {'a:K': '0.0.0.0/0'}}", "a:k=2001:db8::1", false),
        ("{'IpAddress': {'a:K': '203.0.113.9'}}", "a:k=203.0.113.9", true),
        ("{'IpAddress': {'a:K': '203.0.113.0/24'}}", "a:k=::ffff:203.0.113.9", true),
        ("{'IpAddress': {'a:K': '2001:DB8::/33'}}", "a:k=2001:db8:7fff::1", true),
        ("{'IpAddress': {'a:K': '2001:DB8::/33'}}", "a:k=2001:db8:8000::1", false),
        ("{'IpAddress': {'a:K': '::/0'}}", "a:k=2001:db8::1", true),
        ("{'IpAddress': {'a:K': '10.0.0.0/8'}}", "a:k=AWS_Internal", false),
        ("{'NotIpAddress': {'a:K': ['10.0.0.0/8', '11.0.0.0/8']}}", "a:k=11.1.1.1", false),
        ("{'NotIpAddress': {'a:K': '10.0.0.0/8'}}", "a:k=11.1.1.1", true),
        ("{'NotIpAddress': {'a:K': '10.0.0.0/8'}}", "", true),
        // ARNs.
        ("{'ArnLike': {'a:K': 'arn:aws:sns:*:111111111111:n?ws'}}", &format!("a:k={arn}"), true),
        ("{'ArnEquals': {'a:K': 'arn:aws:sns:*:*:*'}}", &format!("a:k={arn}"), true),
        ("{'ArnLike': {'a:K': '*'}}", &format!("a:k={arn}"), true),
        ("{'ArnLike': {'a:K': '*'}}", "a:k=news", false),
        ("{'ArnNotLike': {'a:K': 'arn:aws:sns:*:*:*'}}", &format!("a:k={arn}"), false),
        ("{'ArnNotEquals': {'a:K': 'arn:aws:sns:*:*:other'}}", &format!("a:k={arn}"), true),
        ("{'ArnEquals': {'a:K': '${a:L}'}}", "a:k=arn:a:b:c:d:e a:l=arn:a:b:c:d:e", true),
        ("{'ArnLike': {'a:K': 'arn:aws:s3:::*'}}", "a:k=arn:aws:s3:::a:b/c", true),
        // Presence.
        ("{'Null': {'a:K': 'true'}}", "", true),
        ("{'Null': {'a:K': true}}", "a:k=", true),
        ("{'Null': {'a:K': 'true'}}", "a:k=x", false),
        ("{'Null': {'a:K': 'false'}}", "a:k=x", true),
        ("{'Null': {'a:K': 'false'}}", "", false),
        // Sets.
        ("{'ForAllValues:StringEquals': {'a:K': ['x', 'y', 'z']}}", "a:k=x|y", true),
        ("{'ForAllValues:StringEquals': {'a:K': ['x', 'y']}}", "a:k=x|w", false),
        ("{'ForAllValues:StringEquals': {'a:K': ['x', 'y']}}", "", true),
        ("{'ForAllValues:StringEquals': {'a:K': []}}", "a:k=x", false),
        ("{'ForAllValues:StringNotEquals': {'a:K': ['x', 'y']}}", "a:k=w|x", false),
        ("{'ForAllValues:StringNotEquals': {'a:K': ['x', 'y']}}", "a:k=v|w", true),
        ("{'ForAnyValue:StringLike': {'a:K': 'x*'}}", "a:k=w|xy", true),
        ("{'ForAnyValue:StringEquals': {'a:K': 'x'}}", "a:k=v|w", false),
        ("{'ForAnyValue:StringEquals': {'a:K': 'x'}}", "", false),
        ("{'ForAnyValue:StringNotEquals': {'a:K': 'x'}}", "a:k=x|w", true),
        ("{'ForAnyValue:StringNotEquals': {'a:K': 'x'}}", "", false),
        ("{'ForAnyValue:StringEqualsIfExists': {'a:K': 'x'}}", "", true),
        // Variables.
        ("{'StringEquals': {'a:K': '${a:L}'}}", "a:k=x a:l=x", true),
        ("{'StringEquals': {'a:K': '${A:l}'}}", "a:k=x a:l=y", false),
        ("{'StringLike': {'a:K': '${a:L}/*'}}", "a:k=x/y a:l=x", true),
        ("{'StringLike': {'a:K': '${a:L}'}}", "a:k=xyz a:l=x*", false),
        ("{'StringEquals': {'a:K': '${a:L, 'none'}'}}", "a:k=none", true),
        ("{'StringEqualsIgnoreCase': {'a:K': 'A-${a:L}'}}", "a:k=a-b a:l=B", true),
        (
            "{'ArnLike': {'a:K': 'arn:aws:sns:*:${a:L}:*'}}",
            &format!("a:k={arn} a:l=111111111111"),
            true,
        ),
        ("{'StringEquals': {'a:K': '${a:L'}}", "a:k=${a:L", true),
    ] {
        let text = text.replace(", 'none'}", ", \u{1}none\u{1}}");
        let text = text.replace('\'', "\"").replace('\u{1}', "\u{27}");
        // `policy` would turn the quotes of a default into JSON's.
        let document = text.replace('\u{27}', "\\u0027");
        assert_eq!(condition(&document, facts), (expected, expected), "{text} with {facts}");
    }
}

/// What cannot be said is no reason to allow, and one to deny.
#[test]
fn conditions_that_cannot_be_said() {
    for (text, facts) in [
        ("{'StringEquals': {'a:K': '${a:L}'}}", "a:k=x"),
        ("{'StringNotEquals': {'a:K': '${a:L}'}}", "a:k=x"),
        ("{'StringEquals': {'a:K': '${a:L}'}}", "a:k=x a:l=x|y"),
        ("{'StringLike': {'a:K': 'x/${a:L}/*'}}", "a:k=x/y/z"),
        ("{'StringEqualsIgnoreCase': {'a:K': '${a:L}'}}", "a:k=x"),
        ("{'NumericEquals': {'a:K': 'ten'}}", "a:k=10"),
        ("{'NotIpAddress': {'a:K': '10.0.0.0/33'}}", "a:k=10.1.1.1"),
        ("{'IpAddress': {'a:K': '10.0.0.0/+8'}}", "a:k=10.1.1.1"),
        ("{'Bool': {'a:K': 'yes'}}", "a:k=true"),
        ("{'Null': {'a:K': 'perhaps'}}", "a:k=true"),
        ("{'ArnLike': {'a:K': 'arn:aws:sns:*:news'}}", "a:k=arn:aws:sns:r:1:news"),
        ("{'ArnNotLike': {'a:K': 'news'}}", "a:k=arn:aws:sns:r:1:news"),
        // Several values and no set operator.
        ("{'StringEquals': {'a:K': 'x'}}", "a:k=x|y"),
        ("{'StringNotEquals': {'a:K': 'x'}}", "a:k=x|y"),
    ] {
        assert_eq!(condition(text, facts), (false, true), "{text} with {facts}");
    }
    let sure = condition("{'StringLike': {'a:K': 'x/${a:L}/*'}}", "a:k=y/y/z");
    assert_eq!(sure, (false, false), "no value could match");
    let sure = condition("{'StringNotEquals': {'a:K': 'x/${a:L}'}}", "a:k=y");
    assert_eq!(sure, (true, true), "no value could match");
    let sure = condition("{'NumericEquals': {'a:K': ['ten', '10']}}", "a:k=10");
    assert_eq!(sure, (true, true), "another operand says it");
}

#[test]
fn resources_and_actions() {
    let check = |statement: &str, action: &str, resource: &str, expected: bool| {
        let text =
            format!("{{'Version': '2012-10-17', 'Statement': {{'Effect': 'Allow', {statement}}}}}");
        let policy = policy(&text, Kind::Identity);
        let source = [Source::new("p", &policy)];
        let request = Request {
            action,
            resource,
            resource_account: None,
            principal: Principal::user("arn:aws:iam::111111111111:user/ann"),
            context: &Facts::new("aws:username=ann a:b=x:y"),
        };
        let policies = Policies { identity: &source, ..Policies::default() };
        let is_allowed = evaluate(&policies, &request).is_allowed();
        assert_eq!(is_allowed, expected, "{statement}: {action} on {resource}");
    };
    let object = "arn:aws:s3:::b/a";
    for (statement, action, resource, expected) in [
        ("'Action': 's3:GETobject', 'Resource': '*'", "s3:GetObject", object, true),
        ("'Action': 's3:*Object', 'Resource': '*'", "S3:putobject", object, true),
        ("'Action': 's3:Get?bject*', 'Resource': '*'", "s3:GetObjectAcl", object, true),
        ("'Action': '*:GetObject', 'Resource': '*'", "s3:GetObject", object, true),
        ("'Action': 's3:Get', 'Resource': '*'", "s3:GetObject", object, false),
        ("'NotAction': 's3:Put*', 'Resource': '*'", "s3:GetObject", object, true),
        ("'NotAction': ['s3:Put*', 's3:Get*'], 'Resource': '*'", "s3:GetObject", object, false),
        ("'Action': '*', 'Resource': 'arn:aws:s3:::b'", "s3:GetObject", object, false),
        ("'Action': '*', 'Resource': 'arn:aws:s3:::B/a'", "s3:GetObject", object, false),
        ("'Action': '*', 'Resource': 'arn:aws:s3:::*'", "s3:ListAllMyBuckets", "*", false),
        ("'Action': '*', 'Resource': '*'", "s3:ListAllMyBuckets", "*", true),
        ("'Action': '*', 'NotResource': 'arn:aws:s3:::b/*'", "s3:GetObject", object, false),
        ("'Action': '*', 'NotResource': 'arn:aws:s3:::b/*'", "s3:ListAllMyBuckets", "*", true),
        (
            "'Action': '*', 'Resource': 'arn:aws:s3:::b/${aws:username}'",
            "a:b",
            "arn:aws:s3:::b/ann",
            true,
        ),
        ("'Action': '*', 'Resource': 'arn:aws:s3:::b/${a:b}'", "a:b", "arn:aws:s3:::b/x:y", true),
        ("'Action': '*', 'Resource': 'arn:aws:s3:::b/${a:none}'", "a:b", "arn:aws:s3:::b/", false),
        (
            "'Action': '*', 'NotResource': 'arn:aws:s3:::b/${a:none}'",
            "a:b",
            "arn:aws:s3:::b/",
            false,
        ),
        (
            "'Action': '*', 'NotResource': 'arn:aws:s3:::b/${a:none}'",
            "a:b",
            "arn:aws:sqs:::b",
            true,
        ),
        ("'Action': '*', 'Resource': 'arn:aws:sqs:*'", "a:b", "arn:aws:sqs:r:1:q", true),
        ("'Action': '*', 'Resource': 'arn:aws:sqs:r:*'", "a:b", "arn:aws:sqs:s:1:q", false),
        // A wildcard stays between its colons, but for the last part.
        ("'Action': '*', 'Resource': 'arn:aws:sqs:*:q'", "a:b", "arn:aws:sqs:r:1:q", false),
        ("'Action': '*', 'Resource': 'arn:aws:l:r:1:*:end'", "a:b", "arn:aws:l:r:1:g:x:end", true),
        ("'Action': '*', 'Resource': 'arn:aws:s3:::b/?'", "a:b", "arn:aws:s3:::b/é", true),
    ] {
        check(statement, action, resource, expected);
    }
}

const ALLOW: &str = "{'Version': '2012-10-17', 'Statement': {'Effect': 'Allow', 'Action': 'q:Send', 'Resource': '*'}}";
const DENY: &str = "{'Version': '2012-10-17', 'Statement': {'Effect': 'Deny', 'Action': 'q:Send', 'Resource': '*'}}";
const OTHER: &str = "{'Version': '2012-10-17', 'Statement': {'Effect': 'Allow', 'Action': 'q:Other', 'Resource': '*'}}";
const USER: Principal = Principal::user("arn:aws:iam::111111111111:user/ann");
const SESSION: Principal = Principal::session(
    "arn:aws:sts::111111111111:assumed-role/job/one",
    "arn:aws:iam::111111111111:role/job",
);
const FEDERATED: Principal = Principal::federated_user(
    "arn:aws:sts::111111111111:federated-user/eve",
    "arn:aws:iam::111111111111:user/ann",
);

/// What bears on a request, by one letter each: `i`dentity, `b`oundary, `s`ession, `c`ontrol
/// (service), `l`imit (resource control); `+` allows, `-` denies, `0` speaks of something else.
/// A principal is the resource's policy: it allows that principal; with `!`, it denies; and with
/// `#` in front the resource needs a policy.
fn order(who: Principal, facts: &str, resource_account: &str) -> String {
    let parsed: Vec<(&str, Policy)> = facts
        .split_whitespace()
        .filter(|fact| fact.len() == 2)
        .map(|fact| {
            let text = match &fact[1..] {
                "+" => ALLOW,
                "-" => DENY,
                _ => OTHER,
            };
            (&fact[..1], policy(text, Kind::Identity))
        })
        .collect();
    let of = |letter: &str| -> Vec<Source> {
        let fits = parsed.iter().filter(|(kind, _)| *kind == letter);
        fits.map(|(_, policy)| Source::new("p", policy)).collect()
    };
    let resource: Vec<Policy> = facts
        .split_whitespace()
        .filter(|fact| fact.len() > 2)
        .map(|fact| {
            let effect = if fact.contains('!') { "Deny" } else { "Allow" };
            let named = fact.trim_start_matches(['!', '#']);
            let (kind, named) = named.split_once('=').unwrap_or(("AWS", named));
            let text = format!(
                "{{'Statement': {{'Effect': '{effect}', 'Action': 'q:Send', \
                 'Principal': {{'{kind}': '{}'}}}}}}",
                named.replace("ALL", "*")
            );
            policy(&text, Kind::Resource)
        })
        .collect();
    let resource: Vec<Source> = resource.iter().map(|policy| Source::new("r", policy)).collect();
    let (identity, session) = (of("i"), of("s"));
    let (control, limit) = (of("c"), of("l"));
    let (control, limit): (Vec<&[Source]>, Vec<&[Source]>) =
        (control.chunks(1).collect(), limit.chunks(1).collect());
    let policies = Policies {
        identity: &identity,
        boundary: of("b").first().copied(),
        session: &session,
        resource: &resource,
        rule: if facts.contains('#') { ResourceRule::Required } else { ResourceRule::Additive },
        service_control: &control,
        resource_control: &limit,
    };
    let request = Request {
        action: "q:Send",
        resource: "arn:aws:q:r:111111111111:jobs",
        resource_account: Some(resource_account),
        principal: who,
        context: &NoContext,
    };
    match evaluate(&policies, &request) {
        Decision::Allowed(Some(by)) => format!("by {}", by.source),
        Decision::Allowed(None) => "allowed".to_owned(),
        Decision::Denied(denial) => denial.reason("q:Send").to_string(),
    }
}

#[test]
fn order_of_policies() {
    let none = |what: &str| format!("because no {what} allows the q:Send action");
    let identity = &none("identity-based policy");
    let boundary = &none("permissions boundary");
    let session = &none("session policy");
    let resource = &none("resource-based policy");
    let root = Principal::root("arn:aws:iam::111111111111:root");
    let lambda = Principal::service("lambda.amazonaws.com");
    let canonical = USER.with_canonical_id("0123456789abcdef0123456789abcdef");
    let unique = SESSION.with_unique_id("AROA0123456789ABCDEFG");
    let denied = |what: &str| format!("with an explicit deny in {what}");
    for (who, facts, expected) in [
        (USER, "", identity.as_str()),
        (USER, "i0", identity),
        (USER, "i+", "by p"),
        (USER, "i+ i-", &denied("an identity-based policy")),
        (USER, "i+ b0", boundary),
        (USER, "i+ b+", "by p"),
        (USER, "i+ b-", &denied("a permissions boundary")),
        (USER, "b+", identity),
        (USER, "i0 b0", identity),
        (SESSION, "i+ s0", session),
        (SESSION, "i+ s0 s+", "by p"),
        (SESSION, "i+ b0 s0", boundary),
        (SESSION, "i+ s-", &denied("a session policy")),
        // Organisations.
        (USER, "i+ c0", &none("service control policy")),
        (USER, "i+ c+ c0", &none("service control policy")),
        (USER, "i+ c+ c+", "by p"),
        (USER, "i+ c-", &denied("a service control policy")),
        (USER, "i+ l0", &none("resource control policy")),
        (USER, "i+ l- c-", &denied("a resource control policy")),
        (root, "c0", &none("service control policy")),
        // The resource's policy, in the same account.
        (USER, "arn:aws:iam::111111111111:user/ann", "by r"),
        (USER, "b0 arn:aws:iam::111111111111:user/ann", "by r"),
        (USER, "arn:aws:iam::111111111111:user/bob", identity),
        (USER, "111111111111", identity),
        (USER, "arn:aws:iam::111111111111:root", identity),
        (USER, "i+ 111111111111", "by p"),
        (USER, "i+ !ALL", &denied("a resource-based policy")),
        (USER, "i+ i- !ALL", &denied("a resource-based policy")),
        (USER, "i- ALL", &denied("an identity-based policy")),
        (USER, "b0 ALL", "by r"),
        (SESSION, "arn:aws:iam::111111111111:role/job", "by r"),
        (SESSION, "b0 arn:aws:iam::111111111111:role/job", boundary),
        (SESSION, "b+ s0 arn:aws:iam::111111111111:role/job", session),
        (SESSION, "b0 s0 arn:aws:sts::111111111111:assumed-role/job/one", "by r"),
        (SESSION, "arn:aws:sts::111111111111:assumed-role/job/two", identity),
        (SESSION, "b0 s0 ALL", "by r"),
        (unique, "AROA0123456789ABCDEFG", "by r"),
        (SESSION, "AROA0123456789ABCDEFG", identity),
        (canonical, "CanonicalUser=0123456789abcdef0123456789abcdef", identity),
        (canonical, "i+ #CanonicalUser=0123456789abcdef0123456789abcdef", "by p"),
        (FEDERATED, "i+", session),
        (FEDERATED, "i+ s+", "by p"),
        (FEDERATED, "arn:aws:sts::111111111111:federated-user/eve", "by r"),
        (FEDERATED, "arn:aws:iam::111111111111:user/ann", session),
        (root, "", "allowed"),
        (root, "111111111111", "by r"),
        (root, "!111111111111", &denied("a resource-based policy")),
        (root, "i- b-", &denied("an identity-based policy")),
        // A resource that needs a policy.
        (USER, "i+ #222222222222", resource),
        (USER, "i+ #111111111111", "by p"),
        (USER, "#111111111111", identity),
        (USER, "#arn:aws:iam::111111111111:user/ann", "by r"),
        (root, "#222222222222", resource),
        (root, "#111111111111", "by r"),
        // Those without account.
        (lambda, "i+", resource),
        (lambda, "Service=lambda.amazonaws.com", "by r"),
        (lambda, "Service=s3.amazonaws.com", resource),
        (lambda, "ALL c-", "by r"),
        (lambda, "111111111111", resource),
        (Principal::anonymous(), "i+", resource),
        (Principal::anonymous(), "ALL", "by r"),
        (Principal::anonymous(), "ALL l0", &none("resource control policy")),
        (Principal::federated("accounts.google.com"), "Federated=accounts.google.com", "by r"),
        (Principal::federated("accounts.google.com"), "Federated=www.amazon.com", resource),
    ] {
        assert_eq!(order(who, facts, "111111111111"), expected, "{who:?} with {facts:?}");
    }
    for (who, facts, expected) in [
        (USER, "i+", resource.as_str()),
        (USER, "ALL", identity),
        (USER, "i+ ALL", "by r"),
        (USER, "i+ 111111111111", "by r"),
        (USER, "i+ b0 arn:aws:iam::111111111111:user/ann", boundary),
        (SESSION, "i+ s0 arn:aws:sts::111111111111:assumed-role/job/one", session),
        (root, "", resource),
        (root, "111111111111", "by r"),
        (lambda, "Service=lambda.amazonaws.com", "by r"),
    ] {
        assert_eq!(order(who, facts, "999999999999"), expected, "{who:?} across, with {facts:?}");
    }
}

#[test]
fn trust_policies() {
    let check = |who: Principal, principal: &str, expected: &str| {
        let text = format!(
            "{{'Version': '2012-10-17', 'Statement': {{'Effect': 'Allow', \
             'Principal': {{{principal}}}, 'Action': 'sts:AssumeRole'}}}}"
        );
        let trust = policy(&text, Kind::Trust);
        let request = Request {
            action: "sts:AssumeRole",
            resource: "arn:aws:iam::111111111111:role/job",
            resource_account: Some("111111111111"),
            principal: who,
            context: &NoContext,
        };
        let policies = Policies {
            resource: &[Source::new("trust", &trust)],
            rule: ResourceRule::Required,
            ..Policies::default()
        };
        let said = match evaluate(&policies, &request) {
            Decision::Allowed(_) => "allowed".to_owned(),
            Decision::Denied(denial) => denial.reason("sts:AssumeRole").to_string(),
        };
        assert_eq!(said, expected, "{who:?} with {principal}");
    };
    let none = "because no role trust policy allows the sts:AssumeRole action";
    let identity = "because no identity-based policy allows the sts:AssumeRole action";
    check(USER, "'AWS': 'arn:aws:iam::111111111111:user/ann'", "allowed");
    check(USER, "'AWS': '111111111111'", identity);
    check(USER, "'AWS': '222222222222'", none);
    check(Principal::service("ec2.amazonaws.com"), "'Service': 'ec2.amazonaws.com'", "allowed");
    check(Principal::service("s3.amazonaws.com"), "'Service': 'ec2.amazonaws.com'", none);
}

/// Who is exempt from a Deny must be listed at every level.
#[test]
fn not_principal() {
    let check = |who: Principal, exempt: &str, is_denied: bool| {
        let text = format!(
            "{{'Statement': {{'Effect': 'Deny', 'Action': '*', 'NotPrincipal': {{{exempt}}}}}}}"
        );
        let deny = policy(&text, Kind::Resource);
        let allow = policy(ALLOW, Kind::Identity);
        let request = Request {
            action: "q:Send",
            resource: "arn:aws:q:r:111111111111:jobs",
            resource_account: None,
            principal: who,
            context: &NoContext,
        };
        let policies = Policies {
            identity: &[Source::new("p", &allow)],
            resource: &[Source::new("r", &deny)],
            ..Policies::default()
        };
        let is_allowed = evaluate(&policies, &request).is_allowed();
        assert_eq!(is_allowed, !is_denied, "{who:?} with {exempt}");
    };
    let (user, role) = ("arn:aws:iam::111111111111:user/ann", "arn:aws:iam::111111111111:role/job");
    let session = "arn:aws:sts::111111111111:assumed-role/job/one";
    check(USER, &format!("'AWS': ['{user}', '111111111111']"), false);
    check(USER, &format!("'AWS': '{user}'"), true);
    check(USER, "'AWS': '111111111111'", true);
    check(USER, "'AWS': '*'", false);
    check(SESSION, &format!("'AWS': ['{session}', '{role}', '111111111111']"), false);
    check(SESSION, &format!("'AWS': ['{role}', '111111111111']"), true);
    check(Principal::root("arn:aws:iam::111111111111:root"), "'AWS': '111111111111'", false);
}

/// What the simulator prints of a statement; the first two places are those of the examples in
/// the AWS CLI's help.
#[test]
fn matched_statements_and_missing_keys() {
    let one = "{'Version':'2012-10-17','Statement':{'Effect':'Allow','Action':'dynamodb:*',\
               'Resource':'*','Condition':{'DateGreaterThan':{'aws:CurrentTime':\
               '2018-08-16T12:00:00Z'}}}}";
    let two = "{\n    'Version': '2012-10-17',\n    'Statement': [\n        {\n            \
               'Effect': 'Deny', 'Action': 'x:*', 'Resource': '*'\n        },\n        {'Sid': 'B', \
               'Effect': 'Allow', 'Action': '*', 'Resource': 'arn:aws:s3:::${aws:userid}/é*',\
               'Condition': {'StringLike': {'aws:UserAgent': '${aws:CURRENTTIME}'}}}, {\n'Effect': \
               'Allow', 'Action': '*', 'Resource': '*'}]}";
    let check = |text: &str, action: &str, expected: &str| {
        let policy = policy(text, Kind::Identity);
        let source = [Source::new("p", &policy)];
        let policies = Policies { identity: &source, ..Policies::default() };
        let facts = Facts::new("aws:currenttime=2026-01-01 aws:userid=a");
        let request = Request {
            action,
            resource: "arn:aws:s3:::a/éa",
            resource_account: None,
            principal: USER,
            context: &facts,
        };
        let explained = explain(&policies, &request);
        let places: Vec<String> = explained
            .matched
            .iter()
            .map(|m| {
                let (from, to) = (m.start, m.end);
                format!("{} {}:{}-{}:{}", m.index, from.line, from.column, to.line, to.column)
            })
            .collect();
        let missing = explained.missing.join(" ");
        assert_eq!(format!("{} missing {missing}", places.join(", ")), expected, "{text}");
        assert_eq!(explained.decision, evaluate(&policies, &request));
        assert_eq!(explained.allows(policy::PolicyType::Identity), explained.decision.is_allowed());
    };
    check(one, "dynamodb:GetItem", "0 1:38-1:167 missing ");
    check(two, "x:y", "0 3:19-6:10, 2 7:169-8:51 missing aws:UserAgent");
    let keys = policy(two, Kind::Identity);
    assert_eq!(keys.context_keys(), ["aws:CURRENTTIME", "aws:UserAgent", "aws:userid"]);
}

#[test]
fn names_the_statement() {
    let text = "{'Version': '2012-10-17', 'Statement': [{'Sid': 'One', 'Effect': 'Allow', 'Action': \
                'a:*', 'Resource': '*'}, {'Sid': 'Two', 'Effect': 'Deny', 'Action': 'a:x', \
                'Resource': '*'}]}";
    let policy = policy(text, Kind::Identity);
    let source = [Source::new("mine", &policy)];
    let policies = Policies { identity: &source, ..Policies::default() };
    let mut request = Request {
        action: "a:b",
        resource: "*",
        resource_account: None,
        principal: USER,
        context: &NoContext,
    };
    let Decision::Allowed(Some(by)) = evaluate(&policies, &request) else { panic!("denied") };
    assert_eq!((by.source, by.index, by.sid), ("mine", 0, Some("One")));
    request.action = "a:x";
    let Decision::Denied(Denial::Explicit(by)) = evaluate(&policies, &request) else {
        panic!("not denied")
    };
    assert_eq!((by.source, by.index, by.sid), ("mine", 1, Some("Two")));
}
