//! ARNs of IAM: no region.

/// `arn:aws:iam::ACCOUNT:KIND/PATH/NAME`; `path` begins and ends with a slash.
pub(crate) fn of(account: &str, kind: &str, path: &str, name: &str) -> String {
    format!("arn:aws:iam::{account}:{kind}{path}{name}")
}

/// The parts of an ARN of this kind: account (`aws` for AWS's policies), path and name.
pub(crate) fn parts<'a>(arn: &'a str, kind: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let (account, resource) = arn.strip_prefix("arn:aws:iam::")?.split_once(':')?;
    let rest = resource.strip_prefix(kind)?;
    let at = rest.rfind('/')?;
    let (path, name) = rest.split_at(at + 1);
    (path.starts_with('/') && !name.is_empty()).then_some((account, path, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        let arn = of("111122223333", "policy", "/a/b/", "c");
        assert_eq!(parts(&arn, "policy"), Some(("111122223333", "/a/b/", "c")));
        assert_eq!(parts("arn:aws:iam::aws:policy/x", "policy"), Some(("aws", "/", "x")));
        for bad in ["", "arn:aws:iam::1:role/x", "arn:aws:iam::1:policy", "arn:aws:iam::1:policy/"]
        {
            assert_eq!(parts(bad, "policy"), None, "{bad}");
        }
    }
}
