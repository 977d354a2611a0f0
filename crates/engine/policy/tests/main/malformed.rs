//! Documents that are refused, and AWS's words; and some that look wrong and are not.
//!
//! Which fault of a document is named first was recorded from IAM by moto's test_iam_policies.py.

use policy::{Kind, Policy};

/// `document` has `'` for `"`. No text expected: it is accepted.
fn check(kind: Kind, document: &str, expected: &str) {
    let document = document.replace('\'', "\"");
    let text = Policy::parse(&document, kind).err().map_or(String::new(), |e| e.to_string());
    assert_eq!(text, expected, "{document}");
}

/// A policy of one statement.
fn statement(statement: &str) -> String {
    format!("{{'Version': '2012-10-17', 'Statement': {statement}}}")
}

const BUCKET: &str = "'Resource': 'arn:aws:s3:::example_bucket'";
const SYNTAX: &str = "Syntax errors in policy.";
const LEGACY: &str = "The policy failed legacy parsing";
const VERSION: &str = "Policy document must be version 2012-10-17 or greater.";
const ACTIONS: &str = "Policy statement must contain actions.";
const RESOURCES: &str = "Policy statement must contain resources.";

#[test]
fn identity_documents() {
    let check = |document: &str, expected: &str| check(Kind::Identity, document, expected);
    let whole = format!("{{'Effect': 'Allow', 'Action': 's3:ListBucket', {BUCKET}}}");
    check(&statement(&whole), "");
    check(&statement(&format!("[{whole}]")), "");
    check("This is not a json document", SYNTAX);
    check("", SYNTAX);
    check("[]", SYNTAX);
    check(&format!("{{'Statement': {whole}}}"), VERSION);
    check(&format!("{{'Version': '2008-10-17', 'Statement': {whole}}}"), VERSION);
    check(&format!("{{'Version': '2013-10-17', 'Statement': {whole}}}"), SYNTAX);
    check(&format!("{{'Version': ['2012-10-17'], 'Statement': {whole}}}"), SYNTAX);
    check("{'Version': '2012-10-17'}", SYNTAX);
    check(&statement("[]"), SYNTAX);
    check(&statement("['afd']"), SYNTAX);
    check(&format!(" {}", statement(&whole)), LEGACY);
    check(&format!("\n  {}", statement(&whole)), "");
    check(&format!("{}\n", statement(&whole)), "");
    for (element, expected) in [
        ("'Id': 'x'", ""),
        ("'Id': ['x']", SYNTAX),
        ("'Id': {}", SYNTAX),
        ("'Extra field': 'x'", SYNTAX),
        ("'Version': '2012-10-17'", SYNTAX),
    ] {
        let document = statement(&whole).replacen('{', &format!("{{{element}, "), 1);
        check(&document, expected);
    }
}

