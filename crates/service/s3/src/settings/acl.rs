//! Access control lists: canned, in headers, or as XML.

use api_s3::{
    AccessControlPolicy, Grant as ApiGrant, Grantee as ApiGrantee, Owner, Permission, Type,
};
use kernel::Fault;
use serde::{Deserialize, Serialize};

use super::refusal::{invalid_argument, invalid_request, malformed_xml};

/// S3's limit.
const GRANTS_MAX: usize = 100;
const GROUPS: &str = "http://acs.amazonaws.com/groups/";

/// What an owner grants. An empty list is one, too: then only the owner's policies count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Acl {
    pub grants: Vec<Grant>,
}

/// One permission of one grantee.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Grant {
    pub to: Grantee,
    pub right: Right,
}

/// To whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Grantee {
    /// An account, by its canonical user id.
    Account(String),
    /// Everybody.
    AllUsers,
    /// Every account that signs.
    AuthenticatedUsers,
    /// S3's delivery of server access logs.
    LogDelivery,
}

/// What.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Right {
    FullControl,
    Read,
    Write,
    ReadAcp,
    WriteAcp,
}

/// The `x-amz-grant-*` headers, as sent.
#[derive(Debug, Default)]
pub(crate) struct Headers<'a> {
    pub full_control: Option<&'a str>,
    pub read: Option<&'a str>,
    pub read_acp: Option<&'a str>,
    pub write: Option<&'a str>,
    pub write_acp: Option<&'a str>,
}

/// Whose the bucket and the object are: canonical user ids.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owners<'a> {
    pub bucket: &'a str,
    pub object: &'a str,
}

impl Headers<'_> {
    fn pairs(&self) -> [(Right, Option<&str>); 5] {
        [
            (Right::FullControl, self.full_control),
            (Right::Read, self.read),
            (Right::ReadAcp, self.read_acp),
            (Right::Write, self.write),
            (Right::WriteAcp, self.write_acp),
        ]
    }

    /// Whether any was sent.
    pub fn any(&self) -> bool {
        self.pairs().iter().any(|(_, value)| value.is_some())
    }
}

impl Acl {
    /// The owner alone.
    pub fn private(owner: &str) -> Self {
        let to = Grantee::Account(owner.to_owned());
        Self { grants: vec![Grant { to, right: Right::FullControl }] }
    }

    /// One of S3's named lists; nothing if there is none of this name.
    pub fn canned(name: &str, owners: Owners<'_>) -> Option<Self> {
        let mut acl = Self::private(owners.object);
        let mut add = |to: Grantee, right: Right| acl.grants.push(Grant { to, right });
        let bucket = || Grantee::Account(owners.bucket.to_owned());
        match name {
            "private" | "aws-exec-read" => {}
            "public-read" => add(Grantee::AllUsers, Right::Read),
            "public-read-write" => {
                add(Grantee::AllUsers, Right::Read);
                add(Grantee::AllUsers, Right::Write);
            }
            "authenticated-read" => add(Grantee::AuthenticatedUsers, Right::Read),
            "bucket-owner-read" if owners.bucket != owners.object => add(bucket(), Right::Read),
            "bucket-owner-full-control" if owners.bucket != owners.object => {
                add(bucket(), Right::FullControl);
            }
            "bucket-owner-read" | "bucket-owner-full-control" => {}
            "log-delivery-write" => {
                add(Grantee::LogDelivery, Right::Write);
                add(Grantee::LogDelivery, Right::ReadAcp);
            }
            _ => return None,
        }
        Some(acl)
    }

    /// Reads the grant headers: `id="…", uri="…"`, several with commas between.
    pub fn from_headers(headers: &Headers<'_>) -> Result<Self, Fault> {
        let mut grants = Vec::new();
        for (right, value) in headers.pairs() {
            for part in value.unwrap_or_default().split(',').map(str::trim) {
                if part.is_empty() {
                    continue;
                }
                let (kind, name) = part.split_once('=').ok_or_else(|| {
                    invalid_argument(
                        "Argument format not recognized; expected id=, uri= or emailAddress=",
                    )
                })?;
                let name = name.trim().trim_matches(['"', '\'']);
                grants.push(Grant { to: Grantee::named(kind.trim(), name)?, right });
            }
        }
        Self { grants }.checked()
    }

    /// Reads an `AccessControlPolicy`. Its owner must be the owner: nobody else can be.
    pub fn from_api(input: AccessControlPolicy, owner: &str) -> Result<Self, Fault> {
        let named = input.owner.and_then(|owner| owner.id).ok_or_else(malformed_xml)?;
        if named != owner {
            return Err(Fault::new("AccessDenied", 403, "Access Denied"));
        }
        let grants = input.grants.unwrap_or_default().into_iter().map(Grant::from_api);
        Self { grants: grants.collect::<Result<_, _>>()? }.checked()
    }

    fn checked(self) -> Result<Self, Fault> {
        match self.grants.len() <= GRANTS_MAX {
            true => Ok(self),
            false => Err(invalid_request("An ACL can have at most 100 grants")),
        }
    }

    /// As `GetBucketAcl` and `GetObjectAcl` show it.
    pub fn to_api(&self) -> Vec<ApiGrant> {
        self.grants.iter().map(Grant::to_api).collect()
    }

    /// Whether it grants anything to a group that everybody is in.
    pub fn is_public(&self) -> bool {
        let public = |to: &Grantee| matches!(to, Grantee::AllUsers | Grantee::AuthenticatedUsers);
        self.grants.iter().any(|grant| public(&grant.to))
    }

