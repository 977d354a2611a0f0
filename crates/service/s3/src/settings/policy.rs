//! Bucket policies: what S3 asks of one beyond the language itself.

use kernel::Fault;
use policy::{Kind, Malformed, Policy};

/// S3's limit.
const POLICY_BYTES_MAX: usize = 20 * 1024;
const BUCKETS: &str = "arn:aws:s3:::";
/// S3's own keys that tie a statement to someone.
const TYING: [&str; 2] = ["s3:dataaccesspointaccount", "s3:dataaccesspointarn"];

/// Checks a policy for a bucket; says whether it is public.
pub(crate) fn check(text: &str, bucket: &str) -> Result<bool, Fault> {
    if text.len() > POLICY_BYTES_MAX {
        return Err(malformed("Policy document exceeds the maximum allowed size of 20480 bytes."));
    }
    let policy = Policy::parse(text, Kind::Resource).map_err(|why| match why {
        Malformed::Json => malformed("Policies must be valid JSON and the first byte must be '{'"),
        Malformed::Principal(..) => malformed("Invalid principal in policy"),
        Malformed::Effect(effect) => malformed(format!("Invalid effect: {effect}")),
        other => malformed(other.to_string()),
    })?;
    for statement in policy.statements() {
        let (mut actions, _) = statement.actions();
        if !actions.all(is_s3_action) {
            return Err(malformed("Policy has invalid action"));
        }
        let (mut resources, _) = statement.resources();
        if !resources.all(|resource| is_of(resource, bucket)) {
            return Err(malformed("Policy has invalid resource"));
        }
    }
    Ok(policy.is_public(&TYING))
}

fn malformed(text: impl Into<String>) -> Fault {
    Fault::sender("MalformedPolicy", text)
}

fn is_s3_action(action: &str) -> bool {
    action == "*" || action.get(..3).is_some_and(|service| service.eq_ignore_ascii_case("s3:"))
}

/// Whether a resource's pattern can mean this bucket or objects in it.
fn is_of(resource: &str, bucket: &str) -> bool {
    let Some(pattern) = resource.strip_prefix(BUCKETS) else { return false };
    let pattern = pattern.split('/').next().unwrap_or_default();
    // `photos*` means objects as well: the asterisk may reach over the slash.
    fits(pattern.as_bytes(), bucket.as_bytes())
}

/// Whether a pattern with `*` and `?` fits; never goes back further than to the last asterisk.
fn fits(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                back = Some((p, t));
                p += 1;
            }
            Some(b'?') => (p, t) = (p + 1, t + 1),
            Some(byte) if *byte == text[t] => (p, t) = (p + 1, t + 1),
            _ => match back {
                Some((star, from)) => {
                    back = Some((star, from + 1));
                    (p, t) = (star + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    #[test]
    fn policies_are_checked() {
        let check = |principal: &str, action: &str, resource: &str, expected: &str| {
            let text = format!(
                r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow",
                "Principal":{principal},"Action":"{action}","Resource":"{resource}"}}]}}"#
            );
            let got = super::check(&text, "photos")
                .map_or_else(|fault| fault.to_string(), |public| public.to_string());
            assert!(got.contains(expected), "{text}: {got} lacks {expected}");
        };
        let (all, own) = (r#""*""#, r#"{"AWS":"arn:aws:iam::111122223333:root"}"#);
        check(all, "s3:GetObject", "arn:aws:s3:::photos/*", "true");
        check(own, "s3:GetObject", "arn:aws:s3:::photos/*", "false");
        check(own, "s3:*", "arn:aws:s3:::photos", "false");
        check(own, "s3:*", "arn:aws:s3:::ph?tos*", "false");
        check(own, "s3:*", "arn:aws:s3:::*", "false");
        check(own, "s3:*", "arn:aws:s3:::other/*", "invalid resource");
        check(own, "s3:*", "*", "invalid resource");
        check(own, "sqs:*", "arn:aws:s3:::photos", "invalid action");
        check(r#"{"AWS":"nobody"}"#, "s3:*", "arn:aws:s3:::photos", "Invalid principal");
        let got = super::check("no json", "photos").expect_err("no policy");
        assert_eq!(got.code, "MalformedPolicy");
        assert!(got.message.contains("valid JSON"), "{got}");
        assert!(super::check(&" ".repeat(20_481), "photos").is_err());
    }
}