#[test]
fn identity_statements() {
    let check = |text: &str, expected: &str| {
        check(Kind::Identity, &statement(&text.replace("BUCKET", BUCKET)), expected);
    };
    let vendor = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.";
    let colons = "Actions/Condition can contain only one colon.";
    for (text, expected) in [
        ("{'Effect': 'Allow', 'NotAction': 's3:*', 'NotResource': '*'}", ""),
        ("{'Effect': 'Allow', 'Action': 'iam: asdf safdsf af ', BUCKET}", ""),
        ("{'Effect': 'Allow', 'Action': 's3-s.x:ListBucket', BUCKET}", ""),
        ("{'Effect': 'Allow', 'Action': '*', 'Resource': ['arn:aws:s3:::b', '*', null]}", ""),
        ("{'Sid': '', 'Effect': 'Allow', 'Action': '*', BUCKET}", ""),
        ("{'Action': 's3:ListBucket', BUCKET}", SYNTAX),
        ("{'Effect': 'invalid', 'Action': 's3:ListBucket', BUCKET}", SYNTAX),
        ("{'Effect': 'denY', 'Action': 's3:ListBucket', BUCKET}", LEGACY),
        ("{'Effect': 'Allow', 'Action': 'invalid', BUCKET}", vendor),
        ("{'Effect': 'Allow', 'Action': 'invalid'}", vendor),
        ("{'Effect': 'Allow', 'NotAction': '', BUCKET}", vendor),
        ("{'Effect': 'Allow', 'Action': 'a a:ListBucket', BUCKET}", "Vendor a a is not valid"),
        ("{'Effect': 'Allow', 'Action': 's3:List:Bucket', BUCKET}", colons),
        ("{'Effect': 'Allow', BUCKET}", ACTIONS),
        ("{'Effect': 'Allow'}", ACTIONS),
        ("{'Effect': 'Allow', 'Action': [], BUCKET}", ACTIONS),
        ("{'Effect': 'Allow', 'Action': 's3:ListBucket'}", RESOURCES),
        ("{'Effect': 'Allow', 'Action': 's3:ListBucket', 'Resource': []}", RESOURCES),
        ("{'Effect': 'Allow', 'Action': [[]], BUCKET}", SYNTAX),
        ("{'Effect': 'Allow', 'Action': {}, BUCKET}", SYNTAX),
        ("{'Effect': 'Allow', 'Action': 'a:b', 'NotAction': [], BUCKET}", SYNTAX),
        ("{'Effect': 'Allow', 'Action': 'a:b', BUCKET, 'NotResource': []}", SYNTAX),
        ("{'Effect': 'Allow', 'Action': 'a:b', BUCKET, 'Other': 1}", SYNTAX),
        ("{'Effect': 'Allow', 'Action': 'a:b', BUCKET, 'Action': 'a:c'}", SYNTAX),
        ("{'Sid': {}, 'Effect': 'Allow', 'Action': 'a:b', BUCKET}", SYNTAX),
        (
            "{'Effect': 'Allow', 'Action': 'a:b', BUCKET, 'Principal': '*'}",
            "Policy document should not specify a principal.",
        ),
        (
            "{'Sid': 'with space', 'Effect': 'Allow', 'Action': 'a:b', BUCKET}",
            "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular \
             expression [0-9A-Za-z]*",
        ),
        (
            "[{'Sid': 'a', 'Effect': 'Allow', 'Action': 'a:b', BUCKET}, {'Sid': 'a', 'Effect': 'Allow'}]",
            "Statement IDs (SID) in a single policy must be unique.",
        ),
        ("[{'Effect': 'Deny'}, {'Effect': 'Allow', 'Action': 'a:b', BUCKET}]", ACTIONS),
    ] {
        check(text, expected);
    }
}

#[test]
fn identity_resources() {
    let check = |resource: &str, expected: &str| {
        let text =
            format!("{{'Effect': 'Allow', 'Action': 's3:ListBucket', 'Resource': {resource}}}");
        check(Kind::Identity, &statement(&text), expected);
    };
    let paths = "IAM resource path must either be \"*\" or start with user/, federated-user/, role/, \
                 group/, instance-profile/, mfa/, server-certificate/, policy/, sms-mfa/, \
                 saml-provider/, oidc-provider/, report/, access-report/.";
    for (resource, expected) in [
        ("'arn:aws:iam::*:user/${aws:username}'", ""),
        ("'arn:aws:iam::${aws:PrincipalAccount}:role/x'", ""),
        ("'arn:aws:s3:us-west-2:123456789012:accesspoint/a/object/*'", ""),
        ("'arn:aws:ec2:us-east-1::example_bucket'", ""),
        ("'arn:aws:invalid-service:::example_bucket'", ""),
        ("'arn:aws:sqs:*'", ""),
        ("'arn:aws:iam::*:root'", ""),
        ("''", "Resource  must be in ARN format or \"*\"."),
        ("['adf']", "Resource adf must be in ARN format or \"*\"."),
        ("'invalid resource'", "Resource invalid resource must be in ARN format or \"*\"."),
        (
            "'a:bsdfdsafsad'",
            "Partition \"bsdfdsafsad\" is not valid for resource \"arn:bsdfdsafsad:*:*:*:*\".",
        ),
        ("'a:b:cadfsdf'", "Partition \"b\" is not valid for resource \"arn:b:cadfsdf:*:*:*\"."),
        ("'a:b:c:d:e:f:g:h'", "Partition \"b\" is not valid for resource \"arn:b:c:d:e:f:g:h\"."),
        (
            "'aws:s3:::example_bucket'",
            "Partition \"s3\" is not valid for resource \"arn:s3:::example_bucket:*\".",
        ),
        (
            "['arn:error:s3:::example_bucket', 'arn:error:s3::example_bucket']",
            "Partition \"error\" is not valid for resource \"arn:error:s3:::example_bucket\".",
        ),
        ("'arn:aws'", "Resource vendor must be fully qualified and cannot contain regexes."),
        ("'arn:aws:s3::example_bucket'", LEGACY),
        ("'arn:aws::::example_bucket'", LEGACY),
        ("'arn:aws::fdsasf'", LEGACY),
        ("'arn:aws:iam:::example_bucket'", paths),
        (
            "'arn:aws:iam:us-east-1::example_bucket'",
            "IAM resource arn:aws:iam:us-east-1::example_bucket cannot contain region information.",
        ),
        (
            "'arn:aws:s3:us-east-1::example_bucket'",
            "Resource arn:aws:s3:us-east-1::example_bucket can not contain region information.",
        ),
        ("{'a': 'arn:aws:s3:::example_bucket'}", SYNTAX),
        ("['adfdf', {}]", SYNTAX),
    ] {
        check(resource, expected);
    }
}

