//! Whoever asked for a transfer, as he is stored with it: what it does in S3 it does in his name.

use kernel::{AssumedRole, Ctx, Fault, FederatedUser, Kernel, Principal, RootSession, User};
use serde::{Deserialize, Serialize};

/// Under which name DynamoDB passes requests on.
pub(crate) const SERVICE: &str = "dynamodb.amazonaws.com";

/// A verified caller. Sessions are kept with their policies; that one ends does not end what it
/// began, as in AWS.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) enum Caller {
    Root { account: String },
    RootSession(Box<RootSession>),
    User(Box<User>),
    Role(Box<AssumedRole>),
    Federated(Box<FederatedUser>),
}

impl Caller {
    /// The caller of a request.
    ///
    /// # Errors
    /// Services of ours do not transfer tables by themselves.
    pub fn of(ctx: &Ctx) -> Result<Caller, Fault> {
        Ok(match ctx.principal() {
            Principal::Root { account } => Caller::Root { account: account.clone() },
            Principal::RootSession(root) => Caller::RootSession(Box::new((**root).clone())),
            Principal::User(user) => Caller::User(Box::new((**user).clone())),
            Principal::AssumedRole(role) => Caller::Role(Box::new((**role).clone())),
            Principal::FederatedUser(user) => Caller::Federated(Box::new((**user).clone())),
            Principal::Service { .. } | Principal::Anonymous => {
                return Err(Fault::not_implemented("a transfer that no user asks for"));
            }
        })
    }

    /// A context in which DynamoDB acts for him.
    pub fn ctx(&self, kernel: &Kernel, region: &str) -> Ctx {
        let principal = match self.clone() {
            Caller::Root { account } => Principal::Root { account },
            Caller::RootSession(root) => Principal::RootSession((*root).into()),
            Caller::User(user) => Principal::User((*user).into()),
            Caller::Role(role) => Principal::AssumedRole((*role).into()),
            Caller::Federated(user) => Principal::FederatedUser((*user).into()),
        };
        Ctx::new(kernel, region, principal, kernel.random().uuid()).via(SERVICE)
    }
}
