//! Roles, as IAM has them.

use std::sync::Arc;

use api_iam::{Client, GetRoleRequest};
use api_sts::Error;
use kernel::{Arn, AssumedRole, Ctx, Fault, Principal, SessionFacts};

use crate::fault::invalid;

/// The service that asks IAM.
pub(crate) const SERVICE: &str = "sts.amazonaws.com";

/// What STS needs to know of a role.
pub(crate) struct Role {
    pub account: String,
    pub path: String,
    pub name: String,
    /// `AROA…`.
    pub id: String,
    /// `MaxSessionDuration`.
    pub max_session_s: i32,
    /// The trust policy.
    pub trust: String,
    pub tags: Vec<(String, String)>,
}

/// The account and name in a role's ARN.
pub(crate) fn parse_arn(text: &str) -> Result<(String, String), Error> {
    let arn = Arn::parse(text).map_err(|_| invalid(format!("{text} is invalid")))?;
    let path = arn.resource.strip_prefix("role/").unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default();
    let is_account = kernel::is_account(&arn.account);
    if arn.service != "iam" || !arn.region.is_empty() || !is_account || name.is_empty() {
        return Err(invalid("Request ARN is invalid"));
    }
    Ok((arn.account, name.to_owned()))
}

impl Role {
    /// A session of the role.
    pub(crate) fn session(&self, session_name: String, facts: SessionFacts) -> Principal {
        Principal::AssumedRole(Arc::new(AssumedRole {
            account: self.account.clone(),
            path: self.path.clone(),
            role: self.name.clone(),
            role_id: self.id.clone(),
            session_name,
            session: facts,
        }))
    }

    /// Refuses sessions longer than the role's `MaxSessionDuration`.
    pub(crate) fn check_duration(&self, duration_s: i32) -> Result<(), Error> {
        match duration_s > self.max_session_s {
            true => Err(invalid(
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            )),
            false => Ok(()),
        }
    }
}

/// The role with this ARN, if there is one: the path is part of it.
pub(crate) async fn find(ctx: &Ctx, arn: &str) -> Result<Option<Role>, Error> {
    let (account, name) = parse_arn(arn)?;
    let iam = ctx.kernel().service_ctx(SERVICE, &account, ctx.region()).client::<Client>();
    let role = match iam.get_role(GetRoleRequest { role_name: name }).await {
        Ok(answer) => answer.role,
        Err(fault) if fault.code == "NoSuchEntity" => return Ok(None),
        Err(fault) => return Err(Fault::internal(fault).into()),
    };
    if role.arn != arn {
        return Ok(None);
    }
    let tags = role.tags.unwrap_or_default();
    let trust = role.assume_role_policy_document.unwrap_or_default();
    Ok(Some(Role {
        account,
        path: role.path,
        name: role.role_name,
        id: role.role_id,
        max_session_s: role.max_session_duration.unwrap_or(3600),
        trust: percent_decode(&trust),
        tags: tags.into_iter().map(|tag| (tag.key, tag.value)).collect(),
    }))
}

/// IAM gives documents percent-encoded, as RFC 3986 has it.
fn percent_decode(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let hex = |at: usize| tail.get(at).and_then(|b| char::from(*b).to_digit(16));
        match (byte, hex(0), hex(1)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                rest = &tail[2..];
            }
            _ => {
                out.push(byte);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_of_roles() {
        let check = |arn: &str, expected: Result<(&str, &str), &str>| {
            let found = parse_arn(arn).map_err(|error| Fault::from(error).message);
            let expected = expected.map(|(a, n)| (a.to_owned(), n.to_owned()));
            assert_eq!(found, expected.map_err(str::to_owned));
        };
        check("arn:aws:iam::111122223333:role/r", Ok(("111122223333", "r")));
        check("arn:aws:iam::111122223333:role/a/b/r", Ok(("111122223333", "r")));
        check("role", Err("role is invalid"));
        for arn in [
            "arn:aws:iam::111122223333:role/",
            "arn:aws:iam::111122223333:user/u",
            "arn:aws:iam::1:role/r",
            "arn:aws:iam:us-east-1:111122223333:role/r",
            "arn:aws:sts::111122223333:assumed-role/r/s",
        ] {
            check(arn, Err("Request ARN is invalid"));
        }
    }

    #[test]
    fn documents() {
        assert_eq!(percent_decode("%7B%22a%22%3A%20%221%2B%22%7D"), r#"{"a": "1+"}"#);
        assert_eq!(percent_decode("100%"), "100%");
        assert_eq!(percent_decode("%zz%4"), "%zz%4");
    }
}
