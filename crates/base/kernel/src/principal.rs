//! Who calls.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::SessionFacts;

/// The verified caller of an operation. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// The root user of an account, with a key of its own: may do all.
    Root {
        /// Twelve digits.
        account: String,
    },
    /// Temporary credentials of a root user: `GetSessionToken` or `AssumeRoot`.
    RootSession(Arc<RootSession>),
    /// A user of IAM, with an access key or with temporary credentials of `GetSessionToken`.
    User(Arc<User>),
    /// A session of a role.
    AssumedRole(Arc<AssumedRole>),
    /// A session of `GetFederationToken`.
    FederatedUser(Arc<FederatedUser>),
    /// A service of ours that acts for itself, such as `connect.amazonaws.com`.
    Service {
        /// The service's principal name.
        name: &'static str,
        /// The account it works for.
        account: String,
    },
    /// Nobody: an operation that the model lets anyone call.
    Anonymous,
}

/// A session of an account's root user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootSession {
    /// Twelve digits.
    #[serde(rename = "a")]
    pub account: String,
    /// What the session carries.
    #[serde(rename = "f")]
    pub session: SessionFacts,
}

/// A user of IAM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Twelve digits.
    #[serde(rename = "a")]
    pub account: String,
    /// `/` or `/division/`.
    #[serde(rename = "p")]
    pub path: String,
    /// Name without the path.
    #[serde(rename = "n")]
    pub name: String,
    /// Unique id, `AIDA…`.
    #[serde(rename = "i")]
    pub id: String,
    /// What temporary credentials carry; `None` with an access key of the user's own.
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionFacts>,
}

/// A session of a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssumedRole {
    /// Twelve digits.
    #[serde(rename = "a")]
    pub account: String,
    /// `/` or `/service-role/`.
    #[serde(rename = "p")]
    pub path: String,
    /// Name of the role without its path.
    #[serde(rename = "n")]
    pub role: String,
    /// Unique id of the role, `AROA…`.
    #[serde(rename = "i")]
    pub role_id: String,
    /// `RoleSessionName`.
    #[serde(rename = "s")]
    pub session_name: String,
    /// What the session carries.
    #[serde(rename = "f")]
    pub session: SessionFacts,
}

/// A session of `GetFederationToken`: acts with what both the session's policies and the policies
/// of the one who asked for it allow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FederatedUser {
    /// Twelve digits.
    #[serde(rename = "a")]
    pub account: String,
    /// `Name` of the request.
    #[serde(rename = "n")]
    pub name: String,
    /// The user who asked for it; `None` is the account's root.
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    pub by: Option<User>,
    /// What the session carries.
    #[serde(rename = "f")]
    pub session: SessionFacts,
}

impl Principal {
    /// The root user of an account.
    pub fn root(account: &str) -> Self {
        Principal::Root { account: account.to_owned() }
    }

    /// The account that the caller belongs to; empty for [`Principal::Anonymous`].
    pub fn account(&self) -> &str {
        match self {
            Principal::Root { account } | Principal::Service { account, .. } => account,
            Principal::RootSession(root) => &root.account,
            Principal::User(user) => &user.account,
            Principal::AssumedRole(role) => &role.account,
            Principal::FederatedUser(user) => &user.account,
            Principal::Anonymous => "",
        }
    }

    /// The caller's ARN, as `GetCallerIdentity` and error messages show it:
    /// `arn:aws:iam::123456789012:root`, `arn:aws:sts::…:assumed-role/ROLE/SESSION`, or the
    /// service's name. A role's path does not appear in the ARN of its sessions.
    pub fn arn(&self) -> String {
        match self {
            Principal::Root { account } => format!("arn:aws:iam::{account}:root"),
            Principal::RootSession(root) => format!("arn:aws:iam::{}:root", root.account),
            Principal::User(user) => user.arn(),
            Principal::AssumedRole(role) => role.arn(),
            Principal::FederatedUser(user) => user.arn(),
            Principal::Service { name, .. } => (*name).to_owned(),
            Principal::Anonymous => "anonymous".to_owned(),
        }
    }

    /// `aws:PrincipalArn`: for a session of a role the ARN of the role itself, with its path.
    pub fn principal_arn(&self) -> String {
        match self {
            Principal::AssumedRole(role) => role.role_arn(),
            other => other.arn(),
        }
    }

