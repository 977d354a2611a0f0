//! Whether a bucket's policy is public, as `GetBucketPolicyStatus` and the block of public access
//! mean it.
//!
//! S3's rule: a statement that allows everybody is public unless a condition pins one of a few
//! keys to fixed values. What is not understood counts as public: that is the safe side.

use serde_json::Value as Json;

/// Keys whose fixed values keep a statement from being public, lower case (S3's list).
const PINNING: [&str; 14] = [
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:principalaccount",
    "aws:principalarn",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceorgid",
    "aws:sourceowner",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:userid",
    "s3:dataaccesspointaccount",
    "s3:dataaccesspointarn",
    "aws:sourceip",
];
/// Operators that can pin a value, without prefixes and `IfExists`.
const FIXING: [&str; 8] = [
    "stringequals",
    "stringequalsignorecase",
    "stringlike",
    "arnequals",
    "arnlike",
    "ipaddress",
    "numericequals",
    "bool",
];

/// Whether the policy, valid JSON, lets everybody do something.
pub(crate) fn is_public(policy: &str) -> bool {
    let Ok(document) = serde_json::from_str::<Json>(policy) else { return true };
    list(&document["Statement"]).iter().any(|statement| is_public_statement(statement))
}

fn list(value: &Json) -> Vec<&Json> {
    match value {
        Json::Null => Vec::new(),
        Json::Array(values) => values.iter().collect(),
        other => vec![other],
    }
}

fn is_public_statement(statement: &Json) -> bool {
    if statement["Effect"] != "Allow" {
        return false;
    }
    // Allowing all but some is allowing everybody.
    let everybody = !statement["NotPrincipal"].is_null()
        || match &statement["Principal"] {
            Json::Object(kinds) => kinds.get("AWS").is_some_and(names_everybody),
            other => names_everybody(other),
        };
    everybody && !is_pinned(&statement["Condition"])
}

fn names_everybody(principal: &Json) -> bool {
    list(principal).iter().any(|name| name.as_str().is_none_or(|name| name.contains('*')))
}

fn is_pinned(condition: &Json) -> bool {
    let Json::Object(operators) = condition else { return false };
    operators.iter().any(|(operator, keys)| {
        let operator = operator.to_ascii_lowercase();
        // `ForAllValues` and `IfExists` hold for requests that lack the key.
        if !FIXING.contains(&operator.trim_start_matches("foranyvalue:")) {
            return false;
        }
        let Json::Object(keys) = keys else { return false };
        keys.iter().any(|(key, values)| {
            PINNING.contains(&key.to_ascii_lowercase().as_str()) && all_fixed(key, values)
        })
    })
}

fn all_fixed(key: &str, values: &Json) -> bool {
    let values = list(values);
    let address = key.eq_ignore_ascii_case("aws:SourceIp");
    !values.is_empty()
        && values.iter().all(|value| {
            value.as_str().is_some_and(|text| match address {
                true => is_narrow(text),
                false => is_fixed(key, text),
            })
        })
}

/// An ARN may have wildcards in what follows the account, anything else none at all; policy
/// variables are as open as the request that fills them.
fn is_fixed(key: &str, text: &str) -> bool {
    if text.contains("${") {
        return false;
    }
    let arn = key.to_ascii_lowercase().ends_with("arn");
    let fixed = match arn {
        true => text.splitn(6, ':').take(5).collect::<Vec<_>>().join(":"),
        false => text.to_owned(),
    };
    // A bucket's ARN names no account: then its name is what is fixed.
    let named = !arn || !text.splitn(6, ':').nth(4).unwrap_or("").is_empty() || !text.contains('*');
    named && !fixed.contains(['*', '?'])
}

/// S3 calls IPv4 ranges wider than /8 and IPv6 ranges wider than /32 public.
fn is_narrow(range: &str) -> bool {
    let (address, bits) = range.split_once('/').map_or((range, None), |(a, b)| (a, Some(b)));
    let Ok(address) = address.parse::<std::net::IpAddr>() else { return false };
    let least = if address.is_ipv4() { 8 } else { 32 };
    bits.is_none_or(|bits| bits.parse::<u8>().is_ok_and(|bits| bits >= least))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn public_is_told_from_private() {
        let check = |statement: Json, expected: bool| {
            let policy = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
            assert_eq!(is_public(&policy), expected, "{policy}");
        };
        let allow = |principal: Json, condition: Json| {
            json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/*",
                   "Principal": principal, "Condition": condition})
        };
        let none = || json!({});
        check(allow(json!("*"), none()), true);
        check(allow(json!({"AWS": "*"}), none()), true);
        check(allow(json!({"AWS": ["arn:aws:iam::1:root", "*"]}), none()), true);
        check(allow(json!({"AWS": "arn:aws:iam::111122223333:root"}), none()), false);
        check(allow(json!({"Service": "cloudtrail.amazonaws.com"}), none()), false);
        check(json!({"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}), false);
        check(json!({"Effect": "Allow", "NotPrincipal": {"AWS": "1"}, "Action": "*"}), true);
        let when = |operator: &str, key: &str, value: Json| {
            allow(json!("*"), json!({operator: {key: value}}))
        };
        check(when("StringEquals", "aws:PrincipalOrgID", json!("o-1")), false);
        check(when("StringEquals", "aws:principalorgid", json!(["o-1", "o-2"])), false);
        check(when("StringLike", "aws:PrincipalOrgID", json!("o-*")), true);
        check(when("StringEqualsIfExists", "aws:PrincipalOrgID", json!("o-1")), true);
        check(when("StringNotEquals", "aws:PrincipalOrgID", json!("o-1")), true);
        check(when("StringEquals", "s3:prefix", json!("x")), true);
        check(when("StringEquals", "aws:SourceVpc", json!("${aws:userid}")), true);
        check(when("IpAddress", "aws:SourceIp", json!("10.0.0.0/8")), false);
        check(when("IpAddress", "aws:SourceIp", json!("0.0.0.0/1")), true);
        check(when("IpAddress", "aws:SourceIp", json!("2001:db8::/32")), false);
        check(when("ArnLike", "aws:SourceArn", json!("arn:aws:sns:*:111122223333:t*")), true);
        check(when("ArnLike", "aws:SourceArn", json!("arn:aws:sns:us-east-1:1:t*")), false);
        check(when("ArnLike", "aws:SourceArn", json!("arn:aws:s3:::*")), true);
        check(when("ArnEquals", "aws:SourceArn", json!("arn:aws:s3:::one")), false);
        assert!(is_public("no json"));
    }
}
