//! `GetSessionToken` and `GetFederationToken`.

use api_sts::{
    Client, Credentials, GetFederationTokenRequest, GetSessionTokenRequest, PolicyDescriptorType,
    Tag,
};
use kernel::{Kernel, Principal, SessionFacts};

use super::{ctx, kernel, role, root, user};

/// Who the credentials speak for.
fn whose(kernel: &Kernel, credentials: Option<Credentials>) -> Principal {
    let made = credentials.expect("credentials");
    let (keys, now) = (kernel.credentials(), kernel.clock().now());
    let found = keys.find(kernel, &made.access_key_id, Some(&made.session_token), now);
    let key = found.expect("a key that works");
    assert_eq!(key.secret, made.secret_access_key);
    assert_eq!(key.principal.session().unwrap().expires_at_ms, made.expiration.epoch_ms);
    key.principal
}

fn lasts_s(principal: &Principal) -> i64 {
    let facts = principal.session().expect("a session");
    (facts.expires_at_ms - facts.issued_at_ms) / 1000
}

#[tokio::test]
async fn session_tokens() {
    let kernel = kernel();
    let check = async |who: Principal, duration: Option<i32>, expected: Result<i64, &str>| {
        let client = ctx(&kernel, who.clone()).client::<Client>();
        let input = GetSessionTokenRequest { duration_seconds: duration, ..Default::default() };
        let found = client.get_session_token(input).await.map_err(|fault| fault.message);
        let found = found.map(|answer| {
            let principal = whose(&kernel, answer.credentials);
            assert_eq!(principal.arn(), who.arn());
            assert_eq!(principal.user_id(), who.user_id());
            lasts_s(&principal)
        });
        assert_eq!(found, expected.map_err(str::to_owned));
    };
    check(user(None), None, Ok(43_200)).await;
    check(user(None), Some(900), Ok(900)).await;
    check(user(None), Some(129_600), Ok(129_600)).await;
    check(root(), None, Ok(3600)).await;
    check(root(), Some(7200), Ok(3600)).await;
    let refused = "Cannot call GetSessionToken with session credentials";
    check(user(Some(SessionFacts::new(0, 1))), None, Err(refused)).await;
    check(role(), None, Err(refused)).await;
}

#[tokio::test]
async fn codes_of_devices_that_nobody_has() {
    let kernel = kernel();
    let check = async |serial: Option<&str>, code: Option<&str>, expected: &str| {
        let input = GetSessionTokenRequest {
            serial_number: serial.map(str::to_owned),
            token_code: code.map(str::to_owned),
            ..Default::default()
        };
        let client = ctx(&kernel, user(None)).client::<Client>();
        let fault = client.get_session_token(input).await.map(|_| ()).expect_err("no device");
        assert_eq!((&*fault.code, fault.status), ("AccessDenied", 403));
        assert!(fault.message.contains(expected), "{}", fault.message);
    };
    let serial = Some("arn:aws:iam::111122223333:mfa/kim");
    check(serial, Some("123456"), "verify your MFA serial number is valid").await;
    check(serial, None, "must provide both").await;
    check(None, Some("123456"), "must provide both").await;
}

#[tokio::test]
async fn federated_users() {
    let kernel = kernel();
    let policy =
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#;
    let input = || GetFederationTokenRequest {
        name: "lee".into(),
        policy: Some(policy.into()),
        policy_arns: Some(vec![PolicyDescriptorType {
            arn: Some("arn:aws:iam::aws:policy/ReadOnlyAccess".into()),
        }]),
        tags: Some(vec![Tag { key: "Team".into(), value: "desk".into() }]),
        minimum_session_token_size: Some(2000),
        ..Default::default()
    };
    let client = ctx(&kernel, user(None)).client::<Client>();
    let answer = client.get_federation_token(input()).await.expect("a session");
    let token_chars = answer.credentials.as_ref().unwrap().session_token.len() as i32;
    assert_eq!(answer.session_token_size, Some(token_chars));
    assert!(token_chars >= 2000);
    let share = (token_chars * 100 + 4095) / 4096;
    assert_eq!(answer.session_token_utilization, Some(share));
    assert!((1..=100).contains(&answer.packed_policy_size.unwrap()));
    let named = answer.federated_user.unwrap();
    assert_eq!(named.arn, "arn:aws:sts::111122223333:federated-user/lee");
    assert_eq!(named.federated_user_id, "111122223333:lee");
    let principal = whose(&kernel, answer.credentials);
    assert_eq!(lasts_s(&principal), 43_200);
    let Principal::FederatedUser(federated) = principal else { panic!("{principal:?}") };
    assert_eq!(federated.by.as_ref().map(|by| by.name.as_str()), Some("kim"));
    assert_eq!(federated.session.policy.as_deref(), Some(policy));
    assert_eq!(federated.session.tag("team"), Some("desk"));

    let answer = ctx(&kernel, root()).client::<Client>().get_federation_token(input()).await;
    assert_eq!(lasts_s(&whose(&kernel, answer.expect("a session").credentials)), 3600);

    let check = async |who: Principal, input: GetFederationTokenRequest, expected: &str| {
        let answer = ctx(&kernel, who).client::<Client>().get_federation_token(input).await;
        assert_eq!(answer.map(|_| ()).expect_err("refused").code, expected);
    };
    check(role(), input(), "AccessDenied").await;
    check(user(Some(SessionFacts::new(0, 1))), input(), "AccessDenied").await;
    let bad = GetFederationTokenRequest { policy: Some("{".into()), ..input() };
    check(root(), bad, "MalformedPolicyDocument").await;
    let random: &dyn kernel::Random = &kernel::SeededRandom::new(1);
    let tag = |i: u8| Tag { key: format!("k{i}"), value: random.base32(256) };
    let large = GetFederationTokenRequest { tags: Some((0..50).map(tag).collect()), ..input() };
    check(root(), large, "PackedPolicyTooLarge").await;
}