    /// STS's `UserId`, IAM's `aws:userid`: the account of a root, `AIDA…` of a user,
    /// `AROA…:session` of a role's session, `account:name` of a federated user.
    pub fn user_id(&self) -> String {
        match self {
            Principal::User(user) => user.id.clone(),
            Principal::AssumedRole(role) => format!("{}:{}", role.role_id, role.session_name),
            Principal::FederatedUser(user) => format!("{}:{}", user.account, user.name),
            Principal::Anonymous => "anonymous".to_owned(),
            other => other.account().to_owned(),
        }
    }

    /// `aws:username`: users have one, nobody else.
    pub fn user_name(&self) -> Option<&str> {
        match self {
            Principal::User(user) => Some(&user.name),
            _ => None,
        }
    }

    /// `aws:PrincipalType`.
    pub fn kind(&self) -> &'static str {
        match self {
            Principal::Root { .. } | Principal::RootSession(_) => "Account",
            Principal::User(_) => "User",
            Principal::AssumedRole(_) => "AssumedRole",
            Principal::FederatedUser(_) => "FederatedUser",
            Principal::Service { .. } => "Service",
            Principal::Anonymous => "Anonymous",
        }
    }

    /// What temporary credentials carry; `None` for long-lived keys, services and nobody.
    pub fn session(&self) -> Option<&SessionFacts> {
        match self {
            Principal::RootSession(root) => Some(&root.session),
            Principal::User(user) => user.session.as_ref(),
            Principal::AssumedRole(role) => Some(&role.session),
            Principal::FederatedUser(user) => Some(&user.session),
            Principal::Root { .. } | Principal::Service { .. } | Principal::Anonymous => None,
        }
    }
}

impl User {
    /// `arn:aws:iam::123456789012:user/division/name`.
    pub fn arn(&self) -> String {
        format!("arn:aws:iam::{}:user{}{}", self.account, self.path, self.name)
    }
}

impl AssumedRole {
    /// `arn:aws:sts::123456789012:assumed-role/ROLE/SESSION`.
    pub fn arn(&self) -> String {
        let AssumedRole { account, role, session_name, .. } = self;
        format!("arn:aws:sts::{account}:assumed-role/{role}/{session_name}")
    }

    /// `arn:aws:iam::123456789012:role/path/ROLE`.
    pub fn role_arn(&self) -> String {
        format!("arn:aws:iam::{}:role{}{}", self.account, self.path, self.role)
    }
}

impl FederatedUser {
    /// `arn:aws:sts::123456789012:federated-user/NAME`.
    pub fn arn(&self) -> String {
        format!("arn:aws:sts::{}:federated-user/{}", self.account, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(principal: Principal, expected: [&str; 4]) {
        let found = [
            principal.arn(),
            principal.principal_arn(),
            principal.user_id(),
            principal.kind().to_owned(),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn names_of_principals() {
        let account = || "111122223333".to_owned();
        let session = || SessionFacts::new(0, 1);
        let root = "arn:aws:iam::111122223333:root";
        check(Principal::root(&account()), [root, root, &account(), "Account"]);
        let sessions = RootSession { account: account(), session: session() };
        check(Principal::RootSession(sessions.into()), [root, root, &account(), "Account"]);
        let user = User {
            account: account(),
            path: "/desk/".into(),
            name: "kim".into(),
            id: "AIDAX".into(),
            session: None,
        };
        let arn = "arn:aws:iam::111122223333:user/desk/kim";
        check(Principal::User(user.clone().into()), [arn, arn, "AIDAX", "User"]);
        let role = AssumedRole {
            account: account(),
            path: "/service-role/".into(),
            role: "r".into(),
            role_id: "AROAX".into(),
            session_name: "s".into(),
            session: session(),
        };
        let arn = "arn:aws:sts::111122223333:assumed-role/r/s";
        let role_arn = "arn:aws:iam::111122223333:role/service-role/r";
        check(Principal::AssumedRole(role.into()), [arn, role_arn, "AROAX:s", "AssumedRole"]);
        let federated = FederatedUser {
            account: account(),
            name: "lee".into(),
            by: Some(user),
            session: session(),
        };
        let arn = "arn:aws:sts::111122223333:federated-user/lee";
        let expected = [arn, arn, "111122223333:lee", "FederatedUser"];
        check(Principal::FederatedUser(federated.into()), expected);
    }
}
