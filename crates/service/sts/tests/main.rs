//! STS through the kernel, as the gateway and other services call it.

use std::sync::Arc;

use kernel::{AssumedRole, Config, Ctx, Kernel, Principal, SessionFacts};

async fn check(principal: Principal, expected: [&str; 3]) {
    let kernel = Kernel::new(Config::memory());
    kernel.start(vec![service_sts::service()]);
    let ctx = Ctx::new(&kernel, "ap-northeast-2", principal, "request".into());
    let client = ctx.client::<api_sts::Client>();
    let who = client.get_caller_identity(Default::default()).await.unwrap();
    let found = [who.user_id, who.account, who.arn].map(Option::unwrap);
    assert_eq!(found, expected);
}

#[tokio::test]
async fn root() {
    check(
        Principal::Root { account: "111122223333".into() },
        ["111122223333", "111122223333", "arn:aws:iam::111122223333:root"],
    )
    .await;
}

#[tokio::test]
async fn assumed_role() {
    check(
        Principal::AssumedRole(Arc::new(AssumedRole {
            account: "111122223333".into(),
            path: "/".into(),
            role: "desk".into(),
            role_id: "AROAABC".into(),
            session_name: "call".into(),
            session: SessionFacts::new(0, 1),
        })),
        ["AROAABC:call", "111122223333", "arn:aws:sts::111122223333:assumed-role/desk/call"],
    )
    .await;
}
