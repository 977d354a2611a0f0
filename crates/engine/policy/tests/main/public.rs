//! Policies for everybody, and policies that would help.

use policy::{
    Decision, Kind, NoContext, Policies, Policy, PolicyType, Principal, Request, ResourceRule,
    Source, Suggestion, evaluate, smallest, suggest,
};

#[test]
fn public_policies() {
    let check = |principal: &str, condition: &str, expected: bool| {
        let text = format!(
            "{{'Statement': {{'Effect': 'Allow', 'Action': 's3:*', 'Principal': {principal}, \
             'Resource': '*', 'Condition': {condition}}}}}"
        );
        let policy = Policy::parse(&text.replace('\'', "\""), Kind::Resource).expect(&text);
        let is_public = policy.is_public(&["s3:dataaccesspointarn"]);
        assert_eq!(is_public, expected, "{principal} {condition}");
    };
    for principal in ["'*'", "{'AWS': '*'}", "{'AWS': ['111111111111', '*']}"] {
        check(principal, "{}", true);
    }
    for principal in ["{'AWS': '111111111111'}", "{'Service': 'logging.s3.amazonaws.com'}"] {
        check(principal, "{}", false);
    }
    for (condition, is_public) in [
        ("{'StringEquals': {'aws:SourceVpc': 'vpc-91237329'}}", false),
        ("{'StringLike': {'aws:SourceVpc': 'vpc-*'}}", true),
        ("{'StringLike': {'aws:SourceVpc': 'vpc-91237329'}}", false),
        ("{'StringEquals': {'aws:SourceVpc': ['vpc-1', 'vpc-2']}}", false),
        ("{'StringEqualsIfExists': {'aws:SourceVpc': 'vpc-1'}}", true),
        ("{'ForAllValues:StringEquals': {'aws:SourceVpc': 'vpc-1'}}", true),
        ("{'StringNotEquals': {'aws:SourceVpc': 'vpc-1'}}", true),
        ("{'StringEquals': {'aws:UserAgent': 'secret'}}", true),
        ("{'StringEquals': {'aws:PrincipalOrgID': 'o-1'}}", false),
        ("{'StringLike': {'aws:userid': 'AROAEXAMPLE:*'}}", false),
        ("{'StringLike': {'aws:userid': 'AROA*'}}", true),
        ("{'IpAddress': {'aws:SourceIp': '203.0.113.0/24'}}", false),
        ("{'IpAddress': {'aws:SourceIp': ['203.0.113.0/24', '0.0.0.0/1']}}", true),
        ("{'IpAddress': {'aws:SourceIp': '::/0'}}", true),
        ("{'NotIpAddress': {'aws:SourceIp': '203.0.113.0/24'}}", true),
        ("{'ArnLike': {'aws:SourceArn': 'arn:aws:sns:*:111111111111:*'}}", false),
        ("{'ArnLike': {'aws:SourceArn': 'arn:aws:sns:*:*:news'}}", true),
        ("{'ArnEquals': {'aws:SourceArn': 'arn:aws:s3:::one-bucket'}}", false),
        ("{'ArnLike': {'aws:SourceArn': 'arn:aws:s3:::*'}}", true),
        ("{'StringLike': {'s3:DataAccessPointArn': 'arn:aws:s3:us-west-2:111111111111:*'}}", false),
        ("{'StringLike': {'s3:OtherArn': 'arn:aws:s3:us-west-2:111111111111:*'}}", true),
    ] {
        check("'*'", condition, is_public);
    }
    let deny = "{\"Statement\": {\"Effect\": \"Deny\", \"Action\": \"*\", \"Principal\": \"*\"}}";
    assert!(!Policy::parse(deny, Kind::Resource).expect(deny).is_public(&[]));
}

/// Whatever is denied for want of a policy is allowed with the one that is suggested.
#[test]
fn suggestions_help() {
    let users = [
        Principal::user("arn:aws:iam::111111111111:user/ann"),
        Principal::service("lambda.amazonaws.com"),
        Principal::anonymous(),
        Principal::session(
            "arn:aws:sts::111111111111:assumed-role/job/one",
            "arn:aws:iam::111111111111:role/job",
        ),
    ];
    let resources = ["*", "arn:aws:s3:::b/a*?${x}\"\\\u{e9}\n$", "arn:aws:sqs:r:111111111111:q"];
    for (who, resource) in users.iter().flat_map(|who| resources.map(|r| (who, r))) {
        let request = Request {
            action: "s3:GetObject",
            resource,
            resource_account: Some("111111111111"),
            principal: *who,
            context: &NoContext,
        };
        let Decision::Denied(denial) = evaluate(&Policies::default(), &request) else {
            panic!("allowed by nothing")
        };
        let found = suggest(&denial, who, &[(request.action, resource)]);
        let Suggestion::Add(policy_type, text) = found else { panic!("{found:?}") };
        let is_identity = policy_type == PolicyType::Identity;
        let kind = if is_identity { Kind::Identity } else { Kind::Resource };
        let policy = Policy::parse(&text, kind).unwrap_or_else(|why| panic!("{why}: {text}"));
        let source = [Source::new("suggested", &policy)];
        let policies = if is_identity {
            Policies { identity: &source, ..Policies::default() }
        } else {
            Policies { resource: &source, rule: ResourceRule::Required, ..Policies::default() }
        };
        assert!(evaluate(&policies, &request).is_allowed(), "{text}");
        let other = Request { resource: "arn:aws:s3:::b/aXY", ..request };
        assert!(resource == "*" || !evaluate(&policies, &other).is_allowed(), "{text}");
    }
}

#[test]
fn smallest_policies() {
    let needs = [
        ("sqs:SendMessage", "arn:aws:sqs:r:1:q"),
        ("s3:GetObject", "arn:aws:s3:::b/a"),
        ("s3:GetObject", "arn:aws:s3:::b/b"),
        ("sqs:ReceiveMessage", "arn:aws:sqs:r:1:q"),
        ("s3:GetObject", "arn:aws:s3:::b/a"),
    ];
    let expected = r#"{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": "s3:GetObject",
      "Resource": ["arn:aws:s3:::b/a", "arn:aws:s3:::b/b"]
    },
    {
      "Effect": "Allow",
      "Action": ["sqs:ReceiveMessage", "sqs:SendMessage"],
      "Resource": "arn:aws:sqs:r:1:q"
    }
  ]
}"#;
    assert_eq!(smallest(&needs), expected);
}
