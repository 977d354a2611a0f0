//! Who calls.

/// The verified caller of an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// The root user of an account.
    Root {
        /// Twelve digits.
        account: String,
    },
    /// A session of a role.
    AssumedRole {
        /// Twelve digits.
        account: String,
        /// Name of the role without its path.
        role: String,
        /// `RoleSessionName`.
        session: String,
        /// Unique id of the role, `AROA…`.
        role_id: String,
    },
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

impl Principal {
    /// The account that the caller belongs to; empty for [`Principal::Anonymous`].
    pub fn account(&self) -> &str {
        match self {
            Principal::Root { account }
            | Principal::AssumedRole { account, .. }
            | Principal::Service { account, .. } => account,
            Principal::Anonymous => "",
        }
    }

    /// `arn:aws:iam::123456789012:root`, `arn:aws:sts::…:assumed-role/…`, or the service's name.
    pub fn arn(&self) -> String {
        match self {
            Principal::Root { account } => format!("arn:aws:iam::{account}:root"),
            Principal::AssumedRole { account, role, session, .. } => {
                format!("arn:aws:sts::{account}:assumed-role/{role}/{session}")
            }
            Principal::Service { name, .. } => (*name).to_owned(),
            Principal::Anonymous => "anonymous".to_owned(),
        }
    }

    /// STS's `UserId`.
    pub fn user_id(&self) -> String {
        match self {
            Principal::AssumedRole { role_id, session, .. } => format!("{role_id}:{session}"),
            other => other.account().to_owned(),
        }
    }
}
