//! STS through the kernel, as the gateway and other services call it.

mod roles;
mod sessions;

use std::sync::Arc;

use kernel::{AssumedRole, Config, Ctx, Kernel, Principal, SessionFacts, User};

const ACCOUNT: &str = "111122223333";

fn kernel() -> Kernel {
    let kernel = Kernel::new(Config::memory());
    kernel.start(vec![service_sts::service()]);
    kernel
}

fn ctx(kernel: &Kernel, principal: Principal) -> Ctx {
    Ctx::new(kernel, "ap-northeast-2", principal, "request".into())
}

fn root() -> Principal {
    Principal::root(ACCOUNT)
}

fn user(session: Option<SessionFacts>) -> Principal {
    Principal::User(Arc::new(User {
        account: ACCOUNT.into(),
        path: "/desk/".into(),
        name: "kim".into(),
        id: "AIDAKIM".into(),
        session,
    }))
}

fn role() -> Principal {
    Principal::AssumedRole(Arc::new(AssumedRole {
        account: ACCOUNT.into(),
        path: "/".into(),
        role: "desk".into(),
        role_id: "AROAABC".into(),
        session_name: "call".into(),
        session: SessionFacts::new(0, 1),
    }))
}

#[tokio::test]
async fn caller_identity() {
    let kernel = kernel();
    let check = async |principal: Principal, expected: [&str; 3]| {
        let client = ctx(&kernel, principal).client::<api_sts::Client>();
        let who = client.get_caller_identity(Default::default()).await.unwrap();
        assert_eq!([who.user_id, who.account, who.arn].map(Option::unwrap), expected);
    };
    check(root(), [ACCOUNT, ACCOUNT, "arn:aws:iam::111122223333:root"]).await;
    let arn = "arn:aws:iam::111122223333:user/desk/kim";
    check(user(None), ["AIDAKIM", ACCOUNT, arn]).await;
    check(user(Some(SessionFacts::new(0, 1))), ["AIDAKIM", ACCOUNT, arn]).await;
    let arn = "arn:aws:sts::111122223333:assumed-role/desk/call";
    check(role(), ["AROAABC:call", ACCOUNT, arn]).await;
}

#[tokio::test]
async fn accounts_of_keys() {
    let kernel = kernel();
    let client = ctx(&kernel, root()).client::<api_sts::Client>();
    let check = async |id: &str, expected: Result<&str, &str>| {
        let input = api_sts::GetAccessKeyInfoRequest { access_key_id: id.into() };
        let found = client.get_access_key_info(input).await;
        let found = found.map(|answer| answer.account.unwrap()).map_err(|fault| fault.code);
        let expected = expected.map(str::to_owned).map_err(Into::into);
        assert_eq!(found, expected);
    };
    check("AKIAQNZGKIQY56JQ7WML", Ok("029608264753")).await;
    check("ASIAQNZGKIQY56JQ7WML", Ok("029608264753")).await;
    check("AKIAIOSFODNN7EXAMPLE", Err("ValidationError")).await;
}

#[tokio::test]
async fn encoded_messages_are_the_accounts_own() {
    let kernel = kernel();
    let text = r#"{"allowed":false}"#;
    let encode = |account: &str| {
        kernel::encode_authorization_message(kernel.sealer(), account, text).expect("short")
    };
    let client = ctx(&kernel, root()).client::<api_sts::Client>();
    let check = async |message: String, expected: Result<&str, &str>| {
        let input = api_sts::DecodeAuthorizationMessageRequest { encoded_message: message };
        let found = client.decode_authorization_message(input).await;
        let found = found.map(|answer| answer.decoded_message.unwrap()).map_err(|f| f.code);
        assert_eq!(found, expected.map(str::to_owned).map_err(Into::into));
    };
    check(encode(ACCOUNT), Ok(text)).await;
    check(encode("444455556666"), Err("InvalidAuthorizationMessageException")).await;
    check("x".into(), Err("InvalidAuthorizationMessageException")).await;
}