#[test]
fn identity_conditions() {
    let check = |condition: &str, expected: &str| {
        let text = format!(
            "{{'Effect': 'Allow', 'Action': 's3:ListBucket', {BUCKET}, 'Condition': {condition}}}"
        );
        check(Kind::Identity, &statement(&text), expected);
    };
    for condition in [
        "{}",
        "{'a': {}}",
        "{'x': {}, 'y': {}}",
        "{'DateGreaterThan': {}}",
        "{'DateGreaterThan': {'a': []}}",
        "{'DateGreaterThan': {'a': '01T'}}",
        "{'DateLessThan': {'a': '-292275054'}}",
        "{'DateLessThanEquals': {'a': '2016-12-13T21:20:37.593194+00:00'}}",
        "{'DateLessThanEquals': {'a': '2016-12-13t2:00:00.593194+23'}}",
        "{'StringEqualsIfExists': {'a': 'asf'}}",
        "{'ForAnyValue:StringEqualsIfExists': {'a': 'asf'}}",
        "{'Bool': {'a': true}, 'ForAllValues:Bool': {'a': [false, 'True']}}",
        "{'NumericLessThan': {'a': 10, 'b': [1.5, '2']}}",
        "{'Null': {'a': false}}",
    ] {
        check(condition, "");
    }
    for condition in [
        "[]",
        "'a'",
        "{'a': 'b'}",
        "{'x': {'a': '1'}}",
        "{'DateGreaterThan': 'b'}",
        "{'DateGreaterThan': []}",
        "{'DateGreaterThan': {'a': {}}}",
        "{'StringEquals': {'a': null}}",
        "{'StringEquals': {'a': [['b']]}}",
        "{'StringEquals': {'a': 'b', 'a': 'c'}}",
        "{'StringEquals': {'a': 'b'}, 'StringEquals': {'b': 'c'}}",
        "{'ForAnyValue::StringEqualsIfExists': {'a': 'asf'}}",
        "{'ForSomeValues:StringEquals': {'a': 'asf'}}",
        "{'stringequals': {'a': 'asf'}}",
        "[{'ForAllValues:StringEquals': {'aws:TagKeys': 'Department'}}]",
    ] {
        check(condition, SYNTAX);
    }
    for date in [
        "sdfdsf",
        "234-13",
        "2016-12-13t2:00:00.593194+1",
        "2016-12-13t2:00:00.1999999999+10:59",
        "9223372036854775808",
    ] {
        check(&format!("{{'DateLessThanEquals': {{'a': '{date}'}}}}"), LEGACY);
    }
}

/// Which of several faults is named.
#[test]
fn order_of_faults() {
    let check = |document: &str, expected: &str| check(Kind::Identity, document, expected);
    let bad_date = "'Condition': {'DateGreaterThan': {'a': 'sdfdsf'}}";
    let allow = "'Effect': 'Allow', 'Action': 's3:ListBucket'";
    check(&format!("{{'Statement': {{{allow}, {BUCKET}, {bad_date}}}}}"), VERSION);
    check(&format!("{{'Statement': {{'Effect': 'denY', 'Action': 'a:b', {BUCKET}}}}}"), VERSION);
    check(&statement(&format!("{{'Effect': 'Allow', {bad_date}}}")), LEGACY);
    check(&statement(&format!("{{{allow}, 'Resource': 'arn:error:s3:::b', {bad_date}}}")), LEGACY);
    check(&statement("{'Effect': 'Allow', 'Resource': 'arn:aws:s3::b'}"), LEGACY);
    check(
        &statement("{'Effect': 'Allow', 'Action': 's:3:ListBucket', 'Resource': 'sdfsadf'}"),
        "Resource sdfsadf must be in ARN format or \"*\".",
    );
}

