//! `AssumeRole`, with roles in IAM. Who may assume one is judged by IAM's authority and tested with
//! real clients; here it is what the session becomes.

use api_iam::CreateRoleRequest;
use api_sts::{AssumeRoleRequest, Client, Tag};
use kernel::{AssumedRole, Config, Kernel, Principal, RootSession, SessionFacts};

use super::{ACCOUNT, ctx, root};

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow",
    "Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"sts:AssumeRole"}}"#;

/// A kernel with the role `/desk/agent`.
async fn kernel() -> Kernel {
    let kernel = Kernel::new(Config::memory());
    kernel.start(vec![service_sts::service(), service_iam::service()]);
    let role = CreateRoleRequest {
        role_name: "agent".into(),
        path: Some("/desk/".into()),
        assume_role_policy_document: TRUST.into(),
        max_session_duration: Some(7200),
        ..Default::default()
    };
    ctx(&kernel, root()).client::<api_iam::Client>().create_role(role).await.expect("a role");
    kernel
}

fn agent() -> AssumeRoleRequest {
    AssumeRoleRequest {
        role_arn: "arn:aws:iam::111122223333:role/desk/agent".into(),
        role_session_name: "kim".into(),
        ..Default::default()
    }
}

/// The session that a request makes, or the error's code.
async fn assume(
    kernel: &Kernel,
    who: Principal,
    input: AssumeRoleRequest,
) -> Result<AssumedRole, String> {
    let answer = ctx(kernel, who).client::<Client>().assume_role(input).await;
    let answer = answer.map_err(|fault| fault.code.to_string())?;
    let (made, user) = (answer.credentials.unwrap(), answer.assumed_role_user.unwrap());
    let (keys, now) = (kernel.credentials(), kernel.clock().now());
    let key = keys.find(kernel, &made.access_key_id, Some(&made.session_token), now);
    let key = key.expect("a key that works");
    assert_eq!((key.principal.arn(), key.principal.user_id()), (user.arn, user.assumed_role_id));
    match key.principal {
        Principal::AssumedRole(role) => Ok((*role).clone()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_session_knows_its_role() {
    let kernel = kernel().await;
    let role = assume(&kernel, root(), agent()).await.expect("a session");
    assert_eq!(role.arn(), "arn:aws:sts::111122223333:assumed-role/agent/kim");
    assert_eq!(role.role_arn(), "arn:aws:iam::111122223333:role/desk/agent");
    assert!(role.role_id.starts_with("AROA"));
    assert_eq!(role.session.expires_at_ms - role.session.issued_at_ms, 3_600_000);
    assert!(!role.session.chained);
    let longer = AssumeRoleRequest { duration_seconds: Some(7200), ..agent() };
    let role = assume(&kernel, root(), longer).await.expect("a session");
    assert_eq!(role.session.expires_at_ms - role.session.issued_at_ms, 7_200_000);
}

#[tokio::test]
async fn chains_hand_on_tags_and_source_identity() {
    let kernel = kernel().await;
    let tag = |key: &str| Tag { key: key.into(), value: "1".into() };
    let input = AssumeRoleRequest {
        tags: Some(vec![tag("Team"), tag("Own")]),
        transitive_tag_keys: Some(vec!["team".into()]),
        source_identity: Some("kim".into()),
        ..agent()
    };
    let first = assume(&kernel, root(), input).await.expect("a session");
    assert_eq!((first.session.tag("team"), first.session.tag("own")), (Some("1"), Some("1")));
    let first = || Principal::AssumedRole(first.clone().into());
    let second = assume(&kernel, first(), agent()).await.expect("a session").session;
    assert_eq!((second.tag("team"), second.tag("own")), (Some("1"), None));
    assert_eq!(second.source_identity.as_deref(), Some("kim"));
    assert!(second.chained);
    let check = async |input: AssumeRoleRequest, expected: &str| {
        assert_eq!(assume(&kernel, first(), input).await.unwrap_err(), expected);
    };
    let other = AssumeRoleRequest { source_identity: Some("lee".into()), ..agent() };
    check(other, "AccessDenied").await;
    let again = AssumeRoleRequest { tags: Some(vec![tag("TEAM")]), ..agent() };
    check(again, "InvalidParameterValue").await;
    check(AssumeRoleRequest { duration_seconds: Some(3601), ..agent() }, "ValidationError").await;
}

#[tokio::test]
async fn what_makes_no_session() {
    let kernel = kernel().await;
    let check = async |who: Principal, input: AssumeRoleRequest, expected: &str| {
        assert_eq!(assume(&kernel, who, input).await.unwrap_err(), expected);
    };
    let named = |role_arn: &str| AssumeRoleRequest { role_arn: role_arn.into(), ..agent() };
    check(root(), named("arn:aws:iam::111122223333:role/nobody"), "AccessDenied").await;
    check(root(), named("arn:aws:iam::111122223333:role/agent"), "AccessDenied").await;
    check(root(), named("arn:aws:iam::111122223333:user/kim"), "ValidationError").await;
    let long = AssumeRoleRequest { duration_seconds: Some(7201), ..agent() };
    check(root(), long, "ValidationError").await;
    let code = AssumeRoleRequest { token_code: Some("123456".into()), ..agent() };
    check(root(), code, "AccessDenied").await;
    let reserved = AssumeRoleRequest { source_identity: Some("aws:kim".into()), ..agent() };
    check(root(), reserved, "ValidationError").await;
    let context = AssumeRoleRequest { provided_contexts: Some(Vec::new()), ..agent() };
    check(root(), context, "ValidationError").await;
    let session = SessionFacts::new(0, 1);
    let root_session = RootSession { account: ACCOUNT.into(), session };
    check(Principal::RootSession(root_session.into()), agent(), "AccessDenied").await;
}