    /// Whether it grants `right` to an account (`None`: to nobody in particular).
    pub fn allows(&self, account: Option<&str>, right: Right, ignore_public: bool) -> bool {
        self.grants.iter().any(|grant| {
            let to_him = match &grant.to {
                Grantee::Account(id) => account == Some(id),
                Grantee::AllUsers => !ignore_public,
                Grantee::AuthenticatedUsers => !ignore_public && account.is_some(),
                Grantee::LogDelivery => false,
            };
            to_him && (grant.right == right || grant.right == Right::FullControl)
        })
    }
}

impl Grantee {
    fn named(kind: &str, name: &str) -> Result<Self, Fault> {
        match kind {
            "id" if is_canonical_id(name) => Ok(Self::Account(name.to_owned())),
            "id" => Err(invalid_argument("Invalid id")),
            "uri" => Self::group(name),
            // No account here has a mail address.
            "emailAddress" => Err(unknown_mail()),
            _ => Err(invalid_argument(
                "Argument format not recognized; expected id=, uri= or emailAddress=",
            )),
        }
    }

    fn group(uri: &str) -> Result<Self, Fault> {
        match uri.strip_prefix(GROUPS) {
            Some("global/AllUsers") => Ok(Self::AllUsers),
            Some("global/AuthenticatedUsers") => Ok(Self::AuthenticatedUsers),
            Some("s3/LogDelivery") => Ok(Self::LogDelivery),
            _ => Err(invalid_argument("Invalid group uri")),
        }
    }

    fn to_api(&self) -> ApiGrantee {
        let group = |name: &str| ApiGrantee {
            uri: Some(format!("{GROUPS}{name}")),
            r#type: Type::Group,
            ..ApiGrantee::default()
        };
        match self {
            Self::Account(id) => ApiGrantee {
                id: Some(id.clone()),
                r#type: Type::CanonicalUser,
                ..ApiGrantee::default()
            },
            Self::AllUsers => group("global/AllUsers"),
            Self::AuthenticatedUsers => group("global/AuthenticatedUsers"),
            Self::LogDelivery => group("s3/LogDelivery"),
        }
    }
}

impl Grant {
    pub fn from_api(input: ApiGrant) -> Result<Self, Fault> {
        let grantee = input.grantee.ok_or_else(malformed_xml)?;
        let right = match input.permission.ok_or_else(malformed_xml)? {
            Permission::FullControl => Right::FullControl,
            Permission::Read => Right::Read,
            Permission::Write => Right::Write,
            Permission::ReadAcp => Right::ReadAcp,
            Permission::WriteAcp => Right::WriteAcp,
            Permission::Unknown(_) => return Err(malformed_xml()),
        };
        let to = match (&grantee.id, &grantee.uri, &grantee.email_address) {
            (Some(id), None, None) => Grantee::named("id", id)?,
            (None, Some(uri), None) => Grantee::group(uri)?,
            (None, None, Some(_)) => return Err(unknown_mail()),
            _ => return Err(malformed_xml()),
        };
        Ok(Self { to, right })
    }

    pub fn to_api(&self) -> ApiGrant {
        let permission = match self.right {
            Right::FullControl => Permission::FullControl,
            Right::Read => Permission::Read,
            Right::Write => Permission::Write,
            Right::ReadAcp => Permission::ReadAcp,
            Right::WriteAcp => Permission::WriteAcp,
        };
        ApiGrant { grantee: Some(self.to.to_api()), permission: Some(permission) }
    }
}

/// As the API shows an owner.
pub(crate) fn owner(id: &str) -> Owner {
    Owner { id: Some(id.to_owned()), display_name: None }
}

fn unknown_mail() -> Fault {
    Fault::sender(
        "UnresolvableGrantByEmailAddress",
        "The e-mail address you provided does not match any account on record.",
    )
}

fn is_canonical_id(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read() {
        let id = "ab".repeat(32);
        let check = |value: &str, expected: &str| {
            let headers = Headers { read: Some(value), ..Headers::default() };
            let got = Acl::from_headers(&headers)
                .map_or_else(|f| f.to_string(), |acl| format!("{:?}", acl.grants));
            assert!(got.contains(expected), "{value}: {got} lacks {expected}");
        };
        check(&format!("id=\"{id}\""), "Account(");
        check(&format!("id={id}, uri={GROUPS}global/AllUsers"), "AllUsers");
        check("id=short", "Invalid id");
        check("uri=http://example", "Invalid group uri");
        check("emailAddress=a@b", "does not match any account");
        check("nonsense", "format not recognized");
        check(&format!("id={id},").repeat(101), "at most 100");
    }

    #[test]
    fn rights_are_found() {
        let (me, other) = ("aa".repeat(32), "bb".repeat(32));
        let owners = Owners { bucket: &other, object: &me };
        let check = |name: &str, account: Option<&str>, right: Right, expected: bool| {
            let acl = Acl::canned(name, owners).expect("a canned list");
            assert_eq!(acl.allows(account, right, false), expected, "{name} {account:?} {right:?}");
        };
        check("private", Some(&me), Right::WriteAcp, true);
        check("private", None, Right::Read, false);
        check("public-read", None, Right::Read, true);
        check("public-read", None, Right::Write, false);
        check("public-read-write", None, Right::Write, true);
        check("authenticated-read", None, Right::Read, false);
        check("authenticated-read", Some(&other), Right::Read, true);
        check("bucket-owner-full-control", Some(&other), Right::ReadAcp, true);
        let public = Acl::canned("public-read", owners).expect("a canned list");
        assert!(!public.allows(None, Right::Read, true));
        assert!(public.is_public() && !Acl::private(&me).is_public());
        assert_eq!(Acl::canned("open", owners), None);
    }
}