#[test]
fn trust_and_resource_policies() {
    let trust = "'Principal': {'Service': 'ec2.amazonaws.com'}, 'Action': 'sts:AssumeRole'";
    for (kind, text, expected) in [
        (Kind::Trust, format!("{{'Effect': 'Allow', {trust}}}"), ""),
        (
            Kind::Trust,
            "{'Effect': 'Allow', 'Principal': {'AWS': '*'}, 'Action': 'sts:*'}".into(),
            "",
        ),
        (Kind::Trust, format!("{{{trust}}}"), "Missing required field Effect"),
        (Kind::Trust, format!("{{'Effect': 'allow', {trust}}}"), "Invalid effect: allow"),
        (
            Kind::Trust,
            "{'Effect': 'Allow', 'Action': 'sts:AssumeRole'}".into(),
            "Missing required field Principal",
        ),
        (
            Kind::Trust,
            "{'Effect': 'Allow', 'Principal': {'AWS': '111111111111'}}".into(),
            "Missing required field Action",
        ),
        (
            Kind::Trust,
            "{'Effect': 'Allow', 'Principal': {}, 'Action': 'sts:AssumeRole'}".into(),
            "Missing required field Principal cannot be empty!",
        ),
        (
            Kind::Trust,
            "{'Effect': 'Allow', 'Principal': '*', 'Action': 'sts:AssumeRole'}".into(),
            "Principal must be a JSON object.",
        ),
        (
            Kind::Trust,
            format!("{{'Effect': 'Allow', {trust}, 'Resource': '*'}}"),
            "Has prohibited field Resource",
        ),
        (
            Kind::Trust,
            format!("{{'Effect': 'Allow', {trust}, 'NotResource': '*'}}"),
            "AssumeRole policy must not contain resources.",
        ),
        (
            Kind::Trust,
            "{'Effect': 'Allow', 'Principal': {'AWS': '*'}, 'Action': ['sts:AssumeRole', '*']}"
                .into(),
            "AssumeRole policy may only specify STS AssumeRole actions.",
        ),
        (
            Kind::Trust,
            "{'Effect': 'Deny', 'NotPrincipal': {'AWS': '*'}, 'Action': 'sts:*'}".into(),
            "AssumeRole policy must not contain NotPrincipal field.",
        ),
        (
            Kind::Trust,
            "{'Effect': 'Allow', 'Principal': {'AWS': 'arn:aws:iam::1:user/*'}, 'Action': 'sts:*'}"
                .into(),
            "Invalid principal in policy: \"AWS\":\"arn:aws:iam::1:user/*\"",
        ),
        (Kind::Resource, "{'Effect': 'Allow', 'Principal': '*', 'Action': 's3:*'}".into(), ""),
        (
            Kind::Resource,
            "{'Sid': 'with a space', 'Effect': 'Deny', 'NotPrincipal': {'AWS': ['111111111111']}, \
             'Action': 'kms:*', 'Resource': '*'}"
                .into(),
            "",
        ),
        (
            Kind::Resource,
            "{'Effect': 'Allow', 'NotPrincipal': {'AWS': '*'}, 'Action': 's3:*'}".into(),
            "Allow with NotPrincipal is not allowed.",
        ),
        (
            Kind::Resource,
            "{'Effect': 'Allow', 'Principal': {'Robot': '*'}, 'Action': 's3:*'}".into(),
            "Invalid principal in policy: \"Robot\":\"*\"",
        ),
        (Kind::Resource, "[]".into(), "Could not parse the policy: Statement is empty!"),
        (
            Kind::Resource,
            "[{'Sid': 'a', 'Effect': 'Allow', 'Principal': '*', 'Action': 's3:*'}, \
             {'Sid': 'a', 'Effect': 'Allow', 'Principal': '*', 'Action': 's3:*'}]"
                .into(),
            "The Statement Ids in the policy are not unique",
        ),
    ] {
        check(kind, &statement(&text), expected);
        check(kind, &statement(&text).replace("2012", "2008"), expected);
    }
    check(Kind::Trust, "nothing", "This policy contains invalid Json");
    check(Kind::Trust, "{'Version': 'x'}", "The policy must contain a valid version string");
}

/// Nothing that is too big or too deep is worked on.
#[test]
fn hostile_documents() {
    for kind in [Kind::Identity, Kind::Resource, Kind::Trust] {
        for text in ["[".repeat(262_144), "{\"a\":".repeat(20_000), " ".repeat(300_000)] {
            assert!(Policy::parse(&text, kind).is_err());
        }
    }
    let many = "{'Effect':'Allow','Action':'*','Resource':'*'}, ".repeat(10_000);
    let many = many.trim_end_matches(", ");
    check(Kind::Identity, &statement(&format!("[{many}]")), SYNTAX);
    let few = "{'Effect':'Allow','Action':'*','Resource':'*'},".repeat(2_700);
    let few = few.trim_end_matches(',');
    check(Kind::Identity, &statement(&format!("[{few}]")), "");
    let open = "${".repeat(60_000);
    let text = format!("{{'Effect':'Allow','Action':'*','Resource':'arn:aws:s3:::{open}'}}");
    check(Kind::Identity, &statement(&text), "");
}
