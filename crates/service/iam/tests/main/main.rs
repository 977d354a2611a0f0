//! IAM through the kernel, as the gateway and other services call it.

mod credentials;
mod entities;
mod lookup;
mod policies;
mod simulate;

use api_iam::Client;
use kernel::{Config, Ctx, Fault, Kernel, Principal};

pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const ALLOW: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
pub(crate) const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
pub(crate) const READ_ONLY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";

/// A fresh cloud, called by its root.
pub(crate) struct Cloud {
    pub kernel: Kernel,
    pub iam: Client,
}

impl Cloud {
    pub fn new() -> Self {
        let kernel = Kernel::new(Config::memory());
        kernel.start(vec![service_iam::service()]);
        let iam = Cloud::as_principal(&kernel, Principal::Root { account: ACCOUNT.into() });
        Cloud { kernel, iam }
    }

    pub fn as_principal(kernel: &Kernel, principal: Principal) -> Client {
        Ctx::new(kernel, "ap-northeast-2", principal, "request".into()).client()
    }

    pub async fn user(&self, name: &str) -> api_iam::User {
        let input = api_iam::CreateUserRequest { user_name: name.into(), ..Default::default() };
        self.iam.create_user(input).await.unwrap().user.unwrap()
    }

    pub async fn role(&self, name: &str) -> api_iam::Role {
        let input = api_iam::CreateRoleRequest {
            role_name: name.into(),
            assume_role_policy_document: TRUST.into(),
            ..Default::default()
        };
        self.iam.create_role(input).await.unwrap().role
    }

    /// Makes a managed policy and tells its ARN.
    pub async fn policy(&self, name: &str) -> String {
        let input = api_iam::CreatePolicyRequest {
            policy_name: name.into(),
            policy_document: ALLOW.into(),
            ..Default::default()
        };
        self.iam.create_policy(input).await.unwrap().policy.unwrap().arn.unwrap()
    }
}

/// `Code: message` of what must fail.
pub(crate) fn refusal<T>(result: Result<T, Fault>) -> String {
    match result {
        Ok(_) => "no refusal".into(),
        Err(fault) => fault.to_string(),
    }
}
