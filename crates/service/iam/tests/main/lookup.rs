//! What the authoriser asks.

use std::time::Duration;

use api_iam::*;
use service_iam::{Touch, Touches, lookup};

use crate::{ACCOUNT, ALLOW, Cloud, READ_ONLY};

#[tokio::test]
async fn a_key_opens_its_users_policies() {
    let cloud = Cloud::new();
    let iam = &cloud.iam;
    cloud.user("Ann").await;
    let key = CreateAccessKeyRequest { user_name: Some("Ann".into()) };
    let key = iam.create_access_key(key).await.unwrap().access_key;
    let group = CreateGroupRequest { group_name: "desk".into(), path: None };
    iam.create_group(group).await.unwrap();
    let member = AddUserToGroupRequest { group_name: "desk".into(), user_name: "Ann".into() };
    iam.add_user_to_group(member).await.unwrap();
    let inline = PutGroupPolicyRequest {
        group_name: "desk".into(),
        policy_name: "s3".into(),
        policy_document: ALLOW.into(),
    };
    let store = cloud.kernel.store();
    let before = store.read(|tx| lookup::generation(tx, ACCOUNT)).unwrap();
    iam.put_group_policy(inline).await.unwrap();
    let attach = AttachUserPolicyRequest { user_name: "Ann".into(), policy_arn: READ_ONLY.into() };
    iam.attach_user_policy(attach).await.unwrap();
    assert!(store.read(|tx| lookup::generation(tx, ACCOUNT)).unwrap() > before);

    let sealer = cloud.kernel.sealer();
    let find = || store.read(|tx| lookup::access_key(tx, sealer, &key.access_key_id)).unwrap();
    let found = find().unwrap();
    assert_eq!((found.secret, found.active), (key.secret_access_key.clone(), true));
    assert_eq!(found.user.unwrap().name, "Ann");
    let user = store.read(|tx| lookup::user(tx, ACCOUNT, "ann")).unwrap().unwrap();
    let sources: Vec<_> = user.policies.iter().map(|policy| &policy.source).collect();
    let inline = lookup::Source::Inline("group", "desk".into(), "s3".into());
    assert_eq!(sources, [&lookup::Source::Managed(READ_ONLY.into()), &inline]);
    assert_eq!(user.policies[1].document, ALLOW);

    let off = UpdateAccessKeyRequest {
        user_name: Some("Ann".into()),
        access_key_id: key.access_key_id.clone(),
        status: StatusType::Inactive,
    };
    iam.update_access_key(off).await.unwrap();
    assert!(!find().unwrap().active);
}

#[tokio::test]
async fn uses_are_written_down() {
    let cloud = Cloud::new();
    let user = cloud.user("ann").await;
    let key = CreateAccessKeyRequest { user_name: Some("ann".into()) };
    let key = cloud.iam.create_access_key(key).await.unwrap().access_key.access_key_id;
    let asked = || GetAccessKeyLastUsedRequest { access_key_id: key.clone() };
    let used = cloud.iam.get_access_key_last_used(asked()).await.unwrap();
    assert_eq!(used.access_key_last_used.unwrap().service_name, "N/A");
    let touch = Touch {
        account: ACCOUNT,
        access_key_id: Some(&key),
        principal_id: &user.user_id,
        service: "s3",
        region: "ap-northeast-2",
        at_ms: 1_700_000_000_000,
    };
    Touches::default().touched(&cloud.kernel, touch);
    let wait = async {
        loop {
            let used = cloud.iam.get_access_key_last_used(asked()).await.unwrap();
            let used = used.access_key_last_used.unwrap();
            if let Some(at) = used.last_used_date {
                return (at.epoch_ms, used.service_name, used.region);
            }
            tokio::task::yield_now().await;
        }
    };
    let used = tokio::time::timeout(Duration::from_secs(10), wait).await.unwrap();
    assert_eq!(used, (1_700_000_000_000, "s3".into(), "ap-northeast-2".into()));
}
