//! Who makes a request, and what of that the language knows.

use crate::arn::Arn;
use crate::context::Values;

/// The kind of a principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who<'a> {
    /// Unsigned.
    Anonymous,
    /// The root user of an account: `arn:aws:iam::ACCOUNT:root`.
    Root {
        /// The root user's ARN.
        arn: &'a str,
    },
    /// An IAM user: `arn:aws:iam::ACCOUNT:user/PATH/NAME`.
    User {
        /// The user's ARN.
        arn: &'a str,
    },
    /// A session of a role.
    Session {
        /// `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`.
        arn: &'a str,
        /// `arn:aws:iam::ACCOUNT:role/PATH/ROLE`.
        role_arn: &'a str,
    },
    /// A session of GetFederationToken.
    FederatedUser {
        /// `arn:aws:sts::ACCOUNT:federated-user/NAME`.
        arn: &'a str,
        /// The user (or root user) who asked for it.
        issuer_arn: &'a str,
    },
    /// A service, such as `lambda.amazonaws.com`.
    Service {
        /// The service principal.
        name: &'a str,
    },
    /// Someone whom an identity provider vouches for and who has no credentials yet: the caller
    /// of AssumeRoleWithWebIdentity and AssumeRoleWithSAML.
    Federated {
        /// `cognito-identity.amazonaws.com`, or the ARN of an OIDC or SAML provider.
        provider: &'a str,
    },
}

/// A principal. Make it with one of the functions named after the kinds, then add what is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Principal<'a> {
    /// The kind and its names.
    pub who: Who<'a>,
    /// `AIDA…` of a user, `AROA…` of a role (without the session's name). A policy may hold it in
    /// the place of the ARN of one who was deleted.
    pub unique_id: Option<&'a str>,
    /// The canonical user id of the account (64 hexadecimal digits), which bucket policies know.
    pub canonical_id: Option<&'a str>,
}

impl<'a> Principal<'a> {
    const fn new(who: Who<'a>) -> Self {
        Self { who, unique_id: None, canonical_id: None }
    }

    /// An unsigned request.
    pub const fn anonymous() -> Self {
        Self::new(Who::Anonymous)
    }

    /// The root user, by ARN.
    pub const fn root(arn: &'a str) -> Self {
        Self::new(Who::Root { arn })
    }

    /// A user, by ARN.
    pub const fn user(arn: &'a str) -> Self {
        Self::new(Who::User { arn })
    }

    /// A role's session, by its ARN and the role's.
    pub const fn session(arn: &'a str, role_arn: &'a str) -> Self {
        Self::new(Who::Session { arn, role_arn })
    }

    /// A federated user, by ARN and the ARN of who asked for the token.
    pub const fn federated_user(arn: &'a str, issuer_arn: &'a str) -> Self {
        Self::new(Who::FederatedUser { arn, issuer_arn })
    }

    /// A service, by the name of its service principal.
    pub const fn service(name: &'a str) -> Self {
        Self::new(Who::Service { name })
    }

    /// An identity that a provider vouches for.
    pub const fn federated(provider: &'a str) -> Self {
        Self::new(Who::Federated { provider })
    }

    /// With its unique id.
    pub const fn with_unique_id(mut self, id: &'a str) -> Self {
        self.unique_id = Some(id);
        self
    }

    /// With its account's canonical user id.
    pub const fn with_canonical_id(mut self, id: &'a str) -> Self {
        self.canonical_id = Some(id);
        self
    }

    /// The ARN by which messages name it; a service's name or a provider, where it has none.
    pub fn arn(&self) -> Option<&'a str> {
        match self.who {
            Who::Anonymous => None,
            Who::Root { arn }
            | Who::User { arn }
            | Who::Session { arn, .. }
            | Who::FederatedUser { arn, .. } => Some(arn),
            Who::Service { name } => Some(name),
            Who::Federated { provider } => Some(provider),
        }
    }

    /// The account, for those who have one.
    pub fn account(&self) -> Option<&'a str> {
        match self.who {
            Who::Anonymous | Who::Service { .. } | Who::Federated { .. } => None,
            _ => Arn::parse(self.arn()?).map(|arn| arn.account),
        }
    }

    /// Whether identity policies can speak for it.
    pub fn has_identity(&self) -> bool {
        self.account().is_some()
    }

    /// What it alone says about context keys. `key` is in lower case. A host's [`crate::Context`] may
    /// answer with this first.
    ///
    /// Known are `aws:principalarn` (the role's ARN for a session), `aws:principalaccount`,
    /// `aws:principaltype`, `aws:username`, `aws:principalisawsservice`,
    /// `aws:principalservicename` and, with a unique id, `aws:userid`.
    pub fn value(&self, key: &str) -> Option<Values<'a>> {
        let is_service = matches!(self.who, Who::Service { .. });
        match key {
            "aws:principalarn" => match self.who {
                Who::Session { role_arn, .. } => Some(role_arn.into()),
                Who::Root { arn } | Who::User { arn } | Who::FederatedUser { arn, .. } => {
                    Some(arn.into())
                }
                _ => None,
            },
            "aws:principalaccount" => self.account().map(Values::from),
            "aws:principaltype" => Some(self.kind().into()),
            "aws:username" => match self.who {
                Who::User { arn } => arn.rsplit('/').next().map(Values::from),
                _ => None,
            },
            "aws:userid" => self.user_id(),
            "aws:principalisawsservice" => Some(is_service.into()),
            "aws:principalservicename" => match self.who {
                Who::Service { name } => Some(name.into()),
                _ => None,
            },
            _ => None,
        }
    }

    /// `aws:PrincipalType`.
    fn kind(&self) -> &'static str {
        match self.who {
            Who::Anonymous => "Anonymous",
            Who::Root { .. } => "Account",
            Who::User { .. } => "User",
            Who::Session { .. } => "AssumedRole",
            Who::FederatedUser { .. } => "FederatedUser",
            Who::Service { .. } => "Service",
            Who::Federated { .. } => "Federated",
        }
    }

    fn user_id(&self) -> Option<Values<'a>> {
        match self.who {
            Who::Anonymous => Some("anonymous".into()),
            Who::Root { .. } => self.account().map(Values::from),
            Who::User { .. } => self.unique_id.map(Values::from),
            Who::Session { arn, .. } => {
                let session = arn.rsplit('/').next()?;
                Some(format!("{}:{session}", self.unique_id?).into())
            }
            Who::FederatedUser { arn, .. } => {
                let name = arn.rsplit('/').next()?;
                Some(format!("{}:{name}", self.account()?).into())
            }
            Who::Service { .. } | Who::Federated { .. } => None,
        }
    }
}
