//! Finding a bucket.

use api_s3::{Error, Owner};
use kernel::{Ctx, Principal};
use sha2::{Digest as _, Sha256};
use store::ReadTx;

use crate::errors;
use crate::records::{BUCKETS, Bucket};
use crate::settings::kept::{self, Accelerated};

/// The bucket of a request. `expected_owner` is `x-amz-expected-bucket-owner`.
pub(crate) fn bucket(
    tx: &ReadTx,
    ctx: &Ctx,
    name: &str,
    expected_owner: Option<&str>,
) -> Result<Bucket, Error> {
    let bucket = tx.get(&BUCKETS, name)?.ok_or_else(|| match is_valid_name(name) {
        true => errors::no_such_bucket(name),
        false => errors::invalid_bucket_name(name),
    })?;
    // Whose policies count has been judged before; a root user is of his own account alone.
    let root = matches!(ctx.principal(), Principal::Root { .. } | Principal::RootSession(_));
    let foreign = root && bucket.account != ctx.account();
    if foreign || expected_owner.is_some_and(|owner| owner != bucket.account) {
        return Err(errors::access_denied().into());
    }
    if ctx.endpoint().is_some_and(|endpoint| endpoint.contains(".s3-accelerate.")) {
        check_accelerated(tx, name)?;
    }
    Ok(bucket)
}

/// Whether requests to a bucket may come to its host for accelerated transfers. Nobody else's hosts
/// are told of.
fn check_accelerated(tx: &ReadTx, name: &str) -> Result<(), Error> {
    let text = match kept::get::<Accelerated>(tx, name)? {
        Some(Accelerated(true)) => return Ok(()),
        Some(Accelerated(false)) => "S3 Transfer Acceleration is disabled on this bucket",
        None => "S3 Transfer Acceleration is not configured on this bucket",
    };
    Err(errors::invalid_request(text).into())
}

/// Whether a bucket may have this name: AWS's rules for general purpose buckets.
pub(crate) fn is_valid_name(name: &str) -> bool {
    const PREFIXES: [&str; 3] = ["xn--", "sthree-", "amzn-s3-demo-"];
    const SUFFIXES: [&str; 5] = ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"];
    let alphanumeric = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let labels_fit = name.split('.').all(|label| !label.is_empty());
    (3..=63).contains(&name.len())
        && name.chars().all(|c| alphanumeric(c) || c == '-' || c == '.')
        && name.starts_with(alphanumeric)
        && name.ends_with(alphanumeric)
        && labels_fit
        && name.parse::<std::net::Ipv4Addr>().is_err()
        && !PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        && !SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
}

/// The canonical user of an account: 64 hexadecimal digits that stay the same.
pub(crate) fn canonical_id(account: &str) -> String {
    let digest = Sha256::digest(format!("gureum canonical user {account}"));
    kernel::digest::hex(&digest)
}

/// An account as S3 names owners.
pub(crate) fn owner(account: &str) -> Owner {
    Owner { id: Some(canonical_id(account)), ..Owner::default() }
}

#[cfg(test)]
mod tests {
    use super::is_valid_name;

    #[test]
    fn names() {
        for (name, expected) in [
            ("abc", true),
            ("my.bucket-1", true),
            ("1bucket", true),
            ("ab", false),
            ("Abc", false),
            ("a_b", false),
            ("-abc", false),
            ("abc-", false),
            ("a..b", false),
            ("192.168.0.1", false),
            ("xn--abc", false),
            ("abc-s3alias", false),
            (&"a".repeat(63), true),
            (&"a".repeat(64), false),
        ] {
            assert_eq!(is_valid_name(name), expected, "{name}");
        }
    }
}
